"""
How often the model is asked: its provider counts, so that we do too.
"""

from collections import deque
from weakref import WeakKeyDictionary

from avance import Avance
from avance.errors import RateLimited

WINDOW_S = 60.0


class Pace:
    def __init__(self, host: Avance) -> None:
        self._clock = host.clock
        self._calls: deque[float] = deque()

    async def turn(self, most: int) -> None:
        """
        Wait until work behind the scenes may make one call, and count it. Half of them are left to questions.
        """
        while True:
            try:
                self.take(max(most // 2, 1))
            except RateLimited as limited:
                await self._clock.sleep(limited.retry_after_s)
            else:
                return

    def take(self, most: int) -> None:
        """
        Count one call.

        Raises:
            RateLimited: There were as many within the last minute; it tells when the next one is welcome.
        """
        now_s = self._clock.monotonic_s()
        while self._calls and now_s - self._calls[0] >= WINDOW_S:
            self._calls.popleft()
        if len(self._calls) >= most:
            wait_s = WINDOW_S - (now_s - self._calls[0])
            raise RateLimited(
                f"the model was asked {most} times within a minute; try again in {wait_s:.0f} s",
                retry_after_s=wait_s,
                limit=most,
            )
        self._calls.append(now_s)


_paces: WeakKeyDictionary[Avance, Pace] = WeakKeyDictionary()


def pace_of(host: Avance) -> Pace:
    """
    The one of this server.
    """
    found = _paces.get(host)
    if found is None:
        found = _paces[host] = Pace(host)
    return found
