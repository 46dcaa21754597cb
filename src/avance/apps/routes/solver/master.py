"""
The linear program over chains: cover every trip at the least cost.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import highspy
import numpy as np

from avance.apps.routes.solver.block import Block, Bools, Floats, Ints
from avance.apps.routes.solver.chain import Chain, minutes_of
from avance.apps.routes.solver.pricing import Priced

BUS_COST = 1e5
"""Far more than all minutes of a bus, so that fewer buses come first."""


COLUMNS_PER_TRIP = 6
"""So many stay in the linear program; with all of them a round takes ten times as long."""


@dataclass(frozen=True, kw_only=True)
class Solved:
    """
    One solution of the linear program.
    """

    value: float
    shares: Floats
    numbers: Ints
    """Which chain of the pool each share is of."""
    prices: Floats
    bus_price: float
    """What the count of buses adds to each."""


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
        return [
            self._append(chain, minutes_of(self.block, chain))
            for chain in chains
            if chain not in self._known
        ]

    def add_priced(self, found: Iterable[Priced]) -> list[int]:
        """
        What the pricing found, which has counted the minutes where its grid holds the best start times: the numbers of all of them.
        """
        is_counted = self.block.unit_s is not None
        numbers = []
        for one in found:
            number = self._known.get(one.chain)
            if number is None:
                minutes = one.minutes if is_counted else minutes_of(self.block, one.chain)
                number = self._append(one.chain, minutes)
            numbers.append(number)
        return numbers

    def _append(self, chain: Chain, minutes: float) -> int:
        number = self._known[chain] = len(self.chains)
        self.chains.append(chain)
        self.minutes.append(minutes)
        return number

    def near(self, prices: Floats, bus_price: float, gap: float) -> list[int]:
        """
        Chains that cost at most so much more than the prices of their trips, the nearest first.
        """
        if not len(prices):
            return list(range(len(self)))
        paid = np.array([float(prices[list(chain)].sum()) for chain in self.chains])
        reduced = BUS_COST + np.array(self.minutes) - paid - bus_price
        near = np.flatnonzero(reduced < gap)
        return [int(number) for number in near[np.argsort(reduced[near], kind="stable")]]

    def minutes_of_plan(self, plan: Sequence[Chain]) -> float:
        self.add(plan)
        return sum(self.minutes[self._known[chain]] for chain in plan)


class Master:
    """
    Grows with the pool and is trimmed to what may still matter. Rows can be closed when their trips are settled.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._seen = 0
        size = pool.block.size
        self.is_open: Bools = np.ones(size, dtype=bool)
        self._numbers: Ints = np.empty(0, dtype=np.int64)
        """The place in the pool of each column."""
        self._has: set[int] = set()
        self._is_once = False
        self._solver = solver = highspy.Highs()  # type: ignore[no-untyped-call]
        solver.setOptionValue("output_flag", False)
        # The primal simplex goes on from where it was when columns come; the default starts anew (measured 5 to 20 times slower).
        solver.setOptionValue("simplex_strategy", 4)
        solver.setOptionValue("presolve", "off")
        none, nothing = np.empty(0, dtype=np.int32), np.empty(0)
        infinite = highspy.kHighsInf
        solver.addRows(size, np.ones(size), np.full(size, infinite), 0, none, none, nothing)
        # The last row counts buses; known to be needed at least so many, it lifts the value to what whole buses cost.
        solver.addRows(1, np.zeros(1), np.full(1, infinite), 0, none, none, nothing)
        self.grow()

    def need(self, buses: int) -> None:
        """
        No plan has fewer buses.
        """
        self._solver.changeRowBounds(self._pool.block.size, float(buses), highspy.kHighsInf)

    def grow(self) -> None:
        """
        Take in what the pool has got since.
        """
        seen, self._seen = self._seen, len(self._pool)
        self.take(range(seen, self._seen))

    def take(self, numbers: Iterable[int]) -> bool:
        """
        Take in these chains of the pool; whether one of them was not here. Of those that were trimmed, some come back.
        """
        pool = self._pool
        fresh = [
            number
            for number in dict.fromkeys(numbers)
            if number not in self._has and self.is_open[list(pool.chains[number])].all()
        ]
        if not fresh:
            return False
        self._has.update(fresh)
        chains = [pool.chains[number] for number in fresh]
        lengths = np.array([len(chain) + 1 for chain in chains])
        starts = np.concatenate(([0], np.cumsum(lengths)[:-1])).astype(np.int32)
        count_row = pool.block.size
        index = np.array([row for chain in chains for row in (*chain, count_row)], dtype=np.int32)
        self._solver.addCols(
            len(fresh),
            BUS_COST + np.array([pool.minutes[number] for number in fresh]),
            np.zeros(len(fresh)),
            np.full(len(fresh), highspy.kHighsInf),
            len(index),
            starts,
            index,
            np.ones(len(index)),
        )
        self._numbers = np.concatenate((self._numbers, np.array(fresh, dtype=np.int64)))
        return True

    def cover_once(self) -> None:
        """
        From now on no trip may be driven twice. On paper that may be cheaper: a trip takes the bus to another place, or joins two sizes.
        """
        self._is_once = True
        for trip in range(self._pool.block.size):
            self._solver.changeRowBounds(trip, 1.0, 1.0)
        # What was best keeps its prices and has lost its plan, which is what the dual simplex begins with.
        self._solver.setOptionValue("simplex_strategy", 1)
        self._solver.run()
        self._solver.setOptionValue("simplex_strategy", 4)

    def close(self, trips: Iterable[int]) -> None:
        """
        These trips are settled: nothing covers them any more, and nothing needs to.
        """
        closed = sorted(trips)
        self.is_open[closed] = False
        for trip in closed:
            self._solver.changeRowBounds(trip, -highspy.kHighsInf, highspy.kHighsInf)
        for column, number in enumerate(self._numbers.tolist()):
            if not self.is_open[list(self._pool.chains[number])].all():
                self._solver.changeColBounds(column, 0.0, 0.0)

    def trim(self) -> None:
        """
        Drop the columns that are dearest at the present prices; the pool keeps them.
        """
        keep = COLUMNS_PER_TRIP * self._pool.block.size
        if len(self._numbers) <= 2 * keep:
            return
        solution = self._solver.getSolution()
        reduced = np.array(solution.col_dual)
        reduced[np.array(solution.col_value) > 0] = -np.inf
        # Single trips stay: with them the program can be solved whatever is closed.
        single = [len(self._pool.chains[number]) == 1 for number in self._numbers.tolist()]
        reduced[np.array(single)] = -np.inf
        dropped = np.sort(np.argsort(reduced)[keep:]).astype(np.int32)
        self._solver.deleteCols(len(dropped), dropped)
        self._has.difference_update(self._numbers[dropped].tolist())
        self._numbers = np.delete(self._numbers, dropped)

    def solve(self) -> Solved:
        self._solver.run()
        solution = self._solver.getSolution()
        duals = np.array(solution.row_dual)
        prices = duals[:-1].copy() if self._is_once else np.maximum(duals[:-1], 0.0)
        prices[~self.is_open] = 0.0
        return Solved(
            value=float(self._solver.getInfo().objective_function_value),
            shares=np.array(solution.col_value),
            numbers=self._numbers,
            prices=prices,
            bus_price=max(float(duals[-1]), 0.0),
        )


def best_selection(
    pool: Pool,
    incumbent: Sequence[Chain],
    numbers: Sequence[int],
    *,
    time_s: float,
    seed: int,
) -> list[Chain] | None:
    """
    The best plan of some chains of the pool, each trip exactly once, as far as the time allows; None when nothing better is found.
    """
    value = len(incumbent) * BUS_COST + pool.minutes_of_plan(incumbent)
    chains = [pool.chains[number] for number in numbers]
    if not chains:
        return None
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
    lengths = np.array([len(chain) for chain in chains])
    starts = np.concatenate(([0], np.cumsum(lengths)[:-1])).astype(np.int32)
    index = np.fromiter((trip for chain in chains for trip in chain), dtype=np.int32)
    costs = BUS_COST + np.array([pool.minutes[number] for number in numbers])
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
    columns = np.arange(len(costs), dtype=np.int32)
    solver.changeColsIntegrality(
        len(costs), columns, np.full(len(costs), highspy.HighsVarType.kInteger)
    )
    solver.setOptionValue("objective_bound", value)
    solver.run()
    solution = solver.getSolution()
    if not solution.value_valid or solver.getInfo().objective_function_value > value - 1e-6:
        return None
    chosen = np.flatnonzero(np.array(solution.col_value) > 0.5)
    return [chains[place] for place in chosen.tolist()]
