"""
Which ordinary progress is written, and when. Pure: time comes in, decisions come out.
"""

from msgspec.structs import replace

from avance.jobs.task import Throttle
from avance.model.report import AnyReport, PhaseReached, ProgressMade


class Gate:
    """
    One attempt's gate. What does not pass is kept, newest over older, until its time or until something that must not wait.
    """

    __slots__ = ("_held", "_passed", "_phase", "_rate", "_shown", "due_s")

    def __init__(self, rate: Throttle) -> None:
        self._rate = rate
        self._held: ProgressMade | None = None
        self._passed = 0
        self._phase: str | None = None
        self._shown: float | None = None
        self.due_s = 0.0
        """When held progress may go, on the monotonic clock."""

    @property
    def waits_for_time(self) -> bool:
        """
        True when held progress may go at `due_s`; a step that is too small waits for the next report instead.
        """
        return self._held is not None and not self._is_small_step(self._held)

    def admit(self, told: AnyReport, now_s: float) -> list[AnyReport]:
        """
        What to write now, in order.
        """
        if not isinstance(told, ProgressMade):
            if isinstance(told, PhaseReached) and told.state == "running":
                self._phase = told.id
            return [*self.release(now_s), told]
        told = told if self._held is None else _merge(self._held, told)
        if self._must_pass(told) or (now_s >= self.due_s and not self._is_small_step(told)):
            self._held = None
            return [self._pass(told, now_s)]
        self._held = told
        return []

    def release(self, now_s: float) -> list[AnyReport]:
        """
        Let held progress go, whatever the time.
        """
        if self._held is None:
            return []
        held, self._held = self._held, None
        return [self._pass(held, now_s)]

    def _must_pass(self, told: ProgressMade) -> bool:
        has_new_phase = told.phase is not None and told.phase != self._phase
        is_end = told.percent in (0, 100) or (
            told.total is not None and told.current in (0, told.total)
        )
        return has_new_phase or is_end or self._passed < self._rate.keep_first

    def _is_small_step(self, told: ProgressMade) -> bool:
        percent = _percent(told)
        if self._rate.min_step is None or percent is None or self._shown is None:
            return False
        return abs(percent - self._shown) < self._rate.min_step

    def _pass(self, told: ProgressMade, now_s: float) -> ProgressMade:
        self._passed += 1
        self._phase = told.phase or self._phase
        self._shown = _percent(told)
        self.due_s = now_s + (1 / self._rate.hz if self._rate.hz > 0 else 0.0)
        return told


def _merge(older: ProgressMade, newer: ProgressMade) -> ProgressMade:
    given = {
        name: value
        for name in ("percent", "current", "total", "unit", "phase", "message", "data")
        if (value := getattr(newer, name)) is not None
    }
    return replace(older, n=newer.n, **given)


def _percent(told: ProgressMade) -> float | None:
    if told.percent is not None:
        return told.percent
    if told.current is None or not told.total:
        return None
    return 100 * told.current / told.total
