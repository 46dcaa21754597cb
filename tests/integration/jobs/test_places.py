"""
A job that nobody has to wait for begins with the commit that makes it, and its place is never lost: whoever submits may give up, the key may
be taken, and the answer of the store may stay away.
"""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from avance.app.kernel import Kernel, KernelOptions
from avance.app.storage import Storage, open_storage
from avance.backends.sqlite import SqliteDatabase, SqliteQueue, SqliteStore
from avance.backends.system import SystemClock
from avance.errors import Unavailable
from avance.jobs.context import Job as JobContext
from avance.jobs.service import SubmitOptions
from avance.jobs.task import Runner, Task, TaskOptions
from avance.model.job import Job, State
from avance.model.stream import Publication
from avance.ports.queue import Claims
from avance.ports.store import Commit, JobFilter

PLACES = 4
ROUNDS = 40


class CountedQueue(SqliteQueue):
    claims = 0

    async def claim(self, *given: Any, **named: Any) -> Claims:
        self.claims += 1
        return await super().claim(*given, **named)


class ForgetfulStore(SqliteStore):
    """
    Writes, and sometimes does not say so.
    """

    forgets = False

    async def commit(self, commit: Commit) -> Sequence[Publication]:
        told = await super().commit(commit)
        if self.forgets and commit.writes[0].lease_until_ms is not None:
            raise Unavailable("the connection was cut before the answer")
        return told


class Bench:
    def __init__(self, kernel: Kernel, queue: CountedQueue, store: ForgetfulStore) -> None:
        self.kernel = kernel
        self.queue = queue
        self.store = store

    async def run(self, name: str = "quick", **options: object) -> Job:
        with anyio.fail_after(60):
            job = await self.submit(name, **options)
            return await self.kernel.jobs.ended(job.id)

    async def submit(self, name: str = "quick", **options: object) -> Job:
        return await self.kernel.jobs.submit(name, (), None, SubmitOptions(**options))  # type: ignore[arg-type]

    async def all_ended(self) -> Sequence[Job]:
        with anyio.fail_after(60):
            page = await self.kernel.jobs.list(JobFilter(limit=200))
            return [await self.kernel.jobs.ended(job.id) for job in page.jobs]

    async def all_places_are_free(self) -> None:
        """
        So many jobs as there are places run side by side.
        """
        met = Meeting.of(PLACES)
        with anyio.fail_after(60):
            jobs = [await self.submit("meet") for _ in range(PLACES)]
            await met.wait()
            for job in jobs:
                assert (await self.kernel.jobs.ended(job.id)).state is State.COMPLETED


class Meeting:
    """
    Goes on when all have come.
    """

    _barrier = asyncio.Barrier(1)

    @classmethod
    def of(cls, jobs: int) -> asyncio.Barrier:
        cls._barrier = asyncio.Barrier(jobs + 1)
        return cls._barrier

    @classmethod
    async def come(cls) -> None:
        await cls._barrier.wait()


order: list[int] = []


async def quick() -> None:
    return None


async def meet() -> None:
    await Meeting.come()


async def follow_on(number: int) -> None:
    order.append(number)


TASKS = {
    function.__name__: Task(
        function.__name__, function, TaskOptions(runner=Runner.ASYNC), JobContext
    )
    for function in (quick, meet, follow_on)
}


def _counted(storage: Storage) -> Storage:
    assert isinstance(storage.store, SqliteStore)
    database: SqliteDatabase = storage.store.database
    return dataclasses.replace(
        storage, store=ForgetfulStore(database), queue=CountedQueue(database)
    )


@asynccontextmanager
async def a_bench(folder: Path) -> AsyncIterator[Bench]:
    clock = SystemClock()
    storage = _counted(
        open_storage(f"sqlite:///{folder}/avance.db", clock, node="n", data=str(folder))
    )
    options = KernelOptions(processes=0, threads=0, async_max=PLACES)
    async with Kernel(storage, TASKS, clock, node="n", options=options) as kernel:
        assert isinstance(storage.queue, CountedQueue)
        assert isinstance(storage.store, ForgetfulStore)
        yield Bench(kernel, storage.queue, storage.store)


async def test_jobs_that_nobody_waits_before_need_no_claim(tmp_path: Path) -> None:
    async with a_bench(tmp_path) as bench:
        await bench.run()
        before = bench.queue.claims
        for _ in range(ROUNDS):
            assert (await bench.run()).state is State.COMPLETED
        # One each second looks for what others have queued.
        assert bench.queue.claims - before < ROUNDS / 2


async def test_a_job_that_began_at_once_was_submitted_queued_and_then_ran(tmp_path: Path) -> None:
    async with a_bench(tmp_path) as bench:
        await bench.run()
        taken = await bench.submit()
        assert (taken.state, taken.seq) == (State.QUEUED, 1)
        ended = await bench.kernel.jobs.ended(taken.id)
        page = await bench.kernel.jobs.events(taken.id, since=0, limit=10)
        told = [one.data.decode() for one in page.publications]
        assert '"to":"queued"' in told[0]
        assert '"to":"running"' in told[1]
        assert [one.offset for one in page.publications] == list(range(1, ended.seq + 1))


async def test_whoever_waits_goes_before_whoever_comes(tmp_path: Path) -> None:
    async with a_bench(tmp_path) as bench:
        await bench.run()
        met = Meeting.of(PLACES)
        for _ in range(PLACES):
            await bench.submit("meet")
        order.clear()
        with anyio.fail_after(60):
            for number in range(ROUNDS):
                await bench.kernel.jobs.submit("follow_on", (number,))
                if number == ROUNDS // 2:
                    await met.wait()
        await bench.all_ended()
        # What was queued before the places were free began in its order, however many began at once.
        waited = [number for number in order if number <= ROUNDS // 2]
        assert waited == sorted(waited)
        assert sorted(order) == list(range(ROUNDS))


@pytest.mark.parametrize("steps", range(6))
async def test_a_submit_that_is_given_up_at_any_step_leaves_no_job_and_no_place_behind(
    tmp_path: Path, steps: int
) -> None:
    async with a_bench(tmp_path) as bench:
        await bench.run()
        for _ in range(ROUNDS // 4):
            submit = asyncio.ensure_future(bench.submit())
            for _ in range(steps):
                await asyncio.sleep(0)
            submit.cancel()
            await asyncio.wait([submit])
        assert {job.state for job in await bench.all_ended()} == {State.COMPLETED}
        await bench.all_places_are_free()


async def test_a_job_whose_commit_was_never_answered_runs_all_the_same(tmp_path: Path) -> None:
    async with a_bench(tmp_path) as bench:
        await bench.run()
        bench.store.forgets = True
        refused = 0
        for _ in range(PLACES * 2):
            try:
                await bench.submit()
            except Unavailable:
                refused += 1
        bench.store.forgets = False
        ended = await bench.all_ended()
        assert refused > 0
        assert len(ended) == 1 + PLACES * 2
        assert {(job.state, job.attempt) for job in ended} == {(State.COMPLETED, 1)}
        await bench.all_places_are_free()


async def test_a_key_that_is_taken_takes_no_place(tmp_path: Path) -> None:
    async with a_bench(tmp_path) as bench:
        await bench.run()
        met = Meeting.of(1)
        first = await bench.submit("meet", unique="one")
        for _ in range(PLACES * 2):
            assert (await bench.submit("meet", unique="one")).id == first.id
        with anyio.fail_after(60):
            await met.wait()
        assert (await bench.kernel.jobs.ended(first.id)).state is State.COMPLETED
        await bench.all_places_are_free()


async def test_a_job_whose_time_is_over_when_it_comes_does_not_begin(tmp_path: Path) -> None:
    async with a_bench(tmp_path) as bench:
        await bench.run()
        ended = await bench.run(expires_s=0)
        assert (ended.state, ended.started_ms) == (State.EXPIRED, None)
