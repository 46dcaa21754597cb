"""
No start may move and any vehicle may drive any trip: then a bus is links alone, and one assignment of followers is the best plan there is.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from avance.apps.routes.solver.block import Block, Bools, Floats, Ints
from avance.apps.routes.solver.bounds import DENSE_TRIPS_MAX
from avance.apps.routes.solver.chain import Chain

SOME = 1.0
"""Added to each cost: the sparse matching takes what costs nothing for no link at all."""


def is_fixed(block: Block) -> bool:
    """
    Whether the assignment is the whole problem. Where links went round, followers would be no chains.
    """
    return bool(
        (block.lo == block.hi).all()
        and block.low.max() <= block.high.min()
        and not np.tril(block.links).any()
    )


def best_of_fixed(block: Block) -> list[Chain]:
    """
    Fewest buses, then fewest minutes.
    """
    links = block.links
    # A trip without a follower ends a bus, which weighs more than all minutes of any plan.
    dearest = float(np.where(links, block.cost, 0.0).max(initial=0.0))
    bus = block.size * (dearest + SOME) + SOME
    if block.size <= DENSE_TRIPS_MAX:
        rows, columns = linear_sum_assignment(np.where(links, block.cost - bus, 0.0))
        follower = np.where(links[rows, columns], columns, -1)
    else:
        follower = _sparse(links, block.cost, bus)
    return _walked(follower)


def _sparse(links: Bools, cost: Floats, bus: float) -> Ints:
    """
    Each trip has its own end of a bus beside all that may follow it.
    """
    size = len(links)
    rows = np.concatenate(([0], np.cumsum(links.sum(axis=1) + 1)))
    columns, weights = np.empty(rows[-1], dtype=np.int32), np.empty(rows[-1])
    ends = rows[1:] - 1
    columns[ends], weights[ends] = size + np.arange(size), bus
    is_link = np.ones(len(columns), dtype=bool)
    is_link[ends] = False
    places = np.flatnonzero(links)
    columns[is_link] = places % size
    weights[is_link] = cost.reshape(-1)[places] + SOME
    graph = csr_matrix((weights, columns, rows.astype(np.int32)), shape=(size, 2 * size))
    _, chosen = min_weight_full_bipartite_matching(graph)
    return np.where(chosen < size, chosen, -1)


def _walked(follower: Ints) -> list[Chain]:
    follows = set(follower[follower >= 0].tolist())
    chains = []
    for trip in range(len(follower)):
        if trip in follows:
            continue
        chain = [trip]
        while follower[chain[-1]] >= 0:
            chain.append(int(follower[chain[-1]]))
        chains.append(tuple(chain))
    return chains
