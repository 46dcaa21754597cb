"""
Nodes over one store that hear of each other through a Redis, which comes and goes.
"""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from anyio.to_thread import run_sync
from node_service import Node
from redis_service import RedisServer

from avance.backends.redis import RedisPresence
from avance.backends.redis.limits import REDIS_LIMITS, RedisLimits
from avance.backends.system import SystemClock
from avance.integrations.client import AsyncClient
from avance.integrations.client.api import Api
from avance.integrations.client.limits import CLIENT_LIMITS
from avance.ports.presence import Member

HERE = Path(__file__).parent
pytestmark = pytest.mark.timeout(90)


Pair = tuple[Node, Node]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """
    The Redis of this module's nodes. It is not there when they start.
    """
    server = RedisServer(tmp_path_factory.mktemp("nodes-redis"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def pair(server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """
    On one data directory. The second only serves, so that what it shows came from the first.
    """
    data = tmp_path_factory.mktemp("nodes") / "data"
    one, two = (
        Node(
            "relay:app",
            HERE,
            data,
            env={"REDIS_URL": server.url, "AVANCE_PROCESSES": processes},
        )
        for processes in ("1", "0")
    )
    try:
        with ThreadPoolExecutor() as threads:
            list(threads.map(Node.start, (one, two)))
        yield one, two
    finally:
        one.kill()
        two.kill()


@pytest.fixture
async def joined(pair: Pair, server: RedisServer) -> Pair:
    """
    Both, when they hear of each other through Redis.
    """
    await run_sync(server.ensure)
    for node in pair:
        await is_up_again(node)
    return pair


async def part(node: Node, name: str) -> dict[str, Any]:
    api = Api(node.url, token=None, key=None, limits=CLIENT_LIMITS)
    try:
        health = msgspec.json.decode(await api.call("GET", "/health"))
    finally:
        await api.aclose()
    assert health["status"] == "healthy"
    return dict(health["parts"][name])


def gapless(events: list[dict[str, Any]]) -> bool:
    numbers = [event["seq"] for event in events]
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


async def test_without_redis_at_the_start_jobs_run_and_are_followed(
    tmp_path: Path, pair: Pair, server: RedisServer
) -> None:
    """
    001-29, 001-44, 001-T9: Redis is not there at the start; work goes on, `/health` says so, and it comes back by itself.
    """
    server.stop()
    one, two = pair
    async with AsyncClient(one.url) as here, AsyncClient(two.url) as there:
        await says(one, "down")
        for station in range(3):
            (tmp_path / str(station)).touch()
        job = await here.submit("relay", directory=str(tmp_path), stations=3)
        assert await here.result(job) == 3
        seen = [change.event async for change in there.watch(job)]
        assert seen[-1].get("to", seen[-1].get("job", {}).get("state")) == "completed"
        await run_sync(server.start)
        await is_up_again(one)
        await is_up_again(two)


async def test_a_client_on_another_node_sees_every_event(tmp_path: Path, joined: Pair) -> None:
    """
    001-40: each node keeps its own connections, Redis tells all nodes. 001-T4: each frame arrives once.
    """
    one, two = joined
    async with AsyncClient(one.url) as here, AsyncClient(two.url) as there:
        job = await here.submit("relay", directory=str(tmp_path), stations=3)
        seen: list[dict[str, Any]] = []
        async with aclosing(there.watch(job)) as changes:
            async for change in changes:
                seen.append(change.event)
                station = sum(event["type"] == "log" for event in seen)
                (tmp_path / str(station)).touch()
        assert gapless(seen)
        assert seen[-1]["to"] == "completed"
        assert (await part(two, "bus"))["status"] == "ok"


async def test_redis_that_dies_and_comes_back_in_the_middle_of_a_job_loses_nothing(
    tmp_path: Path, joined: Pair, server: RedisServer
) -> None:
    """
    000-T6, 001-T9: kill Redis in the middle of a job and start it again; clients on every node see all of it to the end.
    """
    one, two = joined
    async with AsyncClient(one.url) as here, AsyncClient(two.url) as there:
        told_before = len(two.log())
        job = await here.submit("relay", directory=str(tmp_path), stations=6)
        seen: list[dict[str, Any]] = []
        async with aclosing(there.watch(job)) as changes:
            async for change in changes:
                seen.append(change.event)
                station = sum(event["type"] == "log" for event in seen)
                if station == 2 and change.type == "log":
                    server.stop()
                if station == 4 and change.type == "log":
                    # Two stations were told of while there was no Redis at all.
                    await says(two, "down")
                    await run_sync(server.start)
                (tmp_path / str(station)).touch()
        assert gapless(seen)
        assert seen[-1]["to"] == "completed"
        assert await there.result(job) == 6
        await is_up_again(two)
        # Once for each time that it went, not for each try; on a busy machine a new server is lost again while it starts. Of the two
        # that say so, presence does not say when it is back.
        told = two.log()[told_before:]
        assert 1 <= told.count("work goes on by the store") == told.count("is there again") <= 2


async def test_the_number_of_connections_to_redis_does_not_grow_with_jobs(
    joined: Pair, server: RedisServer
) -> None:
    """
    001-T8: one process, a constant number of connections, whatever it publishes.
    """
    # One that writes, one that listens, and those of presence.
    most = len(joined) * (2 + REDIS_LIMITS.presence_connections_max)
    async with AsyncClient(joined[0].url) as client:
        jobs = [await client.submit("burst", count=200) for _ in range(5)]
        for job in jobs:
            assert await client.result(job) == 200
        assert len(joined) * 2 <= connections(server) <= most


async def test_however_many_come_and_go_at_once_presence_holds_few_connections(
    redis_url: str, redis_server: RedisServer
) -> None:
    """
    001-T8, with readers: each command that waits for another would take a connection of its own, and keep it.
    """
    # On a busy machine a connection may take longer than anybody would wait for it.
    patient = RedisLimits(connect_timeout_s=60, command_timeout_s=60)
    presence = RedisPresence(redis_url, SystemClock(), limits=patient)
    before = connections(redis_server)
    try:
        async with asyncio.TaskGroup() as tasks:
            for number in range(200):
                member = Member(client=f"client-{number}", user="ana")
                tasks.create_task(presence.join("job:1", member, ttl_s=60))
        assert len(await presence.members("job:1")) == 200
        assert connections(redis_server) - before <= patient.presence_connections_max
    finally:
        await presence.aclose()


def connections(server: RedisServer) -> int:
    return sum("name=avance " in line for line in server.cli("CLIENT", "LIST").splitlines())


async def is_up_again(node: Node) -> None:
    await says(node, "ok")


async def says(node: Node, status: str) -> None:
    while (await part(node, "bus"))["status"] != status:  # noqa: ASYNC110 - another process has no event to wait for
        await anyio.sleep(0.02)
