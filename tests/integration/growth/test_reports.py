"""
What workers without the store tell, while the serving side is killed or away.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from random import Random
from typing import Any

import anyio
import msgspec
import pytest
from anyio.to_thread import run_sync
from node_service import Node
from redis_service import RedisServer

from avance.app.reports import (
    Alive,
    Appeared,
    Courier,
    Dropped,
    ReportLimits,
    ReportReader,
    Retried,
    follow,
)
from avance.backends.memory import MemoryBus
from avance.backends.sqlite import SqliteDatabase, SqliteStore
from avance.backends.system import SystemClock
from avance.errors import Unavailable
from avance.integrations.client import AsyncClient
from avance.jobs.follow import Follower
from avance.jobs.reporter import Reporter
from avance.jobs.task import Throttle
from avance.model.job import Job, JobError, RetryPolicy, State
from avance.model.report import Done, LogWritten, ProgressMade, Started
from avance.model.stream import job_channel
from avance.ports.store import JobFilter, JobPage

HERE = Path(__file__).parent
pytestmark = pytest.mark.timeout(90)
LINES_A_ROUND = 40
ROUNDS = 2


def a_job(job_id: str = "w-1") -> Job:
    return Job(
        id=job_id,
        kind="elsewhere",
        state=State.QUEUED,
        created_ms=1_767_225_600_000,
        queued_ms=1_767_225_600_000,
        runner="celery",
        retry=RetryPolicy(max_attempts=4, lost_max=1),
    )


def line(n: int, job_id: str = "w-1") -> LogWritten:
    return LogWritten(job_id=job_id, attempt=1, n=n, message=f"line {n}")


def done(job_id: str = "w-1") -> Done:
    return Done(job_id=job_id, attempt=1, result=msgspec.Raw(b'"all told"'))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """
    The Redis of this module's node.
    """
    server = RedisServer(tmp_path_factory.mktemp("reports-redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def node(server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    env = {"REDIS_URL": server.url, "AVANCE_REPORTS_READER_LOCK_S": "1", "AVANCE_PROCESSES": "0"}
    with Node("relay:app", HERE, tmp_path_factory.mktemp("reports") / "data", env=env) as node:
        yield node


@pytest.fixture
async def courier(server: RedisServer) -> AsyncIterator[Courier]:
    courier = Courier(server.url)
    yield courier
    await run_sync(courier.writer.close)


async def lines_of(client: AsyncClient, job_id: str) -> list[str]:
    body = await client._api.call(
        "GET", f"/v1/jobs/{job_id}/events", query={"since": 0, "limit": 500}
    )
    events: list[dict[str, Any]] = msgspec.json.decode(body)["events"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    return [event["message"] for event in events if event["type"] == "log"]


async def test_every_line_comes_once_though_the_server_is_killed_among_them(
    node: Node, courier: Courier
) -> None:
    """
    Reports are acknowledged after their commit; what comes twice because of that is told once.
    """
    job_id = "killed-among"
    courier.tell(Appeared(job=a_job(job_id)))
    courier.tell(Started(job_id=job_id, attempt=1, worker="w"))
    told = 0
    for _ in range(ROUNDS):
        for _ in range(LINES_A_ROUND):
            told += 1
            courier.tell(line(told, job_id))
        # Somewhere between the reading, the commit and the acknowledgement.
        await run_sync(node.kill)
        told += 1
        courier.tell(line(told, job_id))
        await run_sync(node.start)
    courier.tell(done(job_id))
    async with AsyncClient(node.url) as client:
        await seen(client, job_id)
        assert await client.result(job_id) == "all told"
        assert await lines_of(client, job_id) == [f"line {n + 1}" for n in range(told)]


async def test_what_a_worker_writes_twice_is_told_once(node: Node, courier: Courier) -> None:
    job_id = "twice"
    courier.tell(Appeared(job=a_job(job_id)))
    courier.tell(Started(job_id=job_id, attempt=1, worker="w"))
    for n in (1, 2, 2, 3, 1, 3, 4):
        courier.tell(line(n, job_id))
    courier.tell(Appeared(job=a_job(job_id)))
    courier.tell(done(job_id))
    courier.tell(done(job_id))
    async with AsyncClient(node.url) as client:
        await seen(client, job_id)
        assert await client.result(job_id) == "all told"
        assert await lines_of(client, job_id) == ["line 1", "line 2", "line 3", "line 4"]


async def test_reports_wait_in_the_worker_while_redis_is_away(
    node: Node, server: RedisServer, courier: Courier
) -> None:
    """
    001-41: telling never waits for anything; 001-T9: Redis vanishes and comes back, and the end is told.
    """
    job_id = "waits"
    async with AsyncClient(node.url) as client:
        courier.tell(Appeared(job=a_job(job_id)))
        courier.tell(Started(job_id=job_id, attempt=1, worker="w"))
        await seen(client, job_id)
        server.stop()
        for n in range(1, 4):
            courier.tell(line(n, job_id))
        for percent in range(1, 100):
            courier.tell(ProgressMade(job_id=job_id, attempt=1, percent=percent))
        courier.tell(done(job_id))
        await run_sync(server.start)
        assert await client.result(job_id) == "all told"
        assert await lines_of(client, job_id) == ["line 1", "line 2", "line 3"]


class AwayStore(SqliteStore):
    """
    Away until it is asked for a list for the third time.
    """

    asked = 0

    async def jobs(self, filter: JobFilter) -> JobPage:
        self.asked += 1
        if self.asked < 3:
            raise Unavailable("the store is away")
        return await super().jobs(filter)


async def test_a_worker_that_died_is_missed_also_where_the_store_was_away_when_reading_began(
    redis_url: str,
) -> None:
    bus, clock = MemoryBus(), SystemClock()
    running = msgspec.structs.replace(a_job(), state=State.RUNNING, started_ms=1, worker="dead")
    limits = ReportLimits(
        reader_lock_s=1.0, lease_s=0.3, beat_s=0.1, grace_s=0.1, look_interval_s=0.05
    )
    async with (
        SqliteDatabase(":memory:", clock=clock) as database,
        AwayStore(database) as store,
        bus,
        Reporter(store, bus, clock, random=Random(1), throttle_of=lambda _: Throttle()) as reporter,
    ):
        await reporter.create(running, b"")
        async with ReportReader(redis_url, store, reporter, clock, node="n", limits=limits):
            with anyio.fail_after(60):
                async with aclosing(
                    Follower(store, bus).events(job_channel(running.id), since=1)
                ) as news:
                    async for publication in news:
                        told = msgspec.json.decode(publication.data)
                        if told["type"] == "state":
                            break
    assert store.asked >= 3
    assert (told["from"], told["reason"]) == ("running", "its worker was not heard for 0.3 s")


async def test_a_worker_that_missed_a_cancel_is_told_again_while_it_holds_the_job(
    redis_url: str,
) -> None:
    bus, clock = MemoryBus(), SystemClock()
    cancelled = msgspec.structs.replace(a_job(), state=State.CANCELLED, ended_ms=2)
    heard: list[str] = []
    courier = Courier(redis_url, limits=ReportLimits())
    courier.writer.listen(heard.append)
    async with (
        SqliteDatabase(":memory:", clock=clock) as database,
        SqliteStore(database) as store,
        bus,
        Reporter(store, bus, clock, random=Random(1), throttle_of=lambda _: Throttle()) as reporter,
    ):
        # Ended while no node told workers of it.
        await reporter.create(cancelled, b"")
        await reporter.create(msgspec.structs.replace(a_job("w-2"), state=State.FAILED), b"")
        async with ReportReader(redis_url, store, reporter, clock, node="n"):
            with anyio.fail_after(60):
                # Whoever begins to listen may not be there yet at the first.
                while len(heard) < 2:
                    courier.tell(Alive(worker="w", job_ids=("w-1", "w-2", "unknown")))
                    await anyio.sleep(0.05)
    await run_sync(courier.writer.close)
    assert set(heard) == {"w-1"}


async def seen(client: AsyncClient, job_id: str) -> None:
    page = await client.jobs(limit=50)
    while all(job.id != job_id for job in page.jobs):
        page = await client.jobs(limit=50)


RETRIED = Retried(
    job_id="w-1",
    attempt=1,
    error=JobError(kind="error", code="ValueError", message="no"),
    wait_s=60.0,
)


@pytest.mark.parametrize(
    ("told", "state", "attempt"),
    [
        ([Started(job_id="w-1", attempt=1, worker="w")], State.RUNNING, 1),
        ([line(1)], State.RUNNING, 1),
        ([RETRIED], State.RETRYING, 1),
        ([RETRIED, RETRIED], State.RETRYING, 1),
        ([Started(job_id="w-1", attempt=2, worker="w"), RETRIED], State.RUNNING, 2),
        ([Started(job_id="w-1", attempt=3, worker="w")], State.RUNNING, 3),
        ([RETRIED, Started(job_id="w-1", attempt=2, worker="w")], State.RUNNING, 2),
        ([RETRIED, Started(job_id="w-1", attempt=0, worker="w")], State.RUNNING, 2),
        ([done(), done()], State.COMPLETED, 1),
        ([Dropped(job_id="w-1"), done()], State.CANCELLED, 1),
        ([Dropped(job_id="w-1", is_expired=True)], State.EXPIRED, 1),
    ],
)
def test_reports_of_several_processes_may_overtake_each_other(
    told: list[Any], state: State, attempt: int
) -> None:
    job = a_job()
    for one in told:
        job = follow(job, one, 1_767_225_601_000).job
    assert (job.state, job.attempt) == (state, attempt)


def test_a_retry_waits_as_long_as_its_engine_says() -> None:
    job = follow(a_job(), RETRIED, 1_767_225_601_000).job
    assert job.not_before_ms == 1_767_225_661_000
    assert job.max_attempts == 4
