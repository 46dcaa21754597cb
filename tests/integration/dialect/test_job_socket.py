"""
A socket of one job in the words of an app: replay, live, end, strangers, faults. docs/contract/README.md, Invariants and Shared decisions.
"""

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple
from uuid import uuid4

import anyio
import pytest
import uvicorn
import words
from msgspec.structs import replace
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from avance import Avance
from avance.app.engine import Engine
from avance.config import AuthMode, read_settings
from avance.edge.drivers.native import native_protocol


class Site:
    def __init__(self, app: Avance, port: int) -> None:
        self.app = app
        self.url = f"ws://127.0.0.1:{port}/ws/words/"


class Built(NamedTuple):
    app: Avance
    engine: Engine


@pytest.fixture
def built(request: pytest.FixtureRequest) -> Built:
    """
    Put together before the loop runs, because imports block.
    """
    auth = getattr(request, "param", AuthMode.OPEN)
    app = Avance(
        "sqlite://:memory:", settings=replace(read_settings(env={}), auth=auth, processes=1)
    )
    app.include(words.extension)
    return Built(app, app.build())


@asynccontextmanager
async def a_site(built: Built, *, is_native: bool = True) -> AsyncIterator[Site]:
    app, engine = built
    ws: Any = (
        native_protocol(engine.open_by_path, wheel=engine.wheel)
        if is_native
        else WebSocketsSansIOProtocol
    )
    config = uvicorn.Config(engine.http(), ws=ws, lifespan="off", log_config=None)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(config)
        async with app.running(engine), anyio.create_task_group() as group:
            group.start_soon(server.serve, [listener])
            yield Site(app, listener.getsockname()[1])
            server.should_exit = True


async def read_all(connection: ClientConnection) -> tuple[list[dict[str, Any]], int]:
    frames = []
    with anyio.fail_after(60), suppress(ConnectionClosed):
        while True:
            frames.append(json.loads(await connection.recv()))
    assert connection.close_code is not None
    return frames, connection.close_code


@pytest.mark.parametrize("is_native", [True, False])
async def test_who_comes_late_is_told_the_whole_story_then_the_socket_is_closed(
    built: Built, is_native: bool
) -> None:
    async with a_site(built, is_native=is_native) as site:
        handle = await words.say.submit(3, 0.0)
        await handle.wait(timeout_s=15)
        async with connect(site.url + handle.id) as connection:
            frames, code = await read_all(connection)
    assert code == 1000
    assert frames[0] == {"type": "hello"}
    assert [frame["state"] for frame in frames if frame["type"] == "state"] == [
        "queued",
        "running",
        "completed",
    ]
    assert [frame["percent"] for frame in frames if frame["type"] == "progress"][-1] == 100


async def test_who_is_there_from_the_start_sees_every_state_and_a_bar_that_never_goes_back(
    built: Built,
) -> None:
    async with a_site(built) as site:
        handle = await words.say.submit(40, 0.005)
        async with connect(site.url + handle.id) as one, connect(site.url + handle.id) as other:
            (frames, code), (same, _) = await read_all(one), await read_all(other)
    percents = [frame["percent"] or 0 for frame in frames if frame["type"] == "progress"]
    assert code == 1000
    assert percents == sorted(percents)
    assert len(percents) > 3
    assert [frame for frame in frames if frame["type"] == "state"] == [
        frame for frame in same if frame["type"] == "state"
    ]


async def test_a_long_story_is_thinned_to_two_hundred_frames(built: Built) -> None:
    async with a_site(built) as site:
        handle = await words.chatter.submit(700)
        await handle.wait(timeout_s=15)
        async with connect(site.url + handle.id) as connection:
            frames, code = await read_all(connection)
    assert code == 1000
    assert len(frames) <= 201
    assert [frame["state"] for frame in frames if frame["type"] == "state"] == [
        "queued",
        "running",
        "completed",
    ]


async def test_an_unknown_job_is_closed_with_4404(built: Built) -> None:
    async with a_site(built) as site:
        for unknown in (str(uuid4()), "not-a-uuid"):
            async with connect(site.url + unknown) as connection:
                assert await read_all(connection) == ([], 4404)


@pytest.mark.parametrize("built", [AuthMode.TOKEN], indirect=True)
async def test_without_credentials_1008_and_for_a_stranger_as_unknown(built: Built) -> None:
    async with a_site(built) as site:
        handle = await words.say.using(owner="ana").submit(1, 0.0)
        await handle.wait(timeout_s=15)
        async with connect(site.url + handle.id) as connection:
            assert await read_all(connection) == ([], 1008)
        async with connect(f"{site.url}{handle.id}?token={site.app.token('eva')}") as connection:
            assert await read_all(connection) == ([], 4404)
        async with connect(f"{site.url}{handle.id}?token={site.app.token('ana')}") as connection:
            frames, code = await read_all(connection)
    assert code == 1000
    assert frames[0] == {"type": "hello"}


async def test_a_frame_of_the_client_is_answered_and_a_mistake_of_the_dialect_ends_its_own_connection_only(
    built: Built,
) -> None:
    async with a_site(built) as site:
        handle = await words.say.submit(100, 0.01)
        async with connect(site.url + handle.id) as one, connect(site.url + handle.id) as other:
            await one.send("break")
            _, broken = await read_all(one)
            await other.send("ping")
            frames, code = await read_all(other)
    assert broken == 1011
    assert {"type": "pong"} in frames
    assert code == 1000
