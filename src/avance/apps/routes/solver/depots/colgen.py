"""
Column generation where vehicles stand at depots: one shortest path for each kind of vehicle, then a dive to whole duties.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from avance.apps.routes.solver.block import MINUTE, Bools, Floats, Ints
from avance.apps.routes.solver.colgen import DIVE_ROUNDS_MAX, DIVE_SURE, PRECISE, Stop
from avance.apps.routes.solver.cover import Solved
from avance.apps.routes.solver.depots.first import repaired
from avance.apps.routes.solver.depots.master import Master, Pool
from avance.apps.routes.solver.depots.yard import Duty
from avance.apps.routes.solver.nearest import Asked, Selection, near, nearest, selection
from avance.apps.routes.solver.pricing import Priced, Pricer

ROUNDS_MAX = 600
SMOOTHING = 0.7
NEAR_SHARE = 1e-3
"""Of the value: how near the bound comes before trips must be driven exactly once."""
CALM_SHARE = 5e-6
"""Of the value: between two decisions of a dive, rounds that gain less are enough."""
CALM_ROUNDS = 3
DIVE_SHARE = 0.01
"""Of the duties, that are settled at once."""


@dataclass(frozen=True)
class Prices:
    """
    Of trips, of the kinds of vehicle, and of one bus more.
    """

    trips: Floats
    kinds: Floats
    bus: float

    def towards(self, other: "Prices", share: float) -> "Prices":
        """
        `share` of these, the rest of the other.
        """
        rest = 1 - share
        return Prices(
            share * self.trips + rest * other.trips,
            share * self.kinds + rest * other.kinds,
            share * self.bus + rest * other.bus,
        )


class Relaxation:
    """
    The linear program of all duties, without writing them all down.
    """

    def __init__(self, pool: Pool, *, buses_min: int, certificate: Sequence[int]) -> None:
        yard, block = pool.yard, pool.block
        self._pool = pool
        self.buses = buses_min
        """No plan that drives all has fewer."""
        self.kinds, unfit = yard.kinds_unfit(block)
        self.pricer = Pricer(block, unfit)
        self.bound = 0.0
        """No plan costs less."""
        self.is_converged = False
        self.rounds = 0
        self.last: Solved | None = None
        self.master = Master(pool, buses_min)
        self.master.take(range(len(pool)))
        self._is_once = False
        trips = np.zeros(block.size)
        # No duty holds two of these, so one bus for each is where the prices begin.
        trips[list(certificate)] = float((yard.out.min(axis=0) + yard.back.min(axis=0)).min())
        self.best = Prices(trips, np.zeros(yard.kinds), 0.0)
        """The prices that gave the bound."""

    def run(self, *, value: float, stop: Stop, tell: Callable[[float, float], None]) -> None:
        """
        Go on until nothing better exists.

        Args:
            value: The cost of a plan that is known.
            tell: Called after each round with the bound so far and the value that it approaches.
        """
        buses_max = self._buses_max(value)
        while not self.is_converged and self.rounds < ROUNDS_MAX and not stop():
            self.rounds += 1
            solved = self.last = self.master.solve()
            self.master.trim()
            is_new = self._price(solved, buses_max)
            tell(self.bound, solved.value)
            is_near = solved.value - self.bound < NEAR_SHARE * abs(solved.value)
            if not self._is_once and (is_near or not is_new):
                # Prices settle far sooner as long as none is below 0; only then is the program made exact.
                self._is_once = True
                self.master.cover_once()
                continue
            is_exact = not is_new or solved.value - self.bound < PRECISE
            self.is_converged = is_exact and not self._prove_buses()

    def _buses_max(self, value: float) -> int:
        """
        A plan with more vehicles costs more than the one that is known.
        """
        yard = self._pool.yard
        cheapest = float((yard.out.min(axis=1) + yard.back.min(axis=1)).min())
        links = self._pool.block.links
        has_prize = bool((self._pool.block.cost[links] < 0).any())
        most = min(int(yard.count.sum()), self._pool.block.size)
        if cheapest <= 0 or has_prize:
            return most
        return min(most, int(value // cheapest))

    def _price(self, solved: Solved, buses_max: int) -> bool:
        exact = Prices(solved.prices, solved.kind_prices, solved.bus_price)
        for prices in (self.best.towards(exact, SMOOTHING), exact):
            least, found = self._ask(prices)
            if self._raise_bound(prices, least, buses_max):
                self.best = prices
            if self.master.take(self._pool.add_priced(self.kinds, found)):
                return True
        return False

    def _prove_buses(self) -> bool:
        """
        Whether the bound shows that all trips need one more bus, which lifts the value to what so many whole buses cost.
        """
        buses = self._buses_shown()
        if buses <= self.buses or not self.is_all_driven:
            return False
        self.buses = buses
        self.master.need(buses)
        return True

    def nearest(self, value: float, count_max: int) -> Selection:
        """
        Duties of which a plan that costs less than this can be made.
        """
        yard, kinds, best, pool = self._pool.yard, self.kinds, self.best, self._pool
        reduced, gap = self.reduced(), value - self.bound
        asked = Asked(
            prices=best.trips,
            begin=yard.out[kinds] - best.kinds[kinds][:, None] - best.bus,
            finish=yard.back[kinds],
            gap=gap,
            count_max=count_max,
        )
        found = nearest(self.pricer, asked, reduced)
        numbers = pool.add((int(kinds[row]), chain) for row, chain in found.chains)
        return selection(numbers, found.gap, near(reduced, gap), count_max)

    def reduced(self) -> Floats:
        """
        Of each duty of the pool: what it costs over the prices that gave the bound.
        """
        pool, best = self._pool, self.best
        paid = [
            float(best.trips[list(chain)].sum() + best.kinds[kind]) for kind, chain in pool.duties
        ]
        reduced: Floats = np.array(pool.costs) - np.array(paid) - best.bus
        return reduced

    @property
    def is_all_driven(self) -> bool:
        """
        Whether the linear program leaves nothing out; else the count of buses says nothing.
        """
        solved = self.last
        return solved is not None and not bool((solved.shares[solved.numbers < 0] > 1e-6).any())

    def _buses_shown(self) -> int:
        """
        What the bound on the cost says about buses alone: two ways, each a proof.
        """
        block, yard = self._pool.block, self._pool.yard
        if not yard.bus_cost:
            return 0
        dearest = float(np.where(block.links, block.cost, 0.0).max(axis=0).sum())
        shift = np.maximum(block.hi - block.nominal, block.nominal - block.lo) / MINUTE
        ends = (yard.out.max(axis=0) - yard.bus_cost).max() + yard.back.max()
        dearest += float((block.shift_weight * shift).sum()) + self.buses * float(ends)
        # What is dearest is counted for so many buses as are shown now, so this shows one more at a time.
        by_cost = min((self.bound - dearest) / yard.bus_cost, self.buses + 1)
        # Scaled so that no duty is worth more than one bus, the prices add up to a bound (Farley).
        trips, kinds = self.best.trips / yard.bus_cost, self.best.kinds / yard.bus_cost
        begin = np.repeat(1 - kinds[self.kinds][:, None], block.size, axis=1)
        least, _ = self.pricer.price_kinds(
            trips, begin, np.zeros_like(begin), minutes_weight=0.0, count_max=0, below=0.0
        )
        whole = float(trips.sum()) + float((kinds * yard.count).sum())
        by_prices = whole / max(1.0, 1.0 - float(least.min()))
        return max(0, math.ceil(max(by_cost, by_prices) - 1e-6))

    def _ask(self, prices: Prices) -> tuple[Floats, list[tuple[int, Priced]]]:
        yard, kinds = self._pool.yard, self.kinds
        begin = yard.out[kinds] - prices.kinds[kinds][:, None] - prices.bus
        count_max = max(30, self._pool.block.size // (2 * yard.kinds))
        return self.pricer.price_kinds(
            prices.trips, begin, yard.back[kinds], count_max=count_max, below=-PRECISE
        )

    def _raise_bound(self, prices: Prices, least: Floats, buses_max: int) -> bool:
        """
        Lagrange: what the prices promise, less what the best duty of each vehicle could save.
        """
        yard = self._pool.yard
        saved = np.zeros(yard.kinds)
        np.minimum.at(saved, self.kinds, least)
        by_kind = float((saved * yard.count).sum())
        bound = float(prices.trips.sum()) + self.buses * prices.bus
        bound += float((prices.kinds * yard.count).sum())
        bound += max(by_kind, buses_max * float(saved.min()))
        if bound <= self.bound:
            return False
        self.bound = bound
        return True


def dive(
    pool: Pool,
    relaxation: Relaxation,
    master: Master,
    *,
    stop: Stop,
    tell: Callable[[float], None],
    at_once: float = DIVE_SHARE,
) -> list[Duty]:
    """
    Settle the duties that the linear program is surest of, price what is left, and so on down to a plan.
    """
    is_open: Bools = np.ones(pool.block.size, dtype=bool)
    plan: list[Duty] = []
    while is_open.any():
        solved = _few_rounds(pool, relaxation, master, is_open, stop)
        chosen = [] if stop() else _sure(pool, solved, is_open, pool.yard.left(plan), at_once)
        if not chosen:
            break
        plan += chosen
        is_open[[trip for _, chain in chosen for trip in chain]] = False
        master.settle(chosen, pool.yard.left(plan))
        tell(1 - float(is_open.mean()))
    return repaired(pool.block, pool.yard, plan)


def _few_rounds(
    pool: Pool, relaxation: Relaxation, master: Master, is_open: Bools, stop: Stop
) -> Solved:
    before, calm = np.inf, 0
    yard, kinds = pool.yard, relaxation.kinds
    for _ in range(DIVE_ROUNDS_MAX):
        solved = master.solve()
        calm = calm + 1 if before - solved.value < CALM_SHARE * solved.value else 0
        before = solved.value
        if stop() or calm >= CALM_ROUNDS:
            break
        begin = yard.out[kinds] - solved.kind_prices[kinds][:, None]
        _, found = relaxation.pricer.price_kinds(
            solved.prices, begin, yard.back[kinds], is_open=is_open, count_max=30, below=-1e-2
        )
        if not master.take(pool.add_priced(kinds, found)):
            break
        master.trim()
    return solved


def _sure(pool: Pool, solved: Solved, is_open: Bools, left: Ints, at_once: float) -> list[Duty]:
    """
    Duties that are nearly whole, and at least some of the largest; each trip once, and no more vehicles than there are.
    """
    left = left.copy()
    atleast = max(1, round(at_once * float((solved.shares > 1e-6).sum())))
    taken = ~is_open
    chosen: list[Duty] = []
    for column in np.argsort(-solved.shares).tolist():
        share, number = float(solved.shares[column]), int(solved.numbers[column])
        if share < 1e-6 or (share < DIVE_SURE and len(chosen) >= atleast):
            break
        if number < 0:
            continue
        kind, chain = pool.duties[number]
        if left[kind] > 0 and not taken[list(chain)].any():
            taken[list(chain)] = True
            left[kind] -= 1
            chosen.append((kind, chain))
    return chosen
