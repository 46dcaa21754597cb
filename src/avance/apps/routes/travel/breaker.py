"""
A service that fails again and again is left alone for a while.
"""

from collections.abc import Callable


class Breaker:
    """
    Opens after so many failures in a row, for so long.
    """

    def __init__(
        self, clock_s: Callable[[], float], *, failures_max: int = 3, pause_s: float = 60.0
    ) -> None:
        self._clock_s = clock_s
        self._failures_max = failures_max
        self._pause_s = pause_s
        self._failures = 0
        self._open_until_s = float("-inf")

    @property
    def is_open(self) -> bool:
        return self._clock_s() < self._open_until_s

    def worked(self) -> None:
        self._failures = 0

    def failed(self) -> None:
        self._failures += 1
        if self._failures >= self._failures_max:
            self._open_until_s = self._clock_s() + self._pause_s
            self._failures = 0
