"""
The reporter on a real store: order, throttle, refusals, parents, and what another node wrote in between.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from random import Random
from typing import NamedTuple

import anyio
import msgspec
import pytest

from avance.backends.memory import MemoryBus
from avance.backends.sqlite import SqliteDatabase, SqliteStore
from avance.backends.system import SystemClock
from avance.errors import Conflict, NotFound, Unavailable
from avance.jobs.follow import Follower
from avance.jobs.reporter import Reporter
from avance.jobs.task import Throttle
from avance.model import machine
from avance.model.job import Children, Job, JobError, State
from avance.model.report import Done, Failed, LogWritten, ProgressMade
from avance.model.stream import job_channel, jobs_channel
from avance.ports.store import Commit, JobWrite, Store

ID = "7a1c3f60-0000-4000-8000-000000000001"


class Bench(NamedTuple):
    reporter: Reporter
    store: Store
    follower: Follower

    async def until(self, wanted: Callable[[Job], bool]) -> Job:
        """
        Wait, event by event, for the job to be as wanted.
        """
        with anyio.fail_after(60):
            async with aclosing(self.follower.events(job_channel(ID), since=0)) as news:
                async for _ in news:
                    job = await self.store.job(ID)
                    if job is not None and wanted(job):
                        return job
        raise AssertionError("a stream of events has no end")


@asynccontextmanager
async def a_reporter(*, hz: float = 10.0) -> AsyncIterator["Bench"]:
    bus = MemoryBus()
    async with (
        SqliteDatabase(":memory:", clock=SystemClock()) as database,
        SqliteStore(database) as store,
        bus,
    ):
        reporter = Reporter(
            store, bus, SystemClock(), random=Random(1), throttle_of=lambda _: Throttle(hz=hz)
        )
        async with reporter:
            yield Bench(reporter, store, Follower(store, bus))


def a_job(**changes: object) -> Job:
    values: dict[str, object] = {
        "id": ID,
        "kind": "demo",
        "state": State.RUNNING,
        "created_ms": 1,
        "started_ms": 1,
        "owner": "ana",
    }
    return Job(**{**values, **changes})  # type: ignore[arg-type]


async def events(store: Store, channel: str = job_channel(ID)) -> list[dict[str, object]]:
    page = await store.stream(channel, since=0, limit=1000)
    return [json.loads(publication.data) for publication in page.publications]


async def flushed(reporter: Reporter) -> Job:
    return await reporter.change(ID, machine.stay)


async def test_reports_are_written_in_order_with_gap_free_numbers() -> None:
    async with a_reporter() as bench:
        reporter, store, _ = bench
        await reporter.create(a_job(), b"{}")
        for number in range(50):
            reporter.tell(LogWritten(job_id=ID, attempt=1, message=str(number)))
        reporter.tell(Done(job_id=ID, attempt=1, result=msgspec.Raw(b'{"ok":true}')))
        job = await flushed(reporter)
        told = await events(store)
    assert [event["message"] for event in told if event["type"] == "log"] == [
        str(n) for n in range(50)
    ]
    assert [event["seq"] for event in told] == list(range(1, job.seq + 1))
    assert told[-1]["to"] == "completed"


async def test_a_burst_of_progress_is_thinned_and_its_last_word_is_kept() -> None:
    async with a_reporter(hz=10) as bench:
        reporter, store, _ = bench
        await reporter.create(a_job(), b"{}")
        for number in range(1, 1000):
            reporter.tell(ProgressMade(job_id=ID, attempt=1, percent=number / 10))
        reporter.tell(LogWritten(job_id=ID, attempt=1, message="after"))
        job = await flushed(reporter)
        told = await events(store)
    shown = [event for event in told if event["type"] == "progress"]
    assert len(shown) < 10
    assert job.progress.percent == 99.9
    assert told[-1]["type"] == "log"


async def test_held_progress_is_written_by_itself_when_its_time_comes() -> None:
    async with a_reporter(hz=20) as bench:
        reporter, _store, _ = bench
        await reporter.create(a_job(), b"{}")
        reporter.tell(ProgressMade(job_id=ID, attempt=1, percent=1))
        reporter.tell(ProgressMade(job_id=ID, attempt=1, percent=2))
        assert await bench.until(lambda job: job.progress.percent == 2)


async def test_leaving_the_reporter_writes_what_was_told() -> None:
    bus = MemoryBus()
    async with (
        SqliteDatabase(":memory:", clock=SystemClock()) as database,
        SqliteStore(database) as store,
        bus,
    ):
        async with Reporter(
            store, bus, SystemClock(), random=Random(1), throttle_of=lambda _: Throttle(hz=0.01)
        ) as reporter:
            await reporter.create(a_job(), b"{}")
            reporter.tell(ProgressMade(job_id=ID, attempt=1, percent=1))
            reporter.tell(ProgressMade(job_id=ID, attempt=1, percent=42))
        stored = await store.job(ID)
        assert stored is not None
        assert stored.progress.percent == 42


async def test_a_cancel_wins_over_a_late_result() -> None:
    async with a_reporter() as bench:
        reporter, store, _ = bench
        await reporter.create(a_job(), b"{}")
        cancelled = await reporter.change(ID, lambda job: machine.cancel(job, 5))
        reporter.tell(Done(job_id=ID, attempt=1, result=msgspec.Raw(b"1")))
        assert (await flushed(reporter)).state is State.CANCELLED
        assert cancelled.seq == len(await events(store))


async def test_what_a_decision_raises_reaches_who_asked() -> None:
    async with a_reporter() as bench:
        reporter, _store, _ = bench
        await reporter.create(a_job(state=State.COMPLETED), b"{}")
        with pytest.raises(Conflict, match="completed"):
            await reporter.change(ID, lambda job: machine.cancel(job, 5))
        with pytest.raises(NotFound):
            await reporter.change("nobody", machine.stay)


async def test_a_step_is_decided_anew_when_another_node_wrote_in_between() -> None:
    async with a_reporter() as bench:
        reporter, store, _ = bench
        job = await reporter.create(a_job(), b"{}")
        foreign = machine.report(job, LogWritten(job_id=ID, attempt=1, message="from elsewhere"), 3)
        await store.commit(
            Commit(writes=(JobWrite(job=foreign.job, expects=job.seq),), appends=foreign.appends)
        )
        reporter.tell(LogWritten(job_id=ID, attempt=1, message="from here"))
        await flushed(reporter)
        told = await events(store)
    assert [event.get("message") for event in told] == [None, "from elsewhere", "from here"]


async def test_a_result_over_the_limit_fails_the_job_with_the_reason() -> None:
    async with a_reporter() as bench:
        reporter, _store, _ = bench
        await reporter.create(a_job(), b"{}")
        reporter.tell(
            Done(job_id=ID, attempt=1, result=msgspec.Raw(b'"' + b"x" * 17_000_000 + b'"'))
        )
        job = await flushed(reporter)
    assert job.state is State.FAILED
    assert job.error is not None
    assert job.error.code == "result_too_large"


async def test_the_owners_list_hears_of_every_state() -> None:
    async with a_reporter() as bench:
        reporter, store, _ = bench
        await reporter.create(a_job(state=State.QUEUED), b"{}")
        await reporter.change(ID, lambda job: machine.claim(job, "w", 2))
        reporter.tell(Done(job_id=ID, attempt=1, result=msgspec.Raw(b"1")))
        await flushed(reporter)
        listed = await events(store, jobs_channel("ana"))
    assert [event["job"]["state"] for event in listed] == ["queued", "running", "completed"]  # type: ignore[index]


async def test_children_roll_up_and_a_parent_that_waits_ends_with_the_last() -> None:
    child = "7a1c3f60-0000-4000-8000-0000000000c"
    async with a_reporter() as bench:
        reporter, _store, _ = bench
        await reporter.create(a_job(), b"{}")
        for number in (1, 2):
            await reporter.create(
                a_job(id=f"{child}{number}", parent_id=ID, owner=None, weight=number), b"{}"
            )
        await reporter.roll_up(ID)
        reporter.tell(Done(job_id=ID, attempt=1, result=msgspec.Raw(b'"parent"')))
        waiting = await flushed(reporter)
        assert waiting.awaits_children
        reporter.tell(ProgressMade(job_id=f"{child}2", attempt=1, percent=50))
        reporter.tell(Done(job_id=f"{child}1", attempt=1, result=msgspec.Raw(b"1")))
        reporter.tell(
            Failed(
                job_id=f"{child}2", attempt=1, error=JobError(kind="error", code="x", message="no")
            )
        )
        job = await bench.until(lambda job: job.state.is_terminal)
    assert job.state is State.COMPLETED
    assert job.children is not None
    assert (job.children.total, job.children.completed, job.children.failed) == (2, 1, 1)


class HeldStore(SqliteStore):
    """
    Whoever counts children waits with what it has read until it is let go; the store may be away at first.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        super().__init__(database)
        self.away = 0
        self.has_counted = anyio.Event()
        self.is_let_go = anyio.Event()

    async def children(self, parent_id: str) -> Children:
        if self.away:
            self.away -= 1
            raise Unavailable("the store is away")
        counted = await super().children(parent_id)
        self.has_counted.set()
        await self.is_let_go.wait()
        return counted


@asynccontextmanager
async def two_reporters() -> AsyncIterator[tuple[Reporter, Reporter, HeldStore]]:
    """
    As two processes that share a database; the second counts through a store that is held.
    """
    bus = MemoryBus()
    async with (
        SqliteDatabase(":memory:", clock=SystemClock()) as database,
        SqliteStore(database) as store,
        HeldStore(database) as held,
        bus,
    ):
        first, second = (
            Reporter(one, bus, SystemClock(), random=Random(1), throttle_of=lambda _: Throttle())
            for one in (store, held)
        )
        async with first, second:
            yield first, second, held


async def test_of_two_processes_that_count_children_at_once_the_one_that_saw_less_counts_again() -> (
    None
):
    async with two_reporters() as (first, second, held):
        await first.create(a_job(), b"{}")
        for number in (1, 2):
            await first.create(a_job(id=f"child-{number}", parent_id=ID, owner=None), b"{}")
        await first.roll_up(ID)
        second.tell(Done(job_id="child-1", attempt=1, result=msgspec.Raw(b"1")))
        await held.has_counted.wait()
        first.tell(Done(job_id="child-2", attempt=1, result=msgspec.Raw(b"2")))
        seen = await first.roll_up(ID)
        held.is_let_go.set()
        last = await second.roll_up(ID)
        first.tell(Done(job_id=ID, attempt=1, result=msgspec.Raw(b'"parent"')))
        ended = await flushed(first)
    assert seen.children is not None
    assert seen.children.completed == 2
    assert last.children == seen.children
    assert ended.state is State.COMPLETED


async def test_children_that_cannot_be_counted_while_the_store_is_away_are_counted_when_it_is_back() -> (
    None
):
    async with two_reporters() as (first, second, held):
        held.is_let_go.set()
        await first.create(a_job(), b"{}")
        await first.create(a_job(id="child", parent_id=ID, owner=None), b"{}")
        await first.roll_up(ID)
        first.tell(Done(job_id=ID, attempt=1, result=msgspec.Raw(b'"parent"')))
        assert (await flushed(first)).awaits_children
        held.away = 2
        second.tell(Done(job_id="child", attempt=1, result=msgspec.Raw(b"1")))
        await second.change("child", machine.stay)
        ended = await second.change(ID, machine.stay)
    assert held.away == 0
    assert ended.state is State.COMPLETED


async def test_who_asks_for_a_count_while_the_store_is_away_is_told_so() -> None:
    async with two_reporters() as (first, second, held):
        held.is_let_go.set()
        await first.create(a_job(), b"{}")
        held.away = 1
        with pytest.raises(Unavailable):
            await second.roll_up(ID)
        with pytest.raises(NotFound):
            await second.roll_up("nobody")


async def test_a_task_that_tells_more_than_the_store_takes_is_held_back_and_let_go_again() -> None:
    held: list[bool] = []

    def pause(job_id: str, attempt: int, *, is_paused: bool) -> None:
        assert (job_id, attempt) == (ID, 1)
        held.append(is_paused)

    async with a_reporter() as bench:
        reporter, store, _ = bench
        reporter.hold_back_with(pause)
        await reporter.create(a_job(), b"{}")
        for number in range(10_500):
            reporter.tell(LogWritten(job_id=ID, attempt=1, message=str(number)))
        job = await flushed(reporter)
        page = await store.stream(job_channel(ID))
    assert held == [True, False]
    assert page.top.offset == job.seq == 10_501


async def test_the_owners_list_hears_of_the_latest_progress_even_when_nothing_follows() -> None:
    async with a_reporter(hz=1000) as bench:
        reporter, store, follower = bench
        await reporter.create(a_job(state=State.QUEUED), b"{}")
        await reporter.change(ID, lambda job: machine.claim(job, "w", job.created_ms))
        reporter.tell(ProgressMade(job_id=ID, attempt=1, current=1, total=4))
        reporter.tell(ProgressMade(job_id=ID, attempt=1, current=2, total=4))
        with anyio.fail_after(60):
            async with aclosing(follower.events(jobs_channel("ana"), since=0)) as news:
                async for publication in news:
                    if json.loads(publication.data)["job"]["progress"].get("current") == 2:
                        break
        stored = await store.job(ID)
    assert stored is not None
    assert not stored.is_list_behind
