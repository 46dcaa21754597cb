"""
Reports that wait in a stream until they are in the store. One node reads them at a time, so that those of a job stay in order.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from redis.exceptions import ResponseError

from avance.backends.redis.client import AWAY, open_client, shown
from avance.backends.redis.limits import PREFIX, REDIS_LIMITS, RedisLimits
from avance.ports.journal import Entry, Journal

log = logging.getLogger("avance.redis")

STREAM = f"{PREFIX}reports"
GROUP = "avance"
FIELD = b"r"
CANCELLED = f"{PREFIX}cancelled:"
CANCELS = f"{PREFIX}cancels"
_READER = f"{PREFIX}reports:reader"

# Only for as long as the lock is ours.
_RENEW = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return 0
"""
_LET_GO = (
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
)


class RedisJournal(Journal):
    """
    The reading side.
    """

    def __init__(
        self, url: str, *, node: str, lock_s: float = 4.0, limits: RedisLimits = REDIS_LIMITS
    ) -> None:
        """
        Args:
            lock_s: After so long another node reads the reports of a node that is gone.
        """
        self._lock_s = lock_s
        self._client = open_client(url, limits)
        self._node = node
        self._limits = limits
        self._is_reading = False
        self._is_closed = False
        self.name = shown(url)
        self.problem: str | None = "not connected yet"
        self.is_caught_up = False
        """The last batch had all that was written by then."""

    def close(self) -> None:
        """
        Read no more. The client swallows a cancellation that comes while it connects, so that alone does not end a reader.
        """
        self._is_closed = True

    async def aclose(self) -> None:
        """
        Let another node read at once.
        """
        try:
            if self._is_reading:
                await self._client.eval(_LET_GO, 1, _READER, self._node)
        except AWAY as error:
            log.info("the lock of the reader ends by itself: %s", error)
        await self._client.aclose()

    async def batches(self) -> AsyncGenerator[Sequence[Entry] | None]:
        """
        What came, without end, while this node is the reader; None each time that reading begins; an empty batch where nothing waits.

        What was not acknowledged comes again, first to whoever reads next.
        """
        failures = 0
        while not self._is_closed:
            try:
                await self._become_reader()
                yield None
                self.is_caught_up = False
                for entries in await self._pending():
                    yield entries
                while not self._is_closed and await self._holds():
                    entries = await self._next()
                    self.is_caught_up = len(entries) < self._limits.batch_messages_max
                    failures, self.problem = 0, None
                    yield entries
            except AWAY as error:
                self._is_away(error)
                waits = self._limits.reconnect_s
                await asyncio.sleep(waits[min(failures, len(waits) - 1)])
                failures += 1

    async def keep(self) -> bool:
        """
        Remain the reader while a batch waits to be applied; false where another node may be it.
        """
        try:
            return await self._holds()
        except AWAY as error:
            self._is_away(error)
            return False

    async def acknowledge(self, entries: Sequence[Entry]) -> None:
        """
        They are in the store.
        """
        ids = [entry.id for entry in entries]
        pipeline = self._client.pipeline(transaction=False)
        pipeline.xack(STREAM, GROUP, *ids)
        pipeline.xdel(STREAM, *ids)
        try:
            await pipeline.execute()
        except AWAY as error:
            log.info("%d reports come again: %s", len(ids), error)

    async def cancel(self, job_id: str) -> None:
        """
        Tell workers, those that run now and those that find the task later.
        """
        try:
            await self._client.set(CANCELLED + job_id, b"1", ex=self._limits.cancelled_kept_s)
            await self._client.publish(CANCELS, job_id)
        except AWAY as error:
            log.warning("workers do not hear that job %s is cancelled: %s", job_id, error)

    async def _become_reader(self) -> None:
        while not (self._is_closed or await self._holds()):
            self.problem = None
            await asyncio.sleep(self._lock_s / 4)
        try:
            await self._client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def _holds(self) -> bool:
        lock_ms = round(self._lock_s * 1000)
        held = await self._client.eval(_RENEW, 1, _READER, self._node, lock_ms)
        self._is_reading = bool(held)
        return self._is_reading

    async def _pending(self) -> Sequence[Sequence[Entry]]:
        found: list[list[Entry]] = []
        start: Any = b"0-0"
        while True:
            start, entries, *_ = await self._client.xautoclaim(
                STREAM,
                GROUP,
                self._node,
                min_idle_time=0,
                start_id=start,
                count=self._limits.batch_messages_max,
            )
            if entries:
                found.append(_entries(entries))
            if start == b"0-0":
                return found

    async def _next(self) -> Sequence[Entry]:
        answer: Any = await self._client.xreadgroup(
            GROUP,
            self._node,
            {STREAM: ">"},
            count=self._limits.batch_messages_max,
            block=round(self._lock_s * 1000 / 4),
        )
        if not answer:
            return []
        streams = answer.values() if isinstance(answer, dict) else [part[1] for part in answer]
        found: list[Entry] = []
        for entries in streams:
            pages = entries if entries and isinstance(entries[0], list) else [entries]
            for page in pages:
                found += _entries(page)
        return found

    def _is_away(self, error: BaseException) -> None:
        if self.problem is None:
            log.warning("reports of workers wait: Redis at %s is not there (%s)", self.name, error)
        self.problem = f"{self.name}: {error or type(error).__name__}"


def _entries(raw: Sequence[Any]) -> list[Entry]:
    return [
        Entry(entry_id, fields[FIELD]) for entry_id, fields in raw if fields and FIELD in fields
    ]
