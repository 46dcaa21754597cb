"""
The frames of an app's sockets in the document that describes every socket.
"""

from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest
from starlette.routing import WebSocketRoute

from avance import App, Avance
from avance.config import Settings
from avance.dialect import Close, Dialect, Effect, Event, Visit, speaks
from avance.edge.http.asyncapi import write_asyncapi
from avance.edge.http.authenticate import PublicPaths


class Progressed(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="progress"):
    """
    How far it is. Named as an event of the model is, and another thing.
    """

    percent: int


class Ping(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="ping"):
    """
    Are you there?
    """


class Silent(Dialect):
    def opened(self, visit: Visit) -> Iterable[Effect]:
        return [Close(1000, "nothing to say")]

    def heard(self, text: str) -> Iterable[Effect]:
        return ()

    def happened(self, channel: str, event: Event) -> Iterable[Effect]:
        return ()


@speaks(sends=(Progressed,), takes=(Ping,))
def speak(host: Avance) -> Dialect:
    """
    What is said on the shelf.
    """
    return Silent()


@pytest.fixture
def host(tmp_path: Path) -> Avance:
    host = Avance(settings=Settings(data=str(tmp_path)))
    host.include(App("shelf", sockets={"/ws/shelf/{name}": f"{__name__}:speak"}))
    return host


def test_asyncapi_tells_the_frames_of_an_apps_socket(host: Avance) -> None:
    sockets = host.build(executes=False).services.sockets
    document = write_asyncapi(sockets, title="t", version="1", description="d")
    channel = document["channels"]["shelf_1"]
    assert channel["address"] == "/ws/shelf/{name}"
    assert list(channel["parameters"]) == ["name"]
    sent = document["operations"]["send_shelf_1"]["messages"]
    name = sent[0]["$ref"].rpartition("/")[2]
    schema = document["components"]["messages"][name]["payload"]["$ref"].rpartition("/")[2]
    own = document["components"]["schemas"][schema]
    assert own["properties"]["type"] == {"enum": ["progress"]}
    assert own["properties"]["percent"] == {"type": "integer"}
    assert "v" not in own["properties"]
    taken = document["operations"]["receive_shelf_1"]["messages"]
    assert taken[0]["$ref"].endswith("/Ping")


def test_events_of_the_model_keep_their_stamp_beside_a_frame_of_the_same_name(
    host: Avance,
) -> None:
    sockets = host.build(executes=False).services.sockets
    document = write_asyncapi(sockets, title="t", version="1", description="d")
    payload = document["components"]["messages"]["Progressed"]["payload"]["$ref"]
    event = document["components"]["schemas"][payload.rpartition("/")[2]]
    assert {"v", "seq", "progress"} <= set(event["properties"])


def test_a_socket_opens_no_path_to_requests() -> None:
    async def speak(_: object) -> None:
        return

    public = PublicPaths(("/health",), [WebSocketRoute("/{stage}", speak)])
    assert public.has("/health", "GET")
    assert not public.has("/ingest", "POST")
