"""
What time does to an inbox: what was put off comes back, what expired or is old goes.
"""

import asyncio
import logging
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from avance.notify.operations import Op, Selection
from avance.notify.service import Inboxes
from avance.ports.outage import Outage
from avance.ports.records import Changes, Row, Rows

_log = logging.getLogger("avance.notify")


class InboxUpkeep:
    """
    An async context manager; it runs as long as it is open. On several nodes each does the same, and what one did is not there for the other.
    """

    def __init__(self, inboxes: Inboxes) -> None:
        self._inboxes = inboxes
        self._limits = inboxes.limits
        self._tasks = asyncio.TaskGroup()
        self._loop: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._loop = self._tasks.create_task(self._run())
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

    async def _run(self) -> None:
        outage = Outage(_log, "the upkeep of inboxes waits for the store")
        while True:
            await self._inboxes.clock.sleep(self._limits.upkeep_interval_s)
            with outage:
                while await self.round():
                    pass

    async def round(self) -> int:
        """
        One bounded step; answers how many notifications it touched.
        """
        now_ms = self._inboxes.clock.now_ms()
        oldest_ms = now_ms - round(self._limits.retention_s * 1000)
        woken = await self._each(Op.WAKE, "snoozed_ms IS NOT NULL AND snoozed_ms <= ?", now_ms)
        expired = await self._each(Op.DELETE, "expires_ms IS NOT NULL AND expires_ms <= ?", now_ms)
        old = await self._each(Op.DELETE, "created_ms < ?", oldest_ms)
        await self._forget_keys(now_ms - round(self._limits.key_ttl_s * 1000))
        return woken + expired + old

    async def _each(self, op: Op, where: str, moment_ms: int) -> int:
        def due(rows: Rows) -> Sequence[Row]:
            return rows.all(
                f"SELECT user_id, id FROM notices WHERE {where} ORDER BY user_id LIMIT ?",
                moment_ms,
                min(self._limits.upkeep_rows_max, self._limits.ids_max),
            )

        by_user: dict[str, list[int]] = {}
        for user, number in await self._inboxes.records.read(due):
            by_user.setdefault(user, []).append(number)
        for user, ids in by_user.items():
            # It may have been put off again since it was read.
            put_off_until = moment_ms if op is Op.WAKE else None
            chosen = Selection(ids=tuple(ids), put_off_until=put_off_until)
            await self._inboxes.operate(user, op, chosen)
        return sum(map(len, by_user.values()))

    async def _forget_keys(self, oldest_ms: int) -> None:
        def stale(rows: Rows) -> Row | None:
            return rows.one("SELECT 1 FROM notice_keys WHERE created_ms < ? LIMIT 1", oldest_ms)

        def forget(changes: Changes) -> None:
            changes.run("DELETE FROM notice_keys WHERE created_ms < ?", oldest_ms)

        if await self._inboxes.records.read(stale) is not None:
            await self._inboxes.records.write(forget)
