"""
What is done now and then: retention, and the loose ends between a parent and its children that a crash can leave.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Self

import msgspec

from avance.errors import AvanceError
from avance.jobs.reporter import Reporter
from avance.jobs.service import Jobs
from avance.model.job import State
from avance.ports.clock import Clock
from avance.ports.outage import Outage
from avance.ports.store import Retention, Store

_log = logging.getLogger("avance.jobs")


class UpkeepLimits(msgspec.Struct, frozen=True, kw_only=True):
    families_interval_s: float = 10.0
    """So long a parent may wait when the process that had to tell it of its last child died."""
    clocks_apart_s: float = 120.0
    """The times of ends are those of several nodes; what a round looked at is looked at again for so long."""
    trim_interval_s: float = 60.0
    retry_s: float = 5.0
    """After a round that the store broke off."""


UPKEEP_LIMITS = UpkeepLimits()


class Upkeep:
    """
    An async context manager: one round of each when it is opened, then one an interval.
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
        self._families_since_ms = 0
        self._tasks = asyncio.TaskGroup()
        self._loops: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._loops = [
            self._tasks.create_task(self._every(self._limits.families_interval_s, self._join)),
            self._tasks.create_task(self._every(self._limits.trim_interval_s, self._trim)),
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        for loop in self._loops:
            loop.cancel()
        await self._tasks.__aexit__(None, None, None)

    async def _every(self, interval_s: float, work: Callable[[], Awaitable[None]]) -> None:
        outage = Outage(_log, "upkeep is put off", kind=AvanceError)
        while True:
            with outage:
                await work()
            await self._clock.sleep(
                min(self._limits.retry_s, interval_s) if outage.lasts else interval_s
            )

    async def _join(self) -> None:
        """
        Bring parents and children together that a crash has parted.
        """
        began_ms = self._clock.now_ms()
        for parent_id in await self._store.parted(self._families_since_ms):
            await self._mend(parent_id)
        self._families_since_ms = began_ms - round(self._limits.clocks_apart_s * 1000)

    async def _mend(self, parent_id: str) -> None:
        parent = await self._store.job(parent_id)
        if parent is None:
            return
        if not parent.state.is_terminal:
            await self._reporter.roll_up(parent_id)
        elif parent.state is not State.COMPLETED:
            await self._jobs.cancel_children(parent_id)

    async def _trim(self) -> None:
        removed = 1
        while removed:
            removed = await self._store.trim(self._clock.now_ms(), self._retention)
