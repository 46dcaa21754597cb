"""
Plans by matching: pieces of buses are joined end to start, all at once, until nothing can be joined. Good plans within a tenth of a
second, and the beginning of everything that follows.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from avance.apps.routes.solver.block import MINUTE, Block, Bools, Floats, Ints
from avance.apps.routes.solver.chain import Chain, earliest_starts, is_feasible

NO_LINK = 1e7
LINK_PRIZE = 1e4
"""A join saves a bus, which is worth more than any minutes."""
ROUNDS_MAX = 30


@dataclass
class Piece:
    """
    Trips that are already together, and how they can be joined.
    """

    chain: Chain
    ready_s: int
    """The earliest end of the last trip."""
    latest_s: int
    """The latest start of the first."""
    low: float
    high: float


def join(
    block: Block,
    chains: Iterable[Chain],
    *,
    noise: Floats | None = None,
    on_cut: Callable[[], None] = lambda: None,
) -> list[Chain]:
    """
    Join chains to as few as the matching finds.

    Args:
        noise: Added to the cost of each link, so that repeated calls find different plans.
        on_cut: Called where matched pieces cannot stay together.
    """
    cost = block.cost if noise is None else block.cost + noise
    pieces = [_piece(block, chain) for chain in chains]
    for _ in range(ROUNDS_MAX):
        joined = _round(block, pieces, cost, on_cut)
        if len(joined) == len(pieces):
            break
        pieces = joined
    return [piece.chain for piece in pieces]


def _round(
    block: Block, pieces: Sequence[Piece], cost: Floats, on_cut: Callable[[], None]
) -> list[Piece]:
    firsts = np.array([piece.chain[0] for piece in pieces])
    lasts = np.array([piece.chain[-1] for piece in pieces])
    ready = np.array([piece.ready_s for piece in pieces])
    latest = np.array([piece.latest_s for piece in pieces])
    low = np.array([piece.low for piece in pieces])
    high = np.array([piece.high for piece in pieces])
    square = np.ix_(lasts, firsts)
    may: Bools = (
        (ready[:, None] + block.gap[square] <= latest[None, :])
        & block.links[square]
        & (low[:, None] <= high[None, :])
        & (low[None, :] <= high[:, None])
    )
    np.fill_diagonal(may, val=False)
    if not may.any():
        return list(pieces)
    weights = np.where(may, cost[square] - LINK_PRIZE, 0.0)
    rows, columns = linear_sum_assignment(weights)
    follower = {int(i): int(j) for i, j in zip(rows, columns, strict=True) if may[i, j]}
    return _walk(block, pieces, follower, on_cut)


def _walk(
    block: Block, pieces: Sequence[Piece], follower: dict[int, int], on_cut: Callable[[], None]
) -> list[Piece]:
    """
    Follow the matched pieces, and cut where together they are too late or fit no vehicle.
    """
    heads = [number for number in range(len(pieces)) if number not in set(follower.values())]
    seen: set[int] = set()
    joined: list[Piece] = []
    # Links may go round when very short trips follow each other both ways; such a ring is opened anywhere.
    for head in [*heads, *range(len(pieces))]:
        if head in seen:
            continue
        current = pieces[head]
        seen.add(head)
        number = follower.get(head)
        while number is not None and number not in seen:
            seen.add(number)
            together = _join_two(block, current, pieces[number])
            if together is None:
                on_cut()
                joined.append(current)
                current = pieces[number]
            else:
                current = together
            number = follower.get(number)
        joined.append(current)
    return joined


def _join_two(block: Block, before: Piece, after: Piece) -> Piece | None:
    low, high = max(before.low, after.low), min(before.high, after.high)
    gap = int(block.gap[before.chain[-1], after.chain[0]])
    if low > high or before.ready_s + gap > after.latest_s:
        return None
    return _piece(block, before.chain + after.chain)


def _piece(block: Block, chain: Chain) -> Piece:
    starts = earliest_starts(block, chain)
    if starts is None:
        raise AssertionError(f"the chain {chain} cannot be driven")
    latest = int(block.hi[chain[-1]])
    for i, j in zip(chain[-2::-1], chain[:0:-1], strict=True):
        latest = min(int(block.hi[i]), latest - int(block.gap[i, j]) - int(block.duration[i]))
    return Piece(
        chain=chain,
        ready_s=starts[-1] + int(block.duration[chain[-1]]),
        latest_s=latest,
        low=max(float(block.low[t]) for t in chain),
        high=min(float(block.high[t]) for t in chain),
    )


def first_plan(block: Block, on_cut: Callable[[], None] = lambda: None) -> list[Chain]:
    """
    Join single trips.
    """
    return join(block, [(trip,) for trip in range(block.size)], on_cut=on_cut)


def shaken(
    block: Block, plan: Sequence[Chain], random: np.random.Generator, *, share: float = 0.3
) -> list[Chain]:
    """
    Take some buses apart and join everything anew.
    """
    count = max(2, round(share * len(plan)))
    # Buses near in time and place exchange trips best: take the neighbours of one of them.
    chosen = set(_near(block, plan, int(random.integers(len(plan))), count, random))
    pieces: list[Chain] = []
    for number, chain in enumerate(plan):
        if number not in chosen:
            pieces.append(chain)
        elif random.random() < 0.5:
            pieces += [(trip,) for trip in chain]
        else:
            cut = int(random.integers(1, len(chain))) if len(chain) > 1 else 1
            pieces += [
                part for part in (chain[:cut], chain[cut:]) if part and is_feasible(block, part)
            ]
    noise = random.uniform(0, 6, size=block.gap.shape)
    return join(block, pieces, noise=noise)


def _near(
    block: Block, plan: Sequence[Chain], centre: int, count: int, random: np.random.Generator
) -> Ints:
    firsts = np.array([chain[0] for chain in plan])
    lasts = np.array([chain[-1] for chain in plan])
    distance = np.minimum(
        block.gap[lasts[centre], firsts], block.gap[lasts, firsts[centre]]
    ) / MINUTE + random.uniform(0, 20, size=len(plan))
    distance[centre] = -1
    return np.argsort(distance)[:count]
