"""
How many attempts may wait for a child that is still busy.

Between two short jobs a child would wait for the store and its disk; with the next ones at hand it does not. A long job must not hold
up others, so as many are fetched as the children do in a short while, and what waits too long is given back.
"""

_WEIGHT = 0.2


class Ahead:
    """
    Learns from how long attempts take.
    """

    def __init__(self, *, places: int, window_s: float, most: int) -> None:
        self._places = places
        self._window_s = window_s
        self._most = most
        self._pace_s = float("inf")

    def took(self, seconds: float) -> None:
        """
        An attempt has ended.
        """
        if self._pace_s == float("inf"):
            self._pace_s = seconds
        else:
            self._pace_s += _WEIGHT * (seconds - self._pace_s)

    def stalled(self) -> None:
        """
        Something waited too long: learn anew.
        """
        self._pace_s = float("inf")

    def room(self, waiting: int) -> int:
        """
        How many more may wait. None until half of them have gone, so that they are fetched many at a time.
        """
        depth = min(int(self._places * self._window_s / max(self._pace_s, 1e-6)), self._most)
        return 0 if waiting > depth // 2 else depth - waiting
