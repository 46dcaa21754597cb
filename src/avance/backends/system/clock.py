import asyncio
import time

from avance.ports.clock import Clock


class SystemClock(Clock):
    """
    Real time.
    """

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
