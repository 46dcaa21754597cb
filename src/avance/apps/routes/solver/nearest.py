"""
All chains that cost little more than the prices of their trips, written down: a plan that costs little more than the bound is made of these
alone. Found backwards from the last trip, with the labels of the pricing to say what the best beginning would cost.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from avance.apps.routes.solver.block import Floats, Ints
from avance.apps.routes.solver.chain import Chain
from avance.apps.routes.solver.pricing import INFINITE, Labels, Pricer

KEPT_SHARE = 0.75
"""When there are too many, so many of them stay: the nearest."""
STEPS_PER_CHAIN = 12
LEAST_GAP = 1e-3
"""Where many are nearer than that, far too many are as near as can be."""
KNOWN_PART = 8
"""Most chains are not known, so the gap of one in so many is tried first."""
GROWTH = 2.0
"""A wide gap at once would open far more ends than it closes."""


@dataclass(frozen=True, kw_only=True)
class Nearest:
    chains: list[tuple[int, Chain]]
    """With the row of the kind of vehicle."""
    gap: float
    """All that are nearer are here; 0 where these are some of too many."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    prices: Floats
    begin: Floats
    """[kind, trip]: what it costs to begin with this trip."""
    finish: Floats
    """What it costs to end with it."""
    gap: float
    """What a chain may cost over the prices of its trips."""
    count_max: int


@dataclass(frozen=True, kw_only=True)
class Selection:
    """
    Among what a plan is chosen.
    """

    numbers: list[int]
    """In the pool."""
    gap: float
    """All that are so near to the bound are here."""


def near(reduced: Floats, gap: float) -> list[int]:
    """
    Places of those that cost at most so much more than their prices, the nearest first.
    """
    places = np.flatnonzero(reduced < gap)
    return [int(place) for place in places[np.argsort(reduced[places], kind="stable")]]


def selection(numbers: Sequence[int], gap: float, known: list[int], count_max: int) -> Selection:
    """
    What was found; where that is a part of too many, what the search has known before, for that fits together.
    """
    return Selection(numbers=list(dict.fromkeys(numbers)) if gap else known[:count_max], gap=gap)


def nearest(pricer: Pricer, asked: Asked, known: Floats) -> Nearest:
    """
    The nearest chains.

    Args:
        known: What chains that are known cost over their prices.
    """
    if 2 * np.count_nonzero(known < LEAST_GAP) > asked.count_max and asked.gap > LEAST_GAP:
        return Nearest(chains=[], gap=0.0)
    rank = min(asked.count_max // KNOWN_PART, len(known) - 1)
    tried = max(LEAST_GAP, float(np.partition(known, rank)[rank])) if len(known) else asked.gap
    labels = Labels(pricer, asked.prices, asked.begin, None, 1.0)
    while True:
        tried = min(tried, asked.gap)
        walk = _Walk(pricer, labels, asked, tried)
        walk.run()
        is_narrowed, has_enough = walk.gap < tried, 2 * len(walk.found) > asked.count_max
        if is_narrowed or has_enough or tried == asked.gap:
            chains = [(kind, chain) for _, kind, chain in walk.found]
            return Nearest(chains=chains, gap=walk.gap)
        tried *= GROWTH


@dataclass(frozen=True)
class _End:
    """
    The last trips of a chain.
    """

    least: float
    """What the best chain with this end costs over its prices."""
    kind: int
    trips: Chain
    costs: Floats
    """Of the end, by the start of its first trip."""


class _Walk:
    def __init__(self, pricer: Pricer, labels: Labels, asked: Asked, gap: float) -> None:
        self._pricer = pricer
        self._labels = labels
        self._asked = asked
        self._add: Floats = np.where(pricer.never, INFINITE, pricer.shift - asked.prices[:, None])
        self._steps = np.arange(1, pricer.times + 1)
        self.gap = gap
        self.found: list[tuple[float, int, Chain]] = []

    def run(self) -> None:
        asked = self._asked
        ends = list(self._last())
        left = STEPS_PER_CHAIN * asked.count_max
        while ends and self.gap:
            end = ends.pop()
            if end.least >= self.gap:
                continue
            cost = float(asked.begin[end.kind, end.trips[0]] + end.costs.min())
            if cost < self.gap:
                self.found.append((cost, end.kind, end.trips))
            left -= 1
            if len(self.found) > asked.count_max:
                self._narrow()
            if not left:
                self.gap = 0.0
            ends += self._loose_before(end)
            ends += self._tight_before(end)

    def _last(self) -> Iterable[_End]:
        finish = self._asked.finish
        for kind, least in enumerate(self._labels.last + finish):
            for trip in np.flatnonzero(least < self.gap).tolist():
                costs = self._add[trip] + finish[kind, trip]
                yield _End(float(least[trip]), kind, (trip,), costs)

    def _narrow(self) -> None:
        costs = np.array([cost for cost, _, _ in self.found])
        rank = round(KEPT_SHARE * len(costs))
        gap = float(np.partition(costs, rank)[rank])
        self.gap = gap if gap > LEAST_GAP else 0.0
        if self.gap:
            self.found = [one for one in self.found if one[0] < gap]

    def _loose_before(self, end: _End) -> Iterable[_End]:
        """
        What can come before whenever it starts.
        """
        pricer, first = self._pricer, end.trips[0]
        rows = pricer.loose.of(first)
        before, costs = pricer.loose.before[rows], self._labels.loose_cost[rows]
        after = float(end.costs.min())
        least = self._labels.last[end.kind][before] + costs + after
        for row in np.flatnonzero(least < self.gap).tolist():
            trip = int(before[row])
            added = self._add[trip] + (costs[row] + after)
            yield _End(float(least[row]), end.kind, (trip, *end.trips), added)

    def _tight_before(self, end: _End) -> Iterable[_End]:
        """
        What has to start early enough.
        """
        pricer, first = self._pricer, end.trips[0]
        rows = pricer.tight.of(first)
        if rows.stop == rows.start:
            return
        before, slots = pricer.tight.before[rows], pricer.slots[rows]
        costs = self._labels.tight_cost[rows]
        upto = self._labels.upto[end.kind].reshape(-1)
        least = (upto[slots] + end.costs).min(axis=1) + costs
        # What the end costs if its first trip starts then or later; after the last start it never does.
        later = np.append(np.minimum.accumulate(end.costs[::-1])[::-1], INFINITE)
        for row in np.flatnonzero(least < self.gap).tolist():
            trip = int(before[row])
            in_time: Ints = slots[row] % (pricer.times + 1)
            added = self._add[trip] + (later[np.searchsorted(in_time, self._steps)] + costs[row])
            yield _End(float(least[row]), end.kind, (trip, *end.trips), added)
