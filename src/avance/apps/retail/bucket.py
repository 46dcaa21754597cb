from avance import Avance


class Bucket:
    """
    Counts the frames of one connection: so many at once, refilled evenly.
    """

    __slots__ = ("_burst", "_clock", "_left", "_per_s", "_seen_s", "refused")

    def __init__(self, host: Avance, per_s: float, burst: int) -> None:
        self._clock = host.clock
        self._per_s = per_s
        self._burst = float(burst)
        self._left = float(burst)
        self._seen_s = self._clock.monotonic_s()
        self.refused = 0
        """Frames over the limit since it was last respected for as long as a burst takes."""

    def take(self) -> bool:
        now_s = self._clock.monotonic_s()
        self._left = min(self._left + (now_s - self._seen_s) * self._per_s, self._burst)
        self._seen_s = now_s
        if self._left >= self._burst:
            self.refused = 0
        if self._left < 1:
            self.refused += 1
            return False
        self._left -= 1
        return True
