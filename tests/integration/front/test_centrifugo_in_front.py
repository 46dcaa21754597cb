"""
A Centrifugo serves the clients: the same channels and tokens, events published to its HTTP API, snapshots through its subscribe proxy.
It is a double of its HTTP side here, configured by the file that is shipped.
"""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import cent
import jwt
import msgspec
import pytest
from anyio.to_thread import run_sync
from click.testing import CliRunner
from node_service import Node

from avance.cli import main
from avance.integrations.client import AsyncClient
from avance.integrations.client.api import Api
from avance.integrations.client.limits import CLIENT_LIMITS

from .centrifugo import Centrifugo

ROOT = Path(__file__).parents[3]
SECRET = "a secret that both have, of thirty-two bytes"
KEY = "the key of its api"
ADMIN = "the key of our admin"

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def one_centrifugo() -> Iterator[Centrifugo]:
    config = json.loads((ROOT / "deploy/centrifugo/config.json").read_text())
    double = Centrifugo(config)
    double.start()
    yield double
    double.stop()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, one_centrifugo: Centrifugo) -> Iterator[Node]:
    """
    It keeps few events in memory, so that many come from the store.
    """
    environment = {
        "AVANCE_TOKEN_SECRET": SECRET,
        "AVANCE_API_KEYS": f"{ADMIN}=operator:admin",
        "AVANCE_CENTRIFUGO_URL": one_centrifugo.url,
        "AVANCE_CENTRIFUGO_KEY": KEY,
        "AVANCE_CENTRIFUGO_WAITING_MAX": "20",
    }
    data = tmp_path_factory.mktemp("front") / "data"
    with Node(
        "fronted:app", Path(__file__).parent, data, "--auth", "token", env=environment
    ) as node:
        proxy = one_centrifugo.config["channel"]["proxy"]["subscribe"]
        proxy["endpoint"] = proxy["endpoint"].replace("http://127.0.0.1:8030", node.url)
        proxy["http"]["static_headers"]["X-API-Key"] = ADMIN
        yield node


@pytest.fixture
def centrifugo(one_centrifugo: Centrifugo) -> Centrifugo:
    """
    Up, and with the key that both have.
    """
    one_centrifugo.config["http_api"]["key"] = KEY
    one_centrifugo.stop()
    one_centrifugo.start()
    return one_centrifugo


@asynccontextmanager
async def calling(node: Node, user: str) -> AsyncIterator[AsyncClient]:
    token = jwt.encode({"sub": user, "exp": 2**33}, SECRET, algorithm="HS256")
    async with AsyncClient(node.url, token=token) as client:
        yield client


async def published(front: Centrifugo, channel: str, state: str) -> list[dict[str, Any]]:
    """
    What was published to a channel, once a job got there.
    """
    while not any(event.get("to") == state for event in front.published[channel]):  # noqa: ASYNC110 - its threads have no event of our loop
        await anyio.sleep(0.02)
    return front.published[channel]


def in_order(events: list[dict[str, Any]]) -> bool:
    numbers = [event["seq"] for event in events]
    return numbers == list(range(1, len(numbers) + 1))


async def part(node: Node) -> dict[str, Any]:
    api = Api(node.url, token=None, key=None, limits=CLIENT_LIMITS)
    try:
        return dict(msgspec.json.decode(await api.call("GET", "/health"))["parts"]["centrifugo"])
    finally:
        await api.aclose()


async def test_every_event_of_a_job_is_published_once_and_in_order(
    node: Node, centrifugo: Centrifugo
) -> None:
    async with calling(node, "ana") as ana:
        job = (await ana.submit("burst", count=3)).id
        events = await published(centrifugo, f"job:{job}", "completed")
        assert in_order(events)
        assert [e["message"] for e in events if e["type"] == "log"] == [
            f"event {n}" for n in range(3)
        ]
        # The list of her jobs as well.
        assert centrifugo.published["jobs:#ana"][-1]["job"]["id"] == job
    assert (await part(node))["status"] == "ok"


async def test_a_subscriber_begins_with_the_snapshot_and_strangers_are_refused(
    node: Node, centrifugo: Centrifugo
) -> None:
    async with calling(node, "ana") as ana:
        job = (await ana.submit("burst", count=3)).id
        events = await published(centrifugo, f"job:{job}", "completed")
        answer = await run_sync(centrifugo.subscribe, "ana", f"job:{job}")
        assert (answer["data"]["type"], answer["data"]["job"]["state"]) == ("snapshot", "completed")
        # Its number says which publications come after it.
        assert answer["data"]["seq"] == events[-1]["seq"]
        listed = await run_sync(centrifugo.subscribe, "ana", "jobs:#ana")
        assert listed["data"]["jobs"][0]["id"] == job
        for channel in (f"job:{job}", "jobs:#ana", "inbox:#ana"):
            refused = await run_sync(centrifugo.subscribe, "bob", channel)
            assert refused["error"]["code"] == 103, channel
        unknown = "job:00000000-0000-4000-8000-000000000000"
        assert (await run_sync(centrifugo.subscribe, "ana", unknown))["error"]["code"] == 103


async def test_only_an_admin_key_may_ask_for_others(node: Node, centrifugo: Centrifugo) -> None:
    token = jwt.encode({"sub": "ana", "exp": 2**33}, SECRET, algorithm="HS256")
    for credentials, status in ((None, 401), (token, 403)):
        api = Api(node.url, token=credentials, key=None, limits=CLIENT_LIMITS)
        with pytest.raises(Exception, match=r".") as caught:
            await api.call(
                "POST", "/v1/centrifugo/subscribe", body={"user": "bob", "channel": "jobs:#bob"}
            )
        await api.aclose()
        assert getattr(caught.value, "status", None) == status


async def test_while_centrifugo_is_away_events_wait_and_then_come_once(
    node: Node, centrifugo: Centrifugo
) -> None:
    """
    001-29, 001-44 for this part: it is said in `/health` and once in the log, work goes on, and it comes back by itself.
    """
    await run_sync(centrifugo.stop)
    async with calling(node, "ana") as ana:
        job = (await ana.submit("burst", count=3)).id
        assert await ana.result(job) == 3
        while (await part(node))["status"] != "down":
            pass
        await run_sync(centrifugo.start)
        assert in_order(await published(centrifugo, f"job:{job}", "completed"))
        while (await part(node))["status"] != "ok":
            pass
        assert node.log().count("does not answer") == node.log().count("takes events again") == 1


async def test_what_was_applied_without_an_answer_is_not_applied_twice(
    node: Node, centrifugo: Centrifugo
) -> None:
    async with calling(node, "ana") as ana:
        centrifugo.is_failing = True
        job = (await ana.submit("burst", count=3)).id
        assert await ana.result(job) == 3
        while not centrifugo.repeated:  # noqa: ASYNC110 - as above
            await anyio.sleep(0.02)
        centrifugo.is_failing = False
        assert in_order(await published(centrifugo, f"job:{job}", "completed"))


async def test_more_events_than_memory_holds_come_from_the_store(
    node: Node, centrifugo: Centrifugo
) -> None:
    await run_sync(centrifugo.stop)
    async with calling(node, "ana") as ana:
        job = (await ana.submit("burst", count=300)).id
        assert await ana.result(job) == 300
        await run_sync(centrifugo.start)
        assert in_order(await published(centrifugo, f"job:{job}", "completed"))


async def test_a_wrong_key_is_named_with_the_setting_that_holds_it(
    node: Node, centrifugo: Centrifugo
) -> None:
    centrifugo.config["http_api"]["key"] = "another"
    async with calling(node, "ana") as ana:
        await ana.submit("burst", count=3)
        while "AVANCE_CENTRIFUGO_KEY" not in ((await part(node))["detail"] or ""):
            pass


def test_the_doctor_asks_it_with_its_key(centrifugo: Centrifugo, tmp_path: Path) -> None:
    found = {}
    for key in ("another", KEY):
        env = {
            "AVANCE_URL": "http://127.0.0.1:1",
            "AVANCE_CENTRIFUGO_URL": centrifugo.url,
            "AVANCE_CENTRIFUGO_KEY": key,
        }
        asked = ["doctor", "--json", "--data", str(tmp_path)]
        done = CliRunner().invoke(main, asked, env=env)
        found = {one["name"]: one for one in json.loads(done.stdout)}
        assert found["centrifugo"]["verdict"] == ("ok" if key == KEY else "failure")
        assert "another" not in done.stdout
    assert found["centrifugo"]["detail"].startswith("1 nodes")


def test_the_double_answers_the_stock_client_of_the_api_as_the_real_one_does(
    centrifugo: Centrifugo,
) -> None:
    """
    `cent`, which Centrifugo's makers publish, is strict about what it reads.
    """
    client = cent.Client(centrifugo.url, KEY)
    asked = cent.PublishRequest(channel="job:by-cent", data={"seq": 1}, idempotency_key="one")
    for _ in range(2):
        assert client.publish(asked).offset == 1
    batch = client.batch(cent.BatchRequest(requests=[asked, asked]))
    assert [one.offset for one in batch.replies if isinstance(one, cent.PublishResult)] == [1, 1]
    assert client.info(cent.InfoRequest()).nodes[0].name == "double"
    with pytest.raises(cent.CentApiResponseError) as refusal:
        client.publish(cent.PublishRequest(channel="elsewhere:x", data={}))
    assert refusal.value.code == 102
    with pytest.raises(cent.CentUnauthorizedError):
        cent.Client(centrifugo.url, "another").publish(asked)
