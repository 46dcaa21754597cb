"""
Column generation: prices from the linear program, better chains from the pricing, until none is left; then a dive to whole buses.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from avance.apps.routes.solver.block import Block, Bools, Floats
from avance.apps.routes.solver.chain import Chain
from avance.apps.routes.solver.master import BUS_COST, Master, Pool
from avance.apps.routes.solver.pricing import Pricer

PRECISE = 1e-4
SMOOTHING = 0.5
ROUNDS_MAX = 400
DIVE_ROUNDS = 12
"""Between two decisions of a dive prices need not be exact."""
DIVE_SURE = 0.95
DIVE_SHARE = 0.04

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


def relax(
    pool: Pool,
    pricer: Pricer,
    master: Master,
    *,
    buses_max: int,
    stop: Stop,
    tell: Callable[[Relaxed, float], None] | None = None,
) -> Relaxed:
    """
    Solve the linear program over all chains.

    Args:
        buses_max: A plan with so many is known.
        tell: Called after each round with the bound so far and the value that it approaches.
    """
    seen = Relaxed()
    centre: Floats | None = None
    for seen.rounds in range(1, ROUNDS_MAX + 1):
        value, _, exact = master.solve()
        if seen.rounds == 1 or centre is None:
            centre = exact
        prices = SMOOTHING * centre + (1 - SMOOTHING) * exact
        is_exact = False
        while True:
            least, found = pricer.price(
                prices, bus_cost=BUS_COST, count_max=max(60, pool.block.size), below=-PRECISE
            )
            bound = float(prices.sum()) + buses_max * min(least, 0.0)
            if bound > seen.bound:
                seen.bound, centre, seen.prices = bound, prices, prices
            new = pool.add(one.chain for one in found)
            if new or is_exact:
                break
            # Smoothed prices found nothing that the exact ones would not allow: ask with those.
            prices, is_exact = exact, True
        if tell is not None:
            tell(seen, value)
        if not new:
            seen.is_converged = True
            break
        if value - seen.bound < PRECISE or stop():
            break
        master.grow()
    seen.buses = _buses(pool.block, pricer, seen)
    return seen


def _buses(block: Block, pricer: Pricer, seen: Relaxed) -> int:
    """
    What the bound on the cost says about buses alone: two ways, each a proof.
    """
    if not len(seen.prices):
        return 0
    links = block.links
    dearest = np.where(links, block.cost_minutes, 0.0).max(axis=0).sum() if links.any() else 0.0
    shift = (np.maximum(block.hi - block.nominal, block.nominal - block.lo) / 60).sum()
    by_cost = (seen.bound - dearest - shift) / BUS_COST
    # Scaled so that no chain is worth more than one bus, the prices add up to a bound (Farley).
    prices = seen.prices / BUS_COST
    least, _ = pricer.price(prices, bus_cost=1.0, minutes_weight=0.0, count_max=0)
    by_prices = float(prices.sum()) / max(1.0, 1.0 - least)
    return max(0, math.ceil(float(max(by_cost, by_prices)) - 1e-6))


def dive(
    pool: Pool, pricer: Pricer, *, buses_max: int, stop: Stop, tell: Callable[[float], None]
) -> list[Chain] | None:
    """
    Settle the chains that the linear program is surest of, price what is left, and so on down to a plan; None when stopped.
    """
    master = Master(pool)
    is_open: Bools = np.ones(pool.block.size, dtype=bool)
    plan: list[Chain] = []
    while is_open.any():
        shares = _few_rounds(pool, pricer, master, is_open, stop)
        chosen = _sure(pool.chains, shares, is_open)
        if stop() or not chosen:
            return None
        settled = [trip for chain in chosen for trip in chain]
        plan += chosen
        is_open[settled] = False
        master.close(settled)
        tell(1 - float(is_open.mean()))
        if len(plan) > buses_max:
            return None
    return plan


def _few_rounds(pool: Pool, pricer: Pricer, master: Master, is_open: Bools, stop: Stop) -> Floats:
    shares: Floats = np.empty(0)
    for _ in range(DIVE_ROUNDS):
        _, shares, prices = master.solve()
        if stop():
            break
        _, found = pricer.price(
            prices, bus_cost=BUS_COST, is_open=is_open, count_max=100, below=-1e-2
        )
        if not pool.add(one.chain for one in found):
            break
        master.grow()
    return shares


def _sure(chains: Sequence[Chain], shares: Floats, is_open: Bools) -> list[Chain]:
    """
    Chains that are nearly whole, and at least some of the largest; each trip once.
    """
    order = np.argsort(-shares)
    atleast = max(1, round(DIVE_SHARE * float((shares > 1e-6).sum())))
    taken = ~is_open
    chosen: list[Chain] = []
    for number in order.tolist():
        share = float(shares[number])
        if share < 1e-6 or (share < DIVE_SURE and len(chosen) >= atleast):
            break
        chain = chains[number]
        if not taken[list(chain)].any():
            taken[list(chain)] = True
            chosen.append(chain)
    return chosen
