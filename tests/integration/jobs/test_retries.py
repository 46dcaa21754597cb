"""
A child that is tried again below its parent takes the place of the one that failed.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import NamedTuple

import anyio
import msgspec
import pytest

from avance.backends.memory import MemoryBus
from avance.backends.sqlite import SqliteDatabase, SqliteStore
from avance.backends.system import SystemClock
from avance.jobs.follow import Follower
from avance.jobs.reporter import Reporter
from avance.jobs.service import Jobs, SubmitOptions
from avance.jobs.task import Runner, Task, TaskOptions, Throttle
from avance.model import machine
from avance.model.job import Job, JobError, State
from avance.model.report import Done, Failed

PARENT = "7a1c3f60-0000-4000-8000-000000000003"
BROKEN = JobError(kind="error", code="broken", message="The file is broken.")


class Context:
    """
    Stands where a task takes its job.
    """


def read(name: str) -> str:
    return name


class Family(NamedTuple):
    jobs: Jobs
    reporter: Reporter

    async def child(self, name: str) -> Job:
        return await self.jobs.submit("demo.read", (name,), None, SubmitOptions(parent_id=PARENT))

    async def end(self, job: Job, error: JobError | None = None) -> None:
        def claim(queued: Job) -> machine.Step:
            return machine.claim(queued, "w", SystemClock().now_ms())

        await self.reporter.change(job.id, claim)
        if error is None:
            self.reporter.tell(Done(job_id=job.id, attempt=1, result=msgspec.Raw(b"1")))
        else:
            self.reporter.tell(Failed(job_id=job.id, attempt=1, error=error))
        await self.jobs.ended(job.id)

    async def done(self) -> Job:
        """
        The parent has done its own part, and waits for its children.
        """
        self.reporter.tell(Done(job_id=PARENT, attempt=1, result=msgspec.Raw(b"1")))
        return await self.reporter.change(PARENT, machine.stay)

    async def ended(self) -> Job:
        with anyio.fail_after(60):
            return await self.jobs.ended(PARENT)


@asynccontextmanager
async def a_family(*, needs_children: bool) -> AsyncIterator[Family]:
    bus, clock = MemoryBus(), SystemClock()
    async with (
        SqliteDatabase(":memory:", clock=clock) as database,
        SqliteStore(database) as store,
        bus,
        Reporter(store, bus, clock, random=Random(1), throttle_of=lambda _: Throttle()) as reporter,
    ):
        task = Task("demo.read", read, TaskOptions(runner=Runner.PROCESS), Context)
        jobs = Jobs(store, reporter, Follower(store, bus), clock, {task.name: task})
        parent = Job(
            id=PARENT,
            kind="demo",
            state=State.RUNNING,
            created_ms=1,
            started_ms=1,
            needs_children=needs_children,
        )
        await reporter.create(parent, b"{}")
        yield Family(jobs, reporter)


@pytest.mark.parametrize("needs_children", [True, False])
async def test_a_parent_ends_well_when_what_failed_below_it_was_done_by_a_retry(
    needs_children: bool,
) -> None:
    async with a_family(needs_children=needs_children) as family:
        failed, other = await family.child("failed"), await family.child("other")
        await family.end(failed, BROKEN)
        again = await family.jobs.retry(failed.id)
        assert (again.retry_of, again.parent_id) == (failed.id, PARENT)
        assert (await family.done()).awaits_children
        await family.end(other)
        await family.end(again)
        parent = await family.ended()
    assert parent.state is State.COMPLETED
    assert parent.children is not None
    assert (parent.children.total, parent.children.completed, parent.children.failed) == (2, 2, 0)


async def test_a_parent_that_needs_its_children_fails_by_a_retry_that_fails_and_counts_it_once() -> (
    None
):
    async with a_family(needs_children=True) as family:
        failed, other = await family.child("failed"), await family.child("other")
        await family.end(failed, BROKEN)
        again = await family.jobs.retry(failed.id)
        await family.done()
        await family.end(other)
        await family.end(again, BROKEN)
        parent = await family.ended()
    assert parent.state is State.FAILED
    assert parent.error is not None
    assert parent.error.message == "1 of 2 child jobs did not complete."


async def test_the_bar_of_a_parent_does_not_fall_back_when_a_child_begins_anew() -> None:
    async with a_family(needs_children=False) as family:
        failed, _ = await family.child("failed"), await family.child("other")
        await family.end(failed, BROKEN)
        before = await family.reporter.roll_up(PARENT)
        await family.jobs.retry(failed.id)
        after = await family.reporter.roll_up(PARENT)
    assert (before.progress.percent, after.progress.percent) == (50.0, 50.0)
    assert after.children is not None
    assert (after.children.total, after.children.failed) == (2, 0)


async def test_two_retries_at_the_same_moment_are_one_job_and_a_later_one_is_another() -> None:
    async with a_family(needs_children=False) as family:
        failed, _ = await family.child("failed"), await family.child("other")
        await family.end(failed, BROKEN)
        one, two = await asyncio.gather(family.jobs.retry(failed.id), family.jobs.retry(failed.id))
        assert one.id == two.id
        counted = await family.reporter.roll_up(PARENT)
        await family.end(one, BROKEN)
        later = await family.jobs.retry(one.id)
    assert counted.children is not None
    assert counted.children.total == 2
    assert later.id != one.id
    assert (later.retry_of, later.unique_key) == (one.id, one.unique_key)
