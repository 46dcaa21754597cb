"""
The usual way to pack school routes by hand-written rules: four blocks of the day, several greedy orders in each, matching between the blocks,
then small buses are emptied. Written from the description in docs/contract/routes.md, 3.3; no code of any other program.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from avance.apps.routes.model import HOUR, MINUTE, Kind, Trip
from avance.apps.routes.solver.block import Block
from avance.apps.routes.solver.chain import Chain, earliest_starts, is_feasible, minutes_of

MORNING_S = 11 * HOUR
EARLY_EXIT_S = 16 * HOUR + 15 * MINUTE
NEVER = 1e9
PRIZE = 1e6


def greedy_plan(block: Block, trips: Sequence[Trip]) -> list[Chain]:
    """
    Of the trips of a block, in its numbers.
    """
    mine = [trips[number] for number in block.ids.tolist()]
    parts: list[list[int]] = [[], [], [], []]
    for place, trip in enumerate(mine):
        parts[_part(trip)].append(place)
    plan: list[Chain] = []
    for part in parts:
        plan = _matched(block, plan, _packed(block, part))
    return _emptied(block, plan)


def _part(trip: Trip) -> int:
    if trip.kind is Kind.ENTRY:
        return 0 if trip.nominal_s + trip.duration_s <= MORNING_S else 2
    return 1 if trip.nominal_s <= EARLY_EXIT_S else 3


def _packed(block: Block, part: Sequence[int]) -> list[Chain]:
    """
    The best of some orders, each trip on the bus that reaches it with the least minutes.
    """
    orders = (
        sorted(part, key=lambda t: int(block.nominal[t])),
        sorted(part, key=lambda t: int(block.nominal[t] + block.duration[t])),
        sorted(part, key=lambda t: int(block.hi[t])),
        sorted(part, key=lambda t: (int(block.nominal[t]), -int(block.duration[t]))),
    )
    plans = [_in_order(block, order) for order in orders]
    return min(plans, key=lambda plan: (len(plan), sum(minutes_of(block, c) for c in plan)))


def _in_order(block: Block, order: Sequence[int]) -> list[Chain]:
    plan: list[Chain] = []
    for trip in order:
        near = sorted(
            (float(block.cost[chain[-1], trip]), number)
            for number, chain in enumerate(plan)
            if block.links[chain[-1], trip]
        )
        for _, number in near:
            longer = (*plan[number], trip)
            if is_feasible(block, longer):
                plan[number] = longer
                break
        else:
            plan.append((trip,))
    return plan


def _matched(block: Block, before: list[Chain], after: list[Chain]) -> list[Chain]:
    """
    As many buses as can be go on with what comes after, at the least minutes.
    """
    if not before or not after:
        return [*before, *after]
    cost = np.full((len(before), len(after)), NEVER)
    for i, one in enumerate(before):
        for j, other in enumerate(after):
            if block.links[one[-1], other[0]] and is_feasible(block, one + other):
                cost[i, j] = float(block.cost[one[-1], other[0]]) - PRIZE
    rows, columns = linear_sum_assignment(np.minimum(cost, 0.0))
    joined = {int(i): int(j) for i, j in zip(rows, columns, strict=True) if cost[i, j] < 0}
    rest = [chain for j, chain in enumerate(after) if j not in set(joined.values())]
    return [c + after[joined[i]] if i in joined else c for i, c in enumerate(before)] + rest


def _emptied(block: Block, plan: list[Chain]) -> list[Chain]:
    """
    Buses of few trips are given up where each trip finds a place on another.
    """
    for chain in sorted(plan, key=len):
        others = [other for other in plan if other is not chain]
        for trip in chain:
            place = next((n for n, other in enumerate(others) if _with(block, other, trip)), None)
            if place is None:
                break
            others[place] = _with(block, others[place], trip) or others[place]
        else:
            plan = others
    return plan


def _with(block: Block, chain: Chain, trip: int) -> Chain | None:
    for at in range(len(chain) + 1):
        longer = (*chain[:at], trip, *chain[at:])
        if earliest_starts(block, longer) is not None and is_feasible(block, longer):
            return longer
    return None
