"""
Column generation: prices from the linear program, better chains from the pricing, until none is left; then a dive to whole buses.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from avance.apps.routes.solver.block import Block, Bools, Floats
from avance.apps.routes.solver.chain import Chain
from avance.apps.routes.solver.cover import Solved
from avance.apps.routes.solver.master import BUS_COST, Master, Pool
from avance.apps.routes.solver.matching import join
from avance.apps.routes.solver.nearest import Asked, Selection, near, nearest, selection
from avance.apps.routes.solver.pricing import Pricer

PRECISE = 1e-4
BUSES_KNOWN = 0.9
"""From this gap on, in buses, it is worth asking whether the number of buses is proven."""
FAR_SMOOTHING = 0.8
"""While the bound is over a bus away, prices move slowly from those that gave it."""
SMOOTHING = 0.5
ROUNDS_MAX = 400
DIVE_ROUNDS_MAX = 60
DIVE_CALM_ROUNDS = 4
DIVE_SURE = 0.95


@dataclass(frozen=True, kw_only=True)
class Care:
    """
    How much is decided at once in a dive, and how exact the prices are between two decisions.
    """

    share: float
    calm: float
    """Rounds that gain less are enough."""


QUICK = Care(share=0.08, calm=50.0)
CAREFUL = Care(share=0.01, calm=1.0)

Stop = Callable[[], bool]


@dataclass
class Relaxed:
    """
    What the linear program has shown.
    """

    bound: float = 0.0
    """No plan costs less: BUS_COST for each bus, plus minutes."""
    buses: int = 0
    """No plan has fewer."""
    is_converged: bool = False
    rounds: int = 0
    prices: Floats = field(default_factory=lambda: np.empty(0))
    bus_price: float = 0.0
    prices_bound: float = 0.0
    """What these prices show; the bound may be above it where whole buses are counted."""


class Relaxation:
    """
    The linear program over all chains of a block. It can be run towards a wide gap first, and on from there.
    """

    def __init__(
        self, pool: Pool, pricer: Pricer, *, buses_min: int, certificate: Sequence[int]
    ) -> None:
        """
        Args:
            buses_min: No plan has fewer.
            certificate: Trips of which no two can share a bus: one bus for each is where the prices begin.
        """
        self._pool = pool
        self._pricer = pricer
        self._is_once = False
        self._master = Master(pool)
        self._master.need(buses_min)
        self.seen = Relaxed(buses=buses_min, bound=BUS_COST * len(certificate))
        # No chain holds two of these, so these prices are a bound already, and a far better beginning than none.
        self._centre: Floats = np.zeros(pool.block.size + 1)
        self._centre[list(certificate)] = BUS_COST

    def run(
        self,
        *,
        gap: float,
        buses_max: int,
        stop: Stop,
        tell: Callable[[Relaxed, float], None],
    ) -> None:
        """
        Go on until the bound is this near, or nothing better exists.

        Args:
            buses_max: A plan with so many is known.
            tell: Called after each round with the bound so far and the value that it approaches.
        """
        seen, master = self.seen, self._master
        while not seen.is_converged and seen.rounds < ROUNDS_MAX and not stop():
            seen.rounds += 1
            master.trim()
            master.grow()
            solved = master.solve()
            new = self._price(solved, buses_max)
            tell(seen, solved.value)
            is_near = solved.value - seen.bound < BUS_COST * BUSES_KNOWN
            if (is_near or not new) and self.prove_buses():
                continue
            is_best = not new or solved.value - seen.bound < PRECISE
            if is_best and not gap and not self._is_once:
                # Prices settle far sooner as long as none is below 0; only then is the program made exact.
                self._is_once = True
                master.cover_once()
                continue
            seen.is_converged = is_best
            if solved.value - seen.bound < gap:
                break

    def adopt(self, prices: Floats, bus_price: float, buses_max: int) -> None:
        """
        Prices from elsewhere: what they show is seen here, by all chains.
        """
        least, _ = self._pricer.price(prices, bus_cost=BUS_COST - bus_price, count_max=0)
        self._learn(np.append(prices, bus_price), least, buses_max)

    def lift(self, bound: float) -> None:
        """
        It was shown that no plan costs less than this.
        """
        seen = self.seen
        seen.bound = max(seen.bound, bound)
        seen.buses = max(seen.buses, math.ceil(_by_cost(self._pool.block, seen.bound) - 1e-6))

    def nearest(self, value: float, count_max: int) -> Selection:
        """
        Chains of which a plan that costs less than this can be made.
        """
        seen, pool = self.seen, self._pool
        if not len(seen.prices):
            return Selection(numbers=list(range(len(pool)))[-count_max:], gap=0.0)
        reduced, gap = pool.reduced(seen.prices, seen.bus_price), value - seen.prices_bound
        shape = self._pricer.unfit.shape[1], pool.block.size
        asked = Asked(
            prices=seen.prices,
            begin=np.full(shape, BUS_COST - seen.bus_price),
            finish=np.zeros(shape),
            gap=gap,
            count_max=count_max,
        )
        found = nearest(self._pricer, asked, reduced)
        numbers = pool.add(chain for _, chain in found.chains)
        return selection(numbers, found.gap, near(reduced, gap), count_max)

    def _price(self, solved: Solved, buses_max: int) -> bool:
        """
        Better chains at prices between the best known and the present ones; whether there are any.
        """
        seen = self.seen
        exact = np.append(solved.prices, solved.bus_price)
        share = FAR_SMOOTHING if solved.value - seen.bound > BUS_COST else SMOOTHING
        # Smoothed prices may find nothing that the exact ones would not allow: then these are asked.
        for prices in (share * self._centre + (1 - share) * exact, exact):
            least, found = self._pricer.price(
                prices[:-1],
                bus_cost=BUS_COST - float(prices[-1]),
                count_max=max(60, self._pool.block.size // 2),
                below=-PRECISE,
            )
            self._learn(prices, least, buses_max)
            if self._master.take(self._pool.add_priced(found)):
                return True
        return False

    def _learn(self, prices: Floats, least: float, buses_max: int) -> None:
        """
        What prices show at which no chain costs less than `least`.
        """
        seen = self.seen
        bound = float(prices[:-1].sum()) + seen.buses * float(prices[-1])
        bound += buses_max * min(least, 0.0)
        if bound > seen.bound:
            seen.bound, seen.prices = bound, prices[:-1]
            seen.bus_price = float(prices[-1])
            seen.prices_bound = bound
            self._centre = prices

    def prove_buses(self) -> bool:
        """
        Whether the bound shows that one more bus is needed. From there on the minutes of so many whole buses are what counts.
        """
        seen = self.seen
        buses = _buses(self._pool.block, self._pricer, seen)
        if buses <= seen.buses:
            return False
        seen.buses = buses
        self._master.need(buses)
        seen.bound = max(seen.bound, buses * BUS_COST)
        return True


def _buses(block: Block, pricer: Pricer, seen: Relaxed) -> int:
    """
    What the bound on the cost says about buses alone: two ways, each a proof.
    """
    if not len(seen.prices):
        return 0
    by_cost = _by_cost(block, seen.bound)
    # Scaled so that no chain is worth more than one bus, the prices add up to a bound (Farley).
    prices = seen.prices / BUS_COST
    least, _ = pricer.price(prices, bus_cost=1.0, minutes_weight=0.0, count_max=0)
    by_prices = float(prices.sum()) / max(1.0, 1.0 - least)
    return max(0, math.ceil(float(max(by_cost, by_prices)) - 1e-6))


def _by_cost(block: Block, bound: float) -> float:
    """
    How many buses it takes to cost so much, even with the dearest links and shifts.
    """
    dearest = float(np.where(block.links, block.cost, 0.0).max(axis=0).sum())
    shift = np.maximum(block.hi - block.nominal, block.nominal - block.lo) / 60
    return (bound - dearest - float((block.shift_weight * shift).sum())) / BUS_COST


def dive(
    pool: Pool,
    pricer: Pricer,
    *,
    stop: Stop,
    tell: Callable[[float], None],
    care: Care = QUICK,
) -> list[Chain]:
    """
    Settle the chains that the linear program is surest of, price what is left, and so on down to a plan.
    """
    master = Master(pool)
    is_open: Bools = np.ones(pool.block.size, dtype=bool)
    plan: list[Chain] = []
    while is_open.any():
        solved = _few_rounds(pool, pricer, master, is_open, stop, care)
        chosen = [] if stop() else _sure(pool.chains, solved, is_open, care)
        if not chosen:
            # Out of time: matching joins what is left, so that the decisions until here are not lost.
            left = [(trip,) for trip in np.flatnonzero(is_open).tolist()]
            return join(pool.block, [*plan, *left])
        settled = [trip for chain in chosen for trip in chain]
        plan += chosen
        is_open[settled] = False
        master.close(settled)
        tell(1 - float(is_open.mean()))
    return plan


def _few_rounds(
    pool: Pool, pricer: Pricer, master: Master, is_open: Bools, stop: Stop, care: Care
) -> Solved:
    """
    Until prices settle: after a decision a few new chains make up for it.
    """
    before, calm = np.inf, 0
    for _ in range(DIVE_ROUNDS_MAX):
        solved = master.solve()
        calm = calm + 1 if before - solved.value < care.calm else 0
        before = solved.value
        if stop() or calm >= DIVE_CALM_ROUNDS:
            break
        _, found = pricer.price(
            solved.prices, bus_cost=BUS_COST, is_open=is_open, count_max=60, below=-1e-2
        )
        if not master.take(pool.add_priced(found)):
            break
        master.trim()
    return solved


def _sure(chains: Sequence[Chain], solved: Solved, is_open: Bools, care: Care) -> list[Chain]:
    """
    Chains that are nearly whole, and at least some of the largest; each trip once.
    """
    atleast = max(1, round(care.share * float((solved.shares > 1e-6).sum())))
    taken = ~is_open
    chosen: list[Chain] = []
    for column in np.argsort(-solved.shares).tolist():
        share = float(solved.shares[column])
        if share < 1e-6 or (share < DIVE_SURE and len(chosen) >= atleast):
            break
        chain = chains[int(solved.numbers[column])]
        if not taken[list(chain)].any():
            taken[list(chain)] = True
            chosen.append(chain)
    return chosen
