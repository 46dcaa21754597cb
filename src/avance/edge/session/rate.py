from avance.ports.clock import Clock


class Bucket:
    """
    Counts the messages of one connection: so many at once, refilled evenly.
    """

    __slots__ = ("_burst", "_clock", "_left", "_per_s", "_seen_s")

    def __init__(self, per_s: float, burst: int, clock: Clock) -> None:
        self._per_s = per_s
        self._burst = burst
        self._clock = clock
        self._left = float(burst)
        self._seen_s = clock.monotonic_s()

    def take(self) -> bool:
        """
        Count one; False when there were too many.
        """
        now_s = self._clock.monotonic_s()
        self._left = min(self._left + (now_s - self._seen_s) * self._per_s, float(self._burst))
        self._seen_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True
