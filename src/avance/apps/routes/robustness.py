"""
Does a plan hold on days on which driving takes longer? Simulated: each bus drives its day many times, and each way takes a time drawn anew.
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from avance.apps.routes.model import MINUTE, RULES, Bus, Item, Kind, Rules
from avance.apps.routes.result import seconds_of

GRADES = ((0.95, "A"), (0.85, "B"), (0.70, "C"), (0.50, "D"))
"""Above so much of all days of a bus without a late start."""
WORST_GRADE = "F"
RUNS = 1_000
DELAY_PERCENT = 20.0
WEAKEST_MAX = 5
RUNS_AT_ONCE = 250
"""So that memory is bounded by the schedule."""

Floats = npt.NDArray[np.float64]


class Weak(msgspec.Struct, frozen=True, kw_only=True):
    """
    A bus whose day often goes wrong.
    """

    bus_id: str
    on_time_share: float


class Robustness(msgspec.Struct, frozen=True, kw_only=True):
    grade: str
    on_time_share: float
    """Of the days of all buses: no service starts later than it may."""
    late_services_share: float
    late_minutes_avg: float
    """Of the services that start too late: by how much."""
    weakest: tuple[Weak, ...]
    runs: int
    delay_percent: float
    seed: int


def simulate(
    schedule: Sequence[Bus],
    *,
    runs: int = RUNS,
    delay_percent: float = DELAY_PERCENT,
    seed: int = 1,
    rules: Rules = RULES,
) -> Robustness:
    """
    Services and the ways between them take a log-normal time around that of the plan. A bus starts each service as planned, or when it
    comes; the minutes of rest that every gap has are there to be used up.

    Args:
        delay_percent: How far times spread, in hundredths of the planned.
    """
    day = _Day(schedule, rules)
    random = np.random.default_rng(seed)
    spread = math.sqrt(math.log1p((delay_percent / 100) ** 2))
    late_days: Floats = np.zeros(len(schedule))
    late_services, late_s = 0, 0.0
    for first in range(0, runs, RUNS_AT_ONCE):
        late_by = day.drive(random, min(RUNS_AT_ONCE, runs - first), spread)
        is_late = late_by > 0
        late_days += is_late.any(axis=2).sum(axis=0)
        late_services += int(is_late.sum())
        late_s += float(late_by[is_late].sum())
    shares = 1 - late_days / runs
    share = float(shares.mean()) if len(schedule) else 1.0
    services = runs * sum(len(bus.items) for bus in schedule)
    return Robustness(
        grade=grade_of(share),
        on_time_share=round(share, 4),
        late_services_share=round(late_services / services, 4) if services else 0.0,
        late_minutes_avg=round(late_s / late_services / MINUTE, 1) if late_services else 0.0,
        weakest=tuple(
            Weak(bus_id=schedule[place].bus_id, on_time_share=round(float(shares[place]), 4))
            for place in np.argsort(shares, kind="stable")[:WEAKEST_MAX].tolist()
            if shares[place] < 1
        ),
        runs=runs,
        delay_percent=delay_percent,
        seed=seed,
    )


def grade_of(share: float) -> str:
    return next((grade for above, grade in GRADES if share > above), WORST_GRADE)


class _Day:
    """
    The services of each bus by their places in its day, in seconds; a place that a bus does not have is never late.
    """

    def __init__(self, schedule: Sequence[Bus], rules: Rules) -> None:
        shape = len(schedule), max((len(bus.items) for bus in schedule), default=0)
        self._start: Floats = np.zeros(shape)
        self._latest: Floats = np.full(shape, np.inf)
        self._duration: Floats = np.zeros(shape)
        self._way: Floats = np.zeros(shape)
        for row, bus in enumerate(schedule):
            for place, item in enumerate(bus.items):
                start, latest, end = _times(item, rules)
                self._start[row, place], self._latest[row, place] = start, latest
                self._duration[row, place] = end - start
                self._way[row, place] = item.positioning_minutes * MINUTE

    def drive(self, random: np.random.Generator, runs: int, spread: float) -> Floats:
        """
        [run, bus, place]: by how many seconds the service starts too late.
        """
        buses, places = self._start.shape
        late_by: Floats = np.zeros((runs, buses, places))
        free_s: Floats = np.zeros((runs, buses))
        for place in range(places):
            way, service = random.lognormal(0.0, spread, (2, runs, buses))
            comes_s = free_s + self._way[:, place] * way
            begins_s = np.maximum(self._start[:, place], comes_s)
            late_by[:, :, place] = np.maximum(0.0, begins_s - self._latest[:, place])
            free_s = begins_s + self._duration[:, place] * service
        return late_by


def _times(item: Item, rules: Rules) -> tuple[float, float, float]:
    start, end = seconds_of(item.start_time), seconds_of(item.end_time)
    late_s = rules.entry_late_s if item.type is Kind.ENTRY else rules.exit_late_s
    return start, start + item.time_shift_minutes * MINUTE + late_s, end
