"""
One bus: whether trips can be driven one after the other, and at what times best.
"""

import itertools
from collections.abc import Sequence

from avance.apps.routes.solver.block import MINUTE, Block

Chain = tuple[int, ...]
"""Trips of a block in the order of driving."""


def earliest_starts(block: Block, chain: Sequence[int]) -> list[int] | None:
    """
    The earliest start of each trip, or None where one comes too late.
    """
    starts: list[int] = []
    for place, trip in enumerate(chain):
        start = int(block.lo[trip])
        if place:
            before = chain[place - 1]
            if not block.links[before, trip]:
                return None
            ready = starts[-1] + int(block.duration[before]) + int(block.gap[before, trip])
            start = max(start, ready)
        if start > block.hi[trip]:
            return None
        starts.append(start)
    return starts


def has_common_seats(block: Block, chain: Sequence[int]) -> bool:
    return max(float(block.low[t]) for t in chain) <= min(float(block.high[t]) for t in chain)


def is_feasible(block: Block, chain: Sequence[int]) -> bool:
    return has_common_seats(block, chain) and earliest_starts(block, chain) is not None


def links_cost(block: Block, chain: Sequence[int]) -> float:
    return float(sum(block.cost[i, j] for i, j in itertools.pairwise(chain)))


def best_starts(block: Block, chain: Sequence[int]) -> tuple[list[int], float]:
    """
    The starts with the fewest minutes of shift, and what these cost. The chain must be feasible; a minute costs the same on all of it.
    """
    wanted = [int(block.nominal[t]) for t in chain]
    return (wanted, 0.0) if _keeps(block, chain, wanted) else _least_shift(block, chain)


def _keeps(block: Block, chain: Sequence[int], starts: Sequence[int]) -> bool:
    at = list(zip(chain, starts, strict=True))
    return all(block.lo[trip] <= start <= block.hi[trip] for trip, start in at) and all(
        start + int(block.duration[i]) + int(block.gap[i, j]) <= then
        for (i, start), (j, then) in itertools.pairwise(at)
    )


def _least_shift(block: Block, chain: Sequence[int]) -> tuple[list[int], float]:
    """
    With the driving taken out, starts become a rising sequence; an optimal one consists of the wishes and bounds of its trips.
    """
    offsets = [0]
    for i, j in itertools.pairwise(chain):
        offsets.append(offsets[-1] + int(block.duration[i]) + int(block.gap[i, j]))
    wishes = [int(block.nominal[t]) - o for t, o in zip(chain, offsets, strict=True)]
    lows = [int(block.lo[t]) - o for t, o in zip(chain, offsets, strict=True)]
    highs = [int(block.hi[t]) - o for t, o in zip(chain, offsets, strict=True)]
    values = sorted({*wishes, *lows, *highs})
    costs, choices = _table(values, wishes, lows, highs)
    place = min(range(len(values)), key=costs.__getitem__)
    total = costs[place]
    starts: list[int] = []
    for trip in range(len(chain) - 1, -1, -1):
        place = choices[trip][place]
        starts.append(values[place] + offsets[trip])
    return starts[::-1], total / MINUTE * float(block.shift_weight[chain[0]])


def _table(
    values: list[int], wishes: list[int], lows: list[int], highs: list[int]
) -> tuple[list[float], list[list[int]]]:
    """
    costs[v]: the least shift with the last trip at most at value v; choices[trip][v]: where that trip then stands.
    """
    costs = [0.0] * len(values)
    choices: list[list[int]] = []
    for wish, low, high in zip(wishes, lows, highs, strict=True):
        best, at, row, nexts = float("inf"), 0, [], []
        for place, value in enumerate(values):
            cost = costs[place] + abs(value - wish) if low <= value <= high else float("inf")
            if cost < best:
                best, at = cost, place
            nexts.append(best)
            row.append(at)
        costs = nexts
        choices.append(row)
    return costs, choices


def minutes_of(block: Block, chain: Sequence[int]) -> float:
    """
    Deadhead and shift of a chain at its best times.
    """
    return links_cost(block, chain) + best_starts(block, chain)[1]
