import asyncio
import logging
import math
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

logger = logging.getLogger("avance.edge")


class Timed(Protocol):
    def tick(self) -> float | None:
        """
        The time has come; answer the seconds until the next call, or None.
        """


class Wheel:
    """
    One timer for the pings and time-outs of all connections.

    A timer handle per connection costs memory and heap work for what rarely fires. Here an entry is a set member, may be
    late by up to `tick_s` and is never early. The timer runs only while there are entries.
    """

    def __init__(
        self, *, tick_s: float = 0.25, monotonic_s: Callable[[], float] | None = None
    ) -> None:
        self._tick_s = tick_s
        self._monotonic_s = monotonic_s
        self._buckets: dict[int, set[Timed]] = {}
        self._due: dict[Timed, int] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._buckets.clear()
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def entry_count(self) -> int:
        # No `__len__`: an idle wheel would be false, and `wheel or Wheel()` would run two of them.
        return len(self._due)

    def schedule(self, entry: Timed, delay_s: float) -> None:
        """
        Call `entry.tick()` after the delay, instead of when it was scheduled before.
        """
        self.cancel(entry)
        due = math.ceil((self._now_s() + delay_s) / self._tick_s)
        self._due[entry] = due
        self._buckets.setdefault(due, set()).add(entry)
        self._arm()

    def cancel(self, entry: Timed) -> None:
        due = self._due.pop(entry, None)
        if due is None:
            return
        bucket = self._buckets[due]
        bucket.discard(entry)
        if not bucket:
            del self._buckets[due]

    def turn(self) -> None:
        """
        Call what is due.
        """
        now = math.floor(self._now_s() / self._tick_s)
        for due in sorted(at for at in self._buckets if at <= now):
            for entry in list(self._buckets.get(due, ())):
                # An entry called before it in this bucket may have cancelled or moved it.
                if self._due.get(entry) == due:
                    self.cancel(entry)
                    self._call(entry)

    def _call(self, entry: Timed) -> None:
        try:
            delay_s = entry.tick()
        except Exception:
            # One broken session must not stop the pings of all the others.
            logger.exception("a timed connection failed and gets no further pings or time-outs")
            return
        if delay_s is not None and entry not in self._due:
            self.schedule(entry, delay_s)

    def _now_s(self) -> float:
        return (
            asyncio.get_running_loop().time() if self._monotonic_s is None else self._monotonic_s()
        )

    def _arm(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._tick_s, self._fire)

    def _fire(self) -> None:
        self._timer = None
        self.turn()
        if self._due:
            self._arm()
