"""
The linear program over duties: drive every trip at the least cost, with the vehicles that there are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import highspy
import numpy as np

from avance.apps.routes.solver.block import Block, Bools, Floats, Ints
from avance.apps.routes.solver.chain import Chain
from avance.apps.routes.solver.depots.yard import Duty, Yard
from avance.apps.routes.solver.master import COLUMNS_PER_TRIP
from avance.apps.routes.solver.pricing import Priced


@dataclass(frozen=True, kw_only=True)
class Solved:
    """
    One solution of the linear program.
    """

    value: float
    shares: Floats
    numbers: Ints
    """Which duty of the pool each share is of; -1 for a trip left out."""
    prices: Floats
    kind_prices: Floats
    """What one vehicle more of each kind would save; never above 0."""
    bus_price: float


class Pool:
    """
    All duties that were ever found, each once, with their costs.
    """

    def __init__(self, block: Block, yard: Yard) -> None:
        self.block = block
        self.yard = yard
        self.duties: list[Duty] = []
        self.costs: list[float] = []
        self._known: dict[Duty, int] = {}

    def __len__(self) -> int:
        return len(self.duties)

    def add(self, duties: Iterable[Duty]) -> list[int]:
        """
        Their numbers.
        """
        return [self._number(duty, None) for duty in duties]

    def add_priced(self, kinds: Ints, found: Iterable[tuple[int, Priced]]) -> list[int]:
        """
        The same for what the pricing found, which has counted the minutes where its grid holds the best start times.
        """
        is_counted = self.block.unit_s is not None
        return [
            self._number((int(kinds[row]), one.chain), one.minutes if is_counted else None)
            for row, one in found
        ]

    def _number(self, duty: Duty, minutes: float | None) -> int:
        number = self._known.get(duty)
        if number is None:
            number = self._known[duty] = len(self.duties)
            self.duties.append(duty)
            yard = self.yard
            self.costs.append(
                yard.cost_of(self.block, duty)
                if minutes is None
                else yard.cost_between(duty, minutes)
            )
        return number

    def cost_of_plan(self, plan: Sequence[Duty]) -> float:
        self.add(plan)
        left_out = self.block.size - sum(len(chain) for _, chain in plan)
        driven = sum(self.costs[self._known[duty]] for duty in plan)
        return driven + left_out * self.yard.unserved_cost


class Master:
    """
    Grows with the pool and is trimmed to what may still matter. Rows: each trip, the count of buses, each kind of vehicle.
    """

    def __init__(self, pool: Pool, buses_min: int = 0) -> None:
        self._pool = pool
        size, yard = pool.block.size, pool.yard
        self.is_open: Bools = np.ones(size, dtype=bool)
        self._numbers: Ints = np.empty(0, dtype=np.int64)
        self._solver = solver = highspy.Highs()  # type: ignore[no-untyped-call]
        solver.setOptionValue("output_flag", False)
        # As for chains without depots: the primal simplex goes on from where it was when columns come.
        solver.setOptionValue("simplex_strategy", 4)
        solver.setOptionValue("presolve", "off")
        none, nothing = np.empty(0, dtype=np.int32), np.empty(0)
        infinite = highspy.kHighsInf
        solver.addRows(size, np.ones(size), np.full(size, infinite), 0, none, none, nothing)
        solver.addRows(
            1, np.full(1, float(buses_min)), np.full(1, infinite), 0, none, none, nothing
        )
        solver.addRows(
            yard.kinds,
            np.full(yard.kinds, -infinite),
            yard.count.astype(float),
            0,
            none,
            none,
            nothing,
        )
        # A trip left out counts as a bus: without it the others may need one fewer.
        index = np.stack([np.arange(size), np.full(size, size)], axis=1).ravel()
        self._add(np.full(size, yard.unserved_cost), np.arange(size) * 2, index)
        self._numbers = np.full(size, -1, dtype=np.int64)
        self._has: set[int] = set()

    def _add(self, costs: Floats, starts: Ints, index: Ints) -> None:
        self._solver.addCols(
            len(costs),
            costs,
            np.zeros(len(costs)),
            np.full(len(costs), highspy.kHighsInf),
            len(index),
            starts.astype(np.int32),
            index.astype(np.int32),
            np.ones(len(index)),
        )

    def take(self, numbers: Iterable[int]) -> bool:
        """
        Take in these duties of the pool; whether one is new here.
        """
        pool = self._pool
        fresh = [
            number
            for number in dict.fromkeys(numbers)
            if number not in self._has and self.is_open[list(pool.duties[number][1])].all()
        ]
        if not fresh:
            return False
        self._has.update(fresh)
        size = pool.block.size
        rows = [
            (*chain, size, size + 1 + kind) for kind, chain in map(pool.duties.__getitem__, fresh)
        ]
        lengths = np.array([len(one) for one in rows])
        starts = np.concatenate(([0], np.cumsum(lengths)[:-1]))
        index = np.array([row for one in rows for row in one])
        self._add(np.array([pool.costs[number] for number in fresh]), starts, index)
        self._numbers = np.concatenate((self._numbers, np.array(fresh, dtype=np.int64)))
        return True

    def begin_exact(self) -> None:
        """
        The first solution of many columns at once, for which the default is quicker.
        """
        self._solver.setOptionValue("simplex_strategy", 1)
        self._solver.setOptionValue("presolve", "on")
        self.cover_once()
        self._solver.setOptionValue("presolve", "off")

    def need(self, buses: int) -> None:
        """
        No plan has fewer buses.
        """
        self._solver.changeRowBounds(self._pool.block.size, float(buses), highspy.kHighsInf)

    def cover_once(self) -> None:
        """
        From now on no trip may be driven twice, which may be cheaper on paper where waiting costs.
        """
        for trip in range(self._pool.block.size):
            self._solver.changeRowBounds(trip, 1.0, 1.0)
        # What was best keeps its prices and has lost its plan, which is what the dual simplex begins with.
        self._solver.setOptionValue("simplex_strategy", 1)
        self._solver.run()
        self._solver.setOptionValue("simplex_strategy", 4)

    def settle(self, duties: Iterable[Duty], left: Ints) -> None:
        """
        These are driven: nothing else drives their trips, and so many vehicles are left.
        """
        size, solver = self._pool.block.size, self._solver
        for trip in sorted(trip for _, chain in duties for trip in chain):
            self.is_open[trip] = False
            solver.changeRowBounds(trip, -highspy.kHighsInf, highspy.kHighsInf)
        solver.changeRowBounds(size, 0.0, highspy.kHighsInf)
        for kind, count in enumerate(left.tolist()):
            solver.changeRowBounds(size + 1 + kind, -highspy.kHighsInf, float(count))
        for column, number in enumerate(self._numbers.tolist()):
            if number >= 0 and not self.is_open[list(self._pool.duties[number][1])].all():
                solver.changeColBounds(column, 0.0, 0.0)

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
        # Trips left out stay: with them the program can be solved whatever is settled.
        reduced[self._numbers < 0] = -np.inf
        dropped = np.sort(np.argsort(reduced)[keep:]).astype(np.int32)
        self._solver.deleteCols(len(dropped), dropped)
        self._has.difference_update(self._numbers[dropped].tolist())
        self._numbers = np.delete(self._numbers, dropped)

    def solve(self) -> Solved:
        self._solver.run()
        solution = self._solver.getSolution()
        duals, size = np.array(solution.row_dual), self._pool.block.size
        prices = duals[:size].copy()
        prices[~self.is_open] = 0.0
        return Solved(
            value=float(self._solver.getInfo().objective_function_value),
            shares=np.array(solution.col_value),
            numbers=self._numbers,
            prices=prices,
            kind_prices=np.minimum(duals[size + 1 :], 0.0),
            bus_price=max(float(duals[size]), 0.0),
        )


def best_selection(
    pool: Pool, numbers: Sequence[int], *, value: float, time_s: float, seed: int
) -> list[Duty] | None:
    """
    The best plan of some duties of the pool, as far as the time allows; None when none costs less than `value`.
    """
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    for name, option in (
        ("output_flag", False),
        ("time_limit", time_s),
        ("random_seed", seed),
        ("mip_rel_gap", 1e-9),
        ("objective_bound", value),
    ):
        solver.setOptionValue(name, option)
    size, yard = pool.block.size, pool.yard
    none, nothing, ones = np.empty(0, dtype=np.int32), np.empty(0), np.ones(size)
    solver.addRows(size, ones, ones, 0, none, none, nothing)
    least = np.full(yard.kinds, -highspy.kHighsInf)
    solver.addRows(yard.kinds, least, yard.count.astype(float), 0, none, none, nothing)
    rows: list[Chain] = [(trip,) for trip in range(size)]
    rows += [(*chain, size + kind) for kind, chain in map(pool.duties.__getitem__, numbers)]
    costs = np.array([yard.unserved_cost] * size + [pool.costs[number] for number in numbers])
    lengths = np.array([len(one) for one in rows])
    starts = np.concatenate(([0], np.cumsum(lengths)[:-1])).astype(np.int32)
    index = np.array([row for one in rows for row in one], dtype=np.int32)
    count = len(costs)
    solver.addCols(
        count,
        costs,
        np.zeros(count),
        np.ones(count),
        len(index),
        starts,
        index,
        np.ones(len(index)),
    )
    solver.changeColsIntegrality(
        count,
        np.arange(count, dtype=np.int32),
        np.full(count, highspy.HighsVarType.kInteger),
    )
    solver.run()
    solution = solver.getSolution()
    if not solution.value_valid or solver.getInfo().objective_function_value > value - 1e-6:
        return None
    chosen = np.flatnonzero(np.array(solution.col_value)[size:] > 0.5)
    return [pool.duties[numbers[number]] for number in chosen.tolist()]
