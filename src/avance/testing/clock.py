import asyncio
import heapq
from itertools import count

from avance.ports.clock import Clock

FIRST_MS = 1_767_225_600_000
"""2026-01-01T00:00:00Z."""


class FakeClock(Clock):
    """
    Time stands still until a test moves it.
    """

    def __init__(self, now_ms: int = FIRST_MS) -> None:
        self._now_ms = float(now_ms)
        self._monotonic_s = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = count()
        self._watchers: list[tuple[int, asyncio.Future[None]]] = []

    def now_ms(self) -> int:
        return int(self._now_ms)

    def monotonic_s(self) -> float:
        return self._monotonic_s

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        wake = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._monotonic_s + seconds, next(self._numbers), wake))
        self._tell_watchers()
        await wake

    def set(self, now_ms: int) -> None:
        """
        Set the wall clock alone, as an administrator would; nobody wakes up.
        """
        self._now_ms = float(now_ms)

    def advance(self, seconds: float) -> None:
        """
        Let time pass and wake those whose sleep is over; they run when the caller next awaits.
        """
        self._now_ms += seconds * 1000
        self._monotonic_s += seconds
        while self._sleepers and self._sleepers[0][0] <= self._monotonic_s + 1e-9:
            _, _, wake = heapq.heappop(self._sleepers)
            if not wake.done():
                wake.set_result(None)

    @property
    def sleeping(self) -> int:
        """
        How many sleep now.
        """
        return sum(not wake.done() for _, _, wake in self._sleepers)

    async def until_sleeping(self, sleepers: int = 1) -> None:
        """
        Wait until at least so many sleep, that is until the code under test has come to its sleep.
        """
        if self.sleeping >= sleepers:
            return
        watcher = asyncio.get_running_loop().create_future()
        self._watchers.append((sleepers, watcher))
        await watcher

    def _tell_watchers(self) -> None:
        now = self.sleeping
        for wanted, watcher in self._watchers:
            if now >= wanted and not watcher.done():
                watcher.set_result(None)
        self._watchers = [entry for entry in self._watchers if not entry[1].done()]
