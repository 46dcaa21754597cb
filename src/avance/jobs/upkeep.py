"""
What is done now and then: retention, and the loose ends between a parent and its children that a crash can leave.
"""

import asyncio
import logging
from typing import Self

import msgspec

from avance.errors import AvanceError
from avance.jobs.reporter import Reporter
from avance.jobs.service import ACTIVE, Jobs
from avance.model.job import State
from avance.ports.clock import Clock
from avance.ports.store import JobFilter, Retention, Store

_log = logging.getLogger("avance.jobs")


class UpkeepLimits(msgspec.Struct, frozen=True, kw_only=True):
    interval_s: float = 60.0
    retry_s: float = 5.0
    """After a round that the store broke off."""
    page: int = 200
    pages_max: int = 500


UPKEEP_LIMITS = UpkeepLimits()


class Upkeep:
    """
    An async context manager: one round when it is opened, then one an interval.
    """

    def __init__(
        self,
        store: Store,
        jobs: Jobs,
        reporter: Reporter,
        clock: Clock,
        *,
        retention: Retention,
        limits: UpkeepLimits = UPKEEP_LIMITS,
    ) -> None:
        self._store = store
        self._jobs = jobs
        self._reporter = reporter
        self._clock = clock
        self._retention = retention
        self._limits = limits
        self._tasks = asyncio.TaskGroup()
        self._loop: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._loop = self._tasks.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._loop is not None:
            self._loop.cancel()
        await self._tasks.__aexit__(None, None, None)

    async def round(self) -> None:
        """
        Join parents and children that a crash has parted, then remove what is past its time.
        """
        for parent_id in await self._parents():
            await self._mend(parent_id)
        removed = 1
        while removed:
            removed = await self._store.trim(self._clock.now_ms(), self._retention)

    async def _run(self) -> None:
        while True:
            wait_s = self._limits.interval_s
            try:
                await self.round()
            except AvanceError as error:
                _log.warning("upkeep is put off: %s", error)
                wait_s = self._limits.retry_s
            await self._clock.sleep(wait_s)

    async def _parents(self) -> set[str]:
        parents: set[str] = set()
        cursor = None
        for _ in range(self._limits.pages_max):
            page = await self._store.jobs(
                JobFilter(states=ACTIVE, limit=self._limits.page, cursor=cursor)
            )
            parents |= {job.parent_id for job in page.jobs if job.parent_id is not None}
            parents |= {job.id for job in page.jobs if job.children is not None}
            cursor = page.cursor
            if cursor is None:
                break
        return parents

    async def _mend(self, parent_id: str) -> None:
        parent = await self._store.job(parent_id)
        if parent is None:
            return
        if not parent.state.is_terminal:
            await self._reporter.roll_up(parent_id)
        elif parent.state is not State.COMPLETED:
            await self._jobs.cancel_children(parent_id)
