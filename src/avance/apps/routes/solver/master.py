"""
The linear program over chains: cover every trip at the least cost.
"""

from collections.abc import Iterable, Sequence

import highspy
import numpy as np

from avance.apps.routes.solver.block import Block, Bools, Floats
from avance.apps.routes.solver.chain import Chain, minutes_of

BUS_COST = 1e5
"""Far more than all minutes of a bus, so that fewer buses come first."""


class Pool:
    """
    All chains that were ever found for a block, each once, with their minutes.
    """

    def __init__(self, block: Block) -> None:
        self.block = block
        self.chains: list[Chain] = []
        self.minutes: list[float] = []
        self._known: dict[Chain, int] = {}

    def __len__(self) -> int:
        return len(self.chains)

    def add(self, chains: Iterable[Chain]) -> list[int]:
        """
        The numbers of those that are new.
        """
        new = []
        for chain in chains:
            if chain not in self._known:
                self._known[chain] = len(self.chains)
                new.append(len(self.chains))
                self.chains.append(chain)
                self.minutes.append(minutes_of(self.block, chain))
        return new

    def minutes_of_plan(self, plan: Sequence[Chain]) -> float:
        self.add(plan)
        return sum(self.minutes[self._known[chain]] for chain in plan)


class Master:
    """
    Grows with the pool. Rows can be closed when their trips are settled.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._count = 0
        size = pool.block.size
        self.is_open: Bools = np.ones(size, dtype=bool)
        self._solver = solver = highspy.Highs()  # type: ignore[no-untyped-call]
        solver.setOptionValue("output_flag", False)
        # The primal simplex goes on from where it was when columns come; the default starts anew (measured 5 to 20 times slower).
        solver.setOptionValue("simplex_strategy", 4)
        solver.setOptionValue("presolve", "off")
        empty = np.empty(0)
        solver.addRows(
            size,
            np.ones(size),
            np.full(size, highspy.kHighsInf),
            0,
            np.empty(0, dtype=np.int32),
            np.empty(0, dtype=np.int32),
            empty,
        )
        self.grow()

    def grow(self) -> None:
        """
        Take in what the pool has got since.
        """
        pool, first = self._pool, self._count
        fresh = pool.chains[first:]
        if not fresh:
            return
        lengths = np.array([len(chain) for chain in fresh])
        starts = np.concatenate(([0], np.cumsum(lengths)[:-1])).astype(np.int32)
        index = np.fromiter((trip for chain in fresh for trip in chain), dtype=np.int32)
        is_open = np.array([bool(self.is_open[list(chain)].all()) for chain in fresh])
        self._solver.addCols(
            len(fresh),
            BUS_COST + np.array(pool.minutes[first:]),
            np.zeros(len(fresh)),
            np.where(is_open, highspy.kHighsInf, 0.0),
            len(index),
            starts,
            index,
            np.ones(len(index)),
        )
        self._count = len(pool.chains)

    def close(self, trips: Iterable[int]) -> None:
        """
        These trips are settled: nothing covers them any more, and nothing needs to.
        """
        closed = np.array(sorted(trips), dtype=np.int32)
        self.is_open[closed] = False
        for trip in closed.tolist():
            self._solver.changeRowBounds(trip, -highspy.kHighsInf, highspy.kHighsInf)
        for number, chain in enumerate(self._pool.chains[: self._count]):
            if not self.is_open[list(chain)].all():
                self._solver.changeColBounds(number, 0.0, 0.0)

    def solve(self) -> tuple[float, Floats, Floats]:
        """
        The value, the share of each chain, and the price of each trip.
        """
        self._solver.run()
        solution = self._solver.getSolution()
        value = float(self._solver.getInfo().objective_function_value)
        prices = np.maximum(np.array(solution.row_dual), 0.0)
        prices[~self.is_open] = 0.0
        return value, np.array(solution.col_value), prices


def best_selection(
    pool: Pool, incumbent: Sequence[Chain], *, time_s: float, seed: int
) -> list[Chain] | None:
    """
    The best plan of chains in the pool, each trip exactly once, as far as the time allows; None when nothing better is found.
    """
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("time_limit", time_s)
    solver.setOptionValue("random_seed", seed)
    solver.setOptionValue("mip_rel_gap", 1e-9)
    size = pool.block.size
    solver.addRows(
        size,
        np.ones(size),
        np.ones(size),
        0,
        np.empty(0, dtype=np.int32),
        np.empty(0, dtype=np.int32),
        np.empty(0),
    )
    lengths = np.array([len(chain) for chain in pool.chains])
    starts = np.concatenate(([0], np.cumsum(lengths)[:-1])).astype(np.int32)
    index = np.fromiter((trip for chain in pool.chains for trip in chain), dtype=np.int32)
    costs = BUS_COST + np.array(pool.minutes)
    solver.addCols(
        len(costs),
        costs,
        np.zeros(len(costs)),
        np.ones(len(costs)),
        len(index),
        starts,
        index,
        np.ones(len(index)),
    )
    numbers = np.arange(len(costs), dtype=np.int32)
    solver.changeColsIntegrality(
        len(costs), numbers, np.full(len(costs), highspy.HighsVarType.kInteger)
    )
    value = len(incumbent) * BUS_COST + pool.minutes_of_plan(incumbent)
    solver.setOptionValue("objective_bound", value)
    solver.run()
    solution = solver.getSolution()
    if not solution.value_valid or solver.getInfo().objective_function_value > value - 1e-6:
        return None
    chosen = np.flatnonzero(np.array(solution.col_value) > 0.5)
    return [pool.chains[number] for number in chosen.tolist()]
