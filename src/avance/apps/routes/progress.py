"""
How far the optimizer is, told in small steps: a step of 5 points or a second since the last, phase starts and ends always.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from avance.apps.routes.phases import PHASES, WEIGHTS, starts_at

STEP_POINTS = 5.0
INTERVAL_S = 1.0
PLANS_PER_S = 4.0


class Sink(Protocol):
    """
    Takes what is shown.
    """

    def enter(self, phase: str, message: str, /) -> None: ...

    def leave(self, phase: str, /) -> None: ...

    def show(
        self, phase: str, share: float, message: str | None, data: Mapping[str, object], /
    ) -> None: ...

    def plan(self, told: Mapping[str, object], /) -> None: ...


class Pace:
    """
    Between the optimizer, which tells all, and whoever watches. Time comes in.
    """

    def __init__(self, sink: Sink, clock_s: Callable[[], float]) -> None:
        self.sink = sink
        self._clock_s = clock_s
        self._phase = ""
        self._share = 0.0
        self._shown = 0.0
        self._shown_s = -math.inf

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """
        Run a phase. What it did not report on its way is shown in steps at its end, so that the bar never jumps.
        """
        self._phase, self._share, self._shown = name, 0.0, float(starts_at(name))
        self._shown_s = self._clock_s()
        self.sink.enter(name, PHASES[name].message)
        yield
        self.at(1.0)
        self.sink.leave(name)

    def at(
        self, share: float, message: str | None = None, data: Mapping[str, object] | None = None
    ) -> None:
        """
        The running phase is so far, from 0 to 1. Going back is ignored.
        """
        self._share = max(self._share, min(share, 1.0))
        begin, weight = starts_at(self._phase), WEIGHTS[self._phase]
        if not weight:
            return
        reached = begin + weight * self._share
        # Many points at once become several frames of 5.
        while reached - self._shown > STEP_POINTS + 1e-9:
            self._show(min(self._shown + STEP_POINTS, reached), None, {})
        is_due = reached - self._shown >= STEP_POINTS - 1e-9
        is_due = is_due or self._clock_s() - self._shown_s >= INTERVAL_S
        if data or (is_due and (reached > self._shown or message is not None)):
            self._show(reached, message, data or {})

    def _show(self, percent: float, message: str | None, data: Mapping[str, object]) -> None:
        begin, weight = starts_at(self._phase), WEIGHTS[self._phase]
        self._shown, self._shown_s = percent, self._clock_s()
        self.sink.show(self._phase, (percent - begin) / weight, message, data)
