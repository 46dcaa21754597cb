"""
A number of buses below which no plan exists, and the reason for it.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import (
    maximum_bipartite_matching,
)

from avance.apps.routes.solver.block import Block, Bools, Ints

DENSE_TRIPS_MAX = 2_000
"""Up to here the assignment solver on a dense matrix is quicker than Hopcroft-Karp."""
ROUNDING = 1e-5


def whole(bound: float) -> float:
    """
    The same bound where costs are whole numbers.
    """
    return float(math.ceil(bound - ROUNDING))


@dataclass(frozen=True, kw_only=True)
class MatchingBound:
    """
    Each bus of n trips uses n - 1 links, so trips minus the largest matching of links is a bound. The certificate is a set of trips of
    which no two can be on one bus, whatever is driven between them.
    """

    buses: int
    certificate: Ints


def matching_bound(block: Block) -> MatchingBound:
    """
    The largest matching of links at the best allowed times of both ends; König's theorem gives the certificate.
    """
    links = block.links
    matched = _matching(links)
    buses = block.size - int((matched >= 0).sum())
    certificate = _antichain(links, matched)
    if _shares(block, certificate):
        # A third trip between two of them joins what cannot follow directly: look where nothing joins them.
        closed = reachable(block)
        certificate = _antichain(closed, _matching(closed))
    return MatchingBound(buses=max(buses, len(certificate)), certificate=certificate)


def reachable(block: Block) -> Bools:
    """
    [i, j]: j may come on the bus of i at some time after it. More than is possible, never less.
    """
    # Eight trips to a byte: a thousand trips take a tenth of a second.
    packed = np.packbits(block.links, axis=1)
    for middle in range(block.size):
        comes_to = (packed[:, middle >> 3] >> (7 - (middle & 7))) & 1
        packed[comes_to.astype(bool)] |= packed[middle]
    closed = np.unpackbits(packed, axis=1, count=block.size).astype(bool)
    meet = (block.low[:, None] <= block.high[None, :]) & (block.low[None, :] <= block.high[:, None])
    closed &= meet
    np.fill_diagonal(closed, val=False)
    return closed


def _matching(links: Bools) -> Ints:
    """
    For each trip the one that follows it, or -1.
    """
    if len(links) <= DENSE_TRIPS_MAX:
        rows, columns = linear_sum_assignment(links, maximize=True)
        return np.where(links[rows, columns], columns, -1)
    # Backwards: in the order of time, augmenting paths become long (measured 4 s against 0.01 s for 579 trips).
    found = maximum_bipartite_matching(csr_matrix(links[::-1]), perm_type="column")
    return np.asarray(found[::-1], dtype=np.int64)


def _antichain(links: Bools, matched: Ints) -> Ints:
    """
    Trips that are in no minimum vertex cover, neither as the one before nor as the one after: no link joins two of them.
    """
    size = len(matched)
    follower_of = np.full(size, -1)
    follower_of[matched[matched >= 0]] = np.flatnonzero(matched >= 0)
    is_before = matched < 0
    is_after = np.zeros(size, dtype=bool)
    frontier = np.flatnonzero(is_before)
    while len(frontier):
        reached = links[frontier].any(axis=0) & ~is_after
        is_after |= reached
        matched_back = follower_of[np.flatnonzero(reached)]
        new = matched_back[matched_back >= 0]
        frontier = new[~is_before[new]]
        is_before[frontier] = True
    return np.flatnonzero(is_before & ~is_after)


def _shares(block: Block, trips: Ints) -> bool:
    if not len(trips):
        return False
    if np.tril(block.links).any():
        return bool(reachable(block)[np.ix_(trips, trips)].any())
    return bool(_reached(block, trips)[:, trips].any())


def _reached(block: Block, trips: Ints) -> Bools:
    """
    What `reachable` says of these trips, where links only go forward: then whatever reaches a trip is known when it is its turn.
    """
    packed = np.packbits(block.links, axis=1)
    reached = packed[trips]
    for middle in range(block.size):
        comes_to = (reached[:, middle >> 3] >> (7 - (middle & 7))) & 1
        reached[np.flatnonzero(comes_to)] |= packed[middle]
    meet = block.low[trips, None] <= block.high[None, :]
    meet &= block.low[None, :] <= block.high[trips, None]
    closed: Bools = np.unpackbits(reached, axis=1, count=block.size).astype(bool) & meet
    return closed
