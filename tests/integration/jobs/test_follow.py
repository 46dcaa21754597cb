"""
Waiting for a job: by what this process writes itself, and by what another process has written.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple

import anyio
import msgspec
import pytest

from avance.backends.sqlite import SqliteBus, SqliteDatabase, SqliteStore
from avance.backends.system import SystemClock
from avance.errors import NotFound
from avance.jobs.follow import Follower
from avance.jobs.reporter import Reporter
from avance.jobs.service import Jobs
from avance.jobs.task import Throttle
from avance.model import machine
from avance.model.job import Job, State
from avance.model.report import Done, ProgressMade

ID = "7a1c3f60-0000-4000-8000-000000000002"
RUNNING = Job(id=ID, kind="demo", state=State.RUNNING, created_ms=1, started_ms=1, owner="ana")


class Node(NamedTuple):
    jobs: Jobs
    reporter: Reporter

    async def flushed(self) -> Job:
        return await self.reporter.change(ID, machine.stay)


@asynccontextmanager
async def a_node(path: Path) -> AsyncIterator[Node]:
    clock = SystemClock()
    database = SqliteDatabase(path, clock=clock)
    async with SqliteStore(database) as store, SqliteBus(database) as bus:
        reporter = Reporter(
            store, bus, clock, random=Random(1), throttle_of=lambda _: Throttle(hz=1000)
        )
        async with reporter:
            yield Node(Jobs(store, reporter, Follower(store, bus), clock, {}), reporter)


async def test_the_end_that_another_process_writes_is_waited_for(tmp_path: Path) -> None:
    async with a_node(tmp_path / "jobs.db") as here, a_node(tmp_path / "jobs.db") as there:
        await here.reporter.create(RUNNING, b"{}")
        ended: list[Job] = []

        async def wait() -> None:
            ended.append(await here.jobs.ended(ID))

        with anyio.fail_after(60):
            async with anyio.create_task_group() as group:
                group.start_soon(wait)
                there.reporter.tell(Done(job_id=ID, attempt=1, result=msgspec.Raw(b"1")))
    assert ended[0].state is State.COMPLETED
    assert ended[0].result == msgspec.Raw(b"1")


async def test_an_end_that_came_before_anybody_waited_is_seen(tmp_path: Path) -> None:
    async with a_node(tmp_path / "jobs.db") as here, a_node(tmp_path / "jobs.db") as there:
        await here.reporter.create(RUNNING, b"{}")
        there.reporter.tell(Done(job_id=ID, attempt=1, result=msgspec.Raw(b"1")))
        await there.flushed()
        with anyio.fail_after(60):
            ended = await here.jobs.ended(ID)
    assert ended.state is State.COMPLETED


async def test_whoever_follows_sees_states_and_percents_grow_up_to_the_end(tmp_path: Path) -> None:
    async with a_node(tmp_path / "jobs.db") as here, a_node(tmp_path / "jobs.db") as there:
        await here.reporter.create(RUNNING, b"{}")
        with anyio.fail_after(60):
            seen = []
            async for job in here.jobs.follow(ID):
                seen.append(job)
                node = here if len(seen) % 2 else there
                if len(seen) < 5:
                    report = ProgressMade(job_id=ID, attempt=1, percent=len(seen) * 10)
                    node.reporter.tell(report)
                elif len(seen) == 5:
                    node.reporter.tell(Done(job_id=ID, attempt=1, result=msgspec.Raw(b"1")))
    percents = [job.progress.percent or 0.0 for job in seen]
    assert percents == sorted(percents)
    assert percents[-1] == 100.0
    assert [job.seq for job in seen] == sorted({job.seq for job in seen})
    assert seen[-1].state is State.COMPLETED


async def test_nobody_waits_for_a_job_that_is_not_there(
    tmp_path: Path,
) -> None:
    async with a_node(tmp_path / "jobs.db") as here:
        with pytest.raises(NotFound):
            await here.jobs.ended(ID)
