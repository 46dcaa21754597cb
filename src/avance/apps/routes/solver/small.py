"""
All plans of a few trips, so that the best is known to be the best.
"""

from functools import cache

from avance.apps.routes.solver.block import Block
from avance.apps.routes.solver.chain import Chain, is_feasible, minutes_of

TRIPS_MAX = 9


def best_of_all(block: Block) -> list[Chain]:
    """
    Fewest buses, then fewest minutes. For up to TRIPS_MAX trips.
    """
    best: dict[int, tuple[float, Chain]] = {}
    for chain in _chains(block):
        mask = sum(1 << trip for trip in chain)
        minutes = minutes_of(block, chain)
        if mask not in best or minutes < best[mask][0]:
            best[mask] = (minutes, chain)

    @cache
    def cover(left: int) -> tuple[int, float, tuple[Chain, ...]]:
        if not left:
            return 0, 0.0, ()
        lowest = left & -left
        options = []
        part = left
        while part:
            if part & lowest and part in best:
                buses, minutes, plan = cover(left & ~part)
                options.append((buses + 1, minutes + best[part][0], (best[part][1], *plan)))
            part = (part - 1) & left
        return min(options)

    return list(cover((1 << block.size) - 1)[2])


def _chains(block: Block) -> list[Chain]:
    found: list[Chain] = []
    growing: list[Chain] = [(trip,) for trip in range(block.size)]
    while growing:
        chain = growing.pop()
        found.append(chain)
        growing += [
            longer
            for trip in range(block.size)
            if trip not in chain and is_feasible(block, longer := (*chain, trip))
        ]
    return found
