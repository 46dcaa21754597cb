"""
A plan for fewer buses than it needs: which routes are driven all the same, and which are left out.
"""

from collections.abc import Sequence

from avance.apps.routes.model import Leg, Plan
from avance.apps.routes.solver.block import Block
from avance.apps.routes.solver.chain import Chain, best_starts, is_feasible, minutes_of


def fit(plan: Plan, blocks: Sequence[Block], buses_max: int) -> Plan:
    """
    Keep the buses with the most routes; put into them what still fits of the others, where it costs the fewest minutes.
    """
    if len(plan.buses) <= buses_max:
        return plan
    place = {
        int(number): (block, at) for block in blocks for at, number in enumerate(block.ids.tolist())
    }
    ranked = sorted(plan.buses, key=len, reverse=True)
    kept: list[tuple[Block, Chain]] = []
    for bus in ranked[:buses_max]:
        block = place[bus[0].trip][0]
        kept.append((block, tuple(place[leg.trip][1] for leg in bus)))
    left_out = []
    for leg in (leg for bus in ranked[buses_max:] for leg in bus):
        block, trip = place[leg.trip]
        best = _cheapest(kept, block, trip)
        if best is None:
            left_out.append(leg.trip)
        else:
            kept[best[0]] = (block, best[1])
    return Plan(
        buses=tuple(_legs(block, chain) for block, chain in kept), unserved=tuple(sorted(left_out))
    )


def _cheapest(
    kept: Sequence[tuple[Block, Chain]], block: Block, trip: int
) -> tuple[int, Chain] | None:
    found: list[tuple[float, int, Chain]] = []
    for number, (where, chain) in enumerate(kept):
        if where is not block:
            continue
        before = minutes_of(block, chain)
        for at in range(len(chain) + 1):
            longer = (*chain[:at], trip, *chain[at:])
            if is_feasible(block, longer):
                found.append((minutes_of(block, longer) - before, number, longer))
    return min(found)[1:] if found else None


def _legs(block: Block, chain: Chain) -> tuple[Leg, ...]:
    starts, _ = best_starts(block, chain)
    return tuple(
        Leg(int(block.ids[trip]), start) for trip, start in zip(chain, starts, strict=True)
    )
