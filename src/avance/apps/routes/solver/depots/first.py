"""
A plan from chains: which vehicle drives which, and what is done with trips that no vehicle is left for.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from avance.apps.routes.solver.block import Block
from avance.apps.routes.solver.chain import Chain
from avance.apps.routes.solver.depots.yard import Duty, Yard


def assigned(block: Block, yard: Yard, chains: Sequence[Chain]) -> list[Duty]:
    """
    Chains with vehicles, all at once at the least cost; those without one are taken apart and put where they fit.
    """
    slots = [
        kind for kind in range(yard.kinds) for _ in range(min(int(yard.count[kind]), len(chains)))
    ]
    cost = np.zeros((len(chains), len(slots)))
    for row, chain in enumerate(chains):
        fits = yard.fits[:, list(chain)].all(axis=1)
        each = yard.out[:, chain[0]] + yard.back[:, chain[-1]] - len(chain) * yard.unserved_cost
        cost[row] = np.where(fits, each, 0.0)[slots]
    rows, columns = linear_sum_assignment(cost)
    duties = [
        (slots[column], chains[row])
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        if cost[row, column] < 0
    ]
    return repaired(block, yard, duties)


def repaired(block: Block, yard: Yard, duties: Iterable[Duty]) -> list[Duty]:
    """
    Put what is not driven where it costs least; only what fits nowhere stays out.
    """
    plan = list(duties)
    driven = {trip for _, chain in plan for trip in chain}
    for trip in range(block.size):
        if trip not in driven:
            _insert(block, yard, plan, trip)
    return plan


def _insert(block: Block, yard: Yard, plan: list[Duty], trip: int) -> None:
    best: tuple[float, int, Duty] | None = None
    left = yard.left(plan)
    for kind in np.flatnonzero((left > 0) & yard.fits[:, trip]).tolist():
        alone = (kind, (trip,))
        cost = yard.cost_of(block, alone)
        if best is None or cost < best[0]:
            best = (cost, -1, alone)
    for number, (kind, chain) in enumerate(plan):
        if not yard.fits[kind, trip]:
            continue
        before = yard.cost_of(block, (kind, chain))
        for at in range(len(chain) + 1):
            longer = (kind, (*chain[:at], trip, *chain[at:]))
            if yard.may_drive(block, longer):
                cost = yard.cost_of(block, longer) - before
                if best is None or cost < best[0]:
                    best = (cost, number, longer)
    if best is None:
        return
    if best[1] < 0:
        plan.append(best[2])
    else:
        plan[best[1]] = best[2]
