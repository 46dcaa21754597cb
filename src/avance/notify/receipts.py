"""
What was handed to a socket, and what its client confirmed. Written together, because there may be thousands in a second.
"""

import asyncio
import logging
from types import TracebackType
from typing import Self

from avance.errors import Unavailable
from avance.model.inbox import DeliveryState
from avance.notify.limits import NotifyLimits
from avance.ports.clock import Clock
from avance.ports.outage import Outage
from avance.ports.records import Changes, Records
from avance.ports.store import Durability

_log = logging.getLogger("avance.notify")


class Receipts:
    """
    An async context manager; leaving it writes what was told before.
    """

    def __init__(self, records: Records, clock: Clock, limits: NotifyLimits) -> None:
        self._records = records
        self._clock = clock
        self._limits = limits
        self._told: dict[int, DeliveryState] = {}
        self._news = asyncio.Event()
        self._lock = asyncio.Lock()
        self._tasks = asyncio.TaskGroup()
        self._loop: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._loop = self._tasks.create_task(self._write())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._loop is not None:
            self._loop.cancel()
        await self._tasks.__aexit__(None, None, None)
        try:
            await self.flush()
        except Unavailable as refused:
            _log.warning(
                "%d receipts are lost, those notifications come again: %s", len(self._told), refused
            )

    def sent(self, notice_id: int) -> None:
        """
        A socket took it.
        """
        if len(self._told) < self._limits.receipts_max:
            self._told.setdefault(notice_id, DeliveryState.SENT)
            self._news.set()

    def delivered(self, notice_id: int) -> None:
        """
        Its client has it.
        """
        if notice_id in self._told or len(self._told) < self._limits.receipts_max:
            self._told[notice_id] = DeliveryState.DELIVERED
            self._news.set()

    async def flush(self) -> None:
        """
        Write what was told up to now.

        Raises:
            Unavailable: It is kept for the next time.
        """
        async with self._lock:
            told, self._told = self._told, {}
            if not told:
                return
            now_ms = self._clock.now_ms()
            try:
                await self._records.write(
                    lambda changes: _write(changes, told, now_ms), durability=Durability.NORMAL
                )
            except Unavailable:
                self._take_back(told)
                raise

    def _take_back(self, told: dict[int, DeliveryState]) -> None:
        for notice_id, state in told.items():
            if state is DeliveryState.DELIVERED:
                self._told[notice_id] = state
            else:
                self._told.setdefault(notice_id, state)

    async def _write(self) -> None:
        outage = Outage(_log, "receipts of notifications wait for the store")
        while True:
            await self._news.wait()
            self._news.clear()
            with outage:
                await self.flush()
            if outage.lasts:
                self._news.set()
                await self._clock.sleep(1.0)
            await self._clock.sleep(self._limits.receipts_interval_s)


def _write(changes: Changes, told: dict[int, DeliveryState], now_ms: int) -> None:
    # Never back from delivered to sent: another connection may have confirmed it.
    changes.run_many(
        "UPDATE notice_deliveries SET state = ?, changed_ms = ? WHERE notice_id = ? AND channel = 'in_app'"
        " AND state IN ('queued', 'sent')",
        [(state.value, now_ms, notice_id) for notice_id, state in told.items()],
    )
