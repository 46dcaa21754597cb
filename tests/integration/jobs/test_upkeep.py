"""
What a process that died between two writes leaves undone is done by another.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import NamedTuple

import anyio
import msgspec

from avance.backends.memory import MemoryBus
from avance.backends.sqlite import SqliteDatabase, SqliteStore
from avance.backends.system import SystemClock
from avance.jobs.follow import Follower
from avance.jobs.reporter import Reporter
from avance.jobs.service import Jobs
from avance.jobs.task import Throttle
from avance.jobs.upkeep import Upkeep, UpkeepLimits
from avance.model import machine
from avance.model.job import Job, State
from avance.model.report import Done
from avance.ports.store import Retention, Store
from avance.testing.conformance.sample import a_job, submit, take

OFTEN = UpkeepLimits(families_interval_s=0.02)


class Survivor(NamedTuple):
    """
    A process that is not told what the one that dies writes.
    """

    store: Store
    reporter: Reporter
    upkeep: Upkeep

    async def ended(self, job_id: str) -> State:
        with anyio.fail_after(60):
            while True:
                job = await self.store.job(job_id)
                assert job is not None
                if job.state.is_terminal:
                    return job.state
                await anyio.sleep(0.01)


@asynccontextmanager
async def survivor() -> AsyncIterator[Survivor]:
    bus, clock = MemoryBus(), SystemClock()
    async with (
        SqliteDatabase(":memory:", clock=clock) as database,
        SqliteStore(database) as store,
        bus,
        Reporter(store, bus, clock, random=Random(1), throttle_of=lambda _: Throttle()) as reporter,
    ):
        jobs = Jobs(store, reporter, Follower(store, bus), clock, {})
        yield Survivor(
            store,
            reporter,
            Upkeep(store, jobs, reporter, clock, retention=Retention(), limits=OFTEN),
        )


async def a_family(one: Survivor) -> tuple[Job, Job]:
    """
    A parent that has done its own part, and its child that runs.
    """
    now_ms = SystemClock().now_ms()
    parent = await submit(one.store, a_job(state=State.RUNNING, attempt=1, created_ms=now_ms))
    child = await submit(one.store, a_job(parent_id=parent.id, state=State.RUNNING, attempt=1))
    await one.reporter.roll_up(parent.id)
    one.reporter.tell(Done(job_id=parent.id, attempt=1, result=msgspec.Raw(b"1")))
    waiting = await one.reporter.change(parent.id, machine.stay)
    assert waiting.awaits_children
    return waiting, child


async def end(one: Survivor, job: Job) -> None:
    """
    Write the end of a job as a process that dies right after it.
    """
    done = Done(job_id=job.id, attempt=1, result=msgspec.Raw(b"1"))
    step = machine.fold(job, [done], SystemClock().now_ms())
    assert step.job.state.is_terminal
    await take(one.store, job, step)


async def test_a_parent_whose_last_child_ended_untold_before_the_start_ends() -> None:
    async with survivor() as one:
        parent, child = await a_family(one)
        await end(one, child)
        async with one.upkeep:
            assert await one.ended(parent.id) is State.COMPLETED


async def test_a_parent_whose_last_child_ends_untold_ends_soon() -> None:
    async with survivor() as one, one.upkeep:
        parent, child = await a_family(one)
        await end(one, child)
        assert await one.ended(parent.id) is State.COMPLETED


async def test_children_of_a_parent_that_was_cancelled_untold_are_cancelled() -> None:
    async with survivor() as one, one.upkeep:
        parent, child = await a_family(one)
        await take(one.store, parent, machine.cancel(parent, SystemClock().now_ms()))
        assert await one.ended(child.id) is State.CANCELLED
