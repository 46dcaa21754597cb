"""
Nodes on one PostgreSQL, which are killed, and which outlive the death of their database.
"""

from contextlib import aclosing
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.to_thread import run_sync
from node_service import Node
from postgres_service import PostgresServer

from avance.backends.postgres import PostgresDatabase, PostgresLimits
from avance.backends.system import SystemClock
from avance.errors import Unavailable
from avance.integrations.client.client import AsyncClient

from .conftest import HERE, PASSWORD, Cluster, health

pytestmark = pytest.mark.timeout(120)


def gapless(events: list[dict[str, Any]]) -> bool:
    numbers = [event["seq"] for event in events]
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


async def test_a_job_submitted_at_one_node_runs_at_another_and_is_followed_at_both(
    tmp_path: Path, cluster: Cluster
) -> None:
    """
    001-40 without Redis: NOTIFY tells all nodes. Two nodes that start at once on an empty database make its tables once.
    """
    async with (
        cluster(0, 1) as (one, two),
        AsyncClient(one.url) as here,
        AsyncClient(two.url) as there,
    ):
        job = await here.submit("relay", directory=str(tmp_path), stations=3)
        seen: dict[str, list[dict[str, Any]]] = {"here": [], "there": []}

        async def follow(name: str, client: AsyncClient) -> None:
            async with aclosing(client.watch(job)) as changes:
                async for change in changes:
                    seen[name].append(change.event)
                    station = sum(event["type"] == "log" for event in seen[name])
                    if all(
                        sum(e["type"] == "log" for e in events) >= station
                        for events in seen.values()
                    ):
                        (tmp_path / str(station)).touch()

        async with anyio.create_task_group() as group:
            group.start_soon(follow, "here", here)
            group.start_soon(follow, "there", there)
        for events in seen.values():
            assert gapless(events)
            assert events[-1]["to"] == "completed"
        assert await here.result(job) == await there.result(job) == 3
        parts = (await health(one))["parts"]
        assert parts["bus"]["status"] == "ok"
        assert parts["store"]["status"] == "ok"
        for node in (one, two):
            assert "store    postgresql://postgres:…@127.0.0.1" in node.log()
            assert PASSWORD not in node.log()


async def test_the_work_of_a_killed_node_is_done_by_another(
    tmp_path: Path, cluster: Cluster
) -> None:
    """
    Killed in the middle of its job, it is lost when its lease runs out; the other takes it on, and its watcher sees that.
    """
    async with cluster(1, 0) as (one, two), AsyncClient(two.url) as there:
        job = await there.submit("relay", directory=str(tmp_path), stations=2)
        seen: list[dict[str, Any]] = []
        async with aclosing(there.watch(job)) as changes:
            async for change in changes:
                seen.append(change.event)
                logs = sum(event["type"] == "log" for event in seen)
                if change.type == "log" and logs == 1:
                    one.kill()
                    await run_sync(one.start)
                (tmp_path / "0").touch()
                if change.event.get("attempt", 1) > 1:
                    (tmp_path / "1").touch()
        assert gapless(seen)
        assert seen[-1]["to"] == "completed"
        assert any(event.get("reason") == "worker_lost" for event in seen)


async def test_a_database_that_dies_and_comes_back_in_the_middle_of_a_job_loses_nothing(
    tmp_path: Path, postgres_server: PostgresServer, cluster: Cluster
) -> None:
    """
    Stopped as if the power failed. The nodes say so, the task goes on meanwhile, and all is told when the database is back.
    """
    async with (
        cluster(1, 0) as (one, two),
        AsyncClient(one.url) as here,
        AsyncClient(two.url) as there,
    ):
        job = await here.submit("relay", directory=str(tmp_path), stations=4)
        seen: list[dict[str, Any]] = []
        async with aclosing(there.watch(job)) as changes:
            async for change in changes:
                seen.append(change.event)
                station = sum(event["type"] == "log" for event in seen)
                if change.type == "log" and station == 2:
                    await run_sync(postgres_server.stop, "immediate")
                    await until(one, is_ok=False)
                    await until(two, is_ok=False)
                    # Two stations are passed while there is no database.
                    (tmp_path / "2").touch()
                    (tmp_path / "3").touch()
                    await run_sync(postgres_server.start)
                elif station < 2:
                    (tmp_path / str(station)).touch()
        assert gapless(seen)
        assert seen[-1]["to"] == "completed"
        assert {event.get("attempt", 1) for event in seen} == {1}, "nobody took it for lost"
        for node in (one, two):
            await until(node, is_ok=True)
            assert node.log().count("is back") >= 1


async def until(node: Any, *, is_ok: bool) -> None:
    with anyio.fail_after(60):
        while True:
            parts = (await health(node))["parts"]
            if all((parts[name]["status"] == "ok") is is_ok for name in ("store", "bus")):
                return
            await anyio.sleep(0.05)


async def test_a_database_that_is_away_at_the_start_is_said_once_and_waited_for(
    tmp_path: Path, postgres_server: PostgresServer, postgres_url: str
) -> None:
    """
    001-29, 001-44: machines come up in any order.
    """
    data = tmp_path / "early"
    data.mkdir()
    await run_sync(postgres_server.stop)
    env = {"AVANCE_PROCESSES": "0", "AVANCE_STORE": postgres_url}
    node = Node("relay:app", HERE, data, env=env)
    async with anyio.create_task_group() as group:
        group.start_soon(run_sync, node.start)
        # The log begins with the process.
        while not any("is away" in log.read_text() for log in tmp_path.glob("*.log")):  # noqa: ASYNC110, ASYNC240 - it has no event
            await anyio.sleep(0.02)
        await run_sync(postgres_server.start)
    try:
        assert node.log().count("is away") == node.log().count("is back") == 1
        assert (await health(node))["parts"]["store"]["status"] == "ok"
    finally:
        node.kill()


async def test_a_database_that_does_not_come_up_is_told_when_the_wait_is_over(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    await run_sync(postgres_server.stop)
    database = PostgresDatabase(
        postgres_url, clock=SystemClock(), limits=PostgresLimits(start_wait_s=0.2)
    )
    with pytest.raises(Unavailable, match="start it or the way to it again"):
        async with database:
            pass
    await run_sync(postgres_server.ensure)
