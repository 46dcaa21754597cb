"""
How often somebody may do something.
"""

from collections import OrderedDict

from avance.errors import RateLimited
from avance.ports.clock import Clock


class Rate:
    """
    A token bucket for each key: so many at once, refilled over a minute. Keys beyond the limit are forgotten, the longest silent first.
    """

    def __init__(self, per_minute: int, clock: Clock, *, keys_max: int, what: str) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._keys_max = keys_max
        self._what = what
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> None:
        """
        Count one.

        Raises:
            RateLimited: There were too many; it tells when the next one is welcome.
        """
        self.check(key)
        self.count(key)

    def check(self, key: str) -> None:
        """
        Refuse if there were too many, without counting this one.
        """
        if not self._per_minute:
            return
        left = self._left(key)
        if left < 1:
            wait_s = (1 - left) * 60 / self._per_minute
            raise RateLimited(
                f"{self._what}: more than {self._per_minute} in a minute; try again in {wait_s:.1f} s",
                retry_after_s=round(wait_s, 3),
                limit=self._per_minute,
            )

    def count(self, key: str) -> None:
        """
        Count one, whether or not there is room.
        """
        if not self._per_minute:
            return
        self._buckets[key] = (max(self._left(key) - 1, 0.0), self._clock.monotonic_s())
        self._buckets.move_to_end(key)
        while len(self._buckets) > self._keys_max:
            self._buckets.popitem(last=False)

    def _left(self, key: str) -> float:
        bucket = self._buckets.get(key)
        if bucket is None:
            return float(self._per_minute)
        left, seen_s = bucket
        refilled = (self._clock.monotonic_s() - seen_s) * self._per_minute / 60
        return min(left + refilled, float(self._per_minute))
