"""
Cover every trip at the least cost, by a linear program that grows and is trimmed. A column is a bus with what it drives, of a kind of which
there are so many, or of no kind.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import highspy
import numpy as np

from avance.apps.routes.solver.block import Bools, Floats, Ints
from avance.apps.routes.solver.chain import Chain

COLUMNS_PER_TRIP = 6
"""So many stay in the linear program; with all of them a round takes ten times as long."""
INFINITE = float(highspy.kHighsInf)
NO_KINDS: Ints = np.empty(0, dtype=np.int64)


class Columns(Protocol):
    """
    What there is to choose from, by number.
    """

    def trips_of(self, number: int, /) -> Chain: ...

    def kind_of(self, number: int, /) -> int | None: ...

    def cost_of(self, number: int, /) -> float: ...

    def stays(self, number: int, /) -> bool:
        """
        Whether it is kept however dear it is, so that the program can be solved whatever is closed.
        """


@dataclass(frozen=True, kw_only=True)
class Solved:
    """
    One solution of the linear program.
    """

    value: float
    shares: Floats
    numbers: Ints
    """Which column of the pool each share is of; -1 for a trip left out."""
    prices: Floats
    """Of trips; 0 for those that are closed."""
    bus_price: float
    """What the count of buses adds to each."""
    kind_prices: Floats
    """What one vehicle more of each kind would save; never above 0."""


class Cover:
    """
    The linear program. Rows: each trip, the count of buses, each kind of vehicle.
    """

    def __init__(
        self, columns: Columns, trips: int, *, buses_min: int = 0, counts: Ints = NO_KINDS
    ) -> None:
        """
        Args:
            buses_min: No plan has fewer.
            counts: How many vehicles there are of each kind.
        """
        self._columns = columns
        self._trips = trips
        self.is_open: Bools = np.ones(trips, dtype=bool)
        self._numbers: Ints = np.empty(0, dtype=np.int64)
        """The place in the pool of each column."""
        self._has: set[int] = set()
        self._solver = quiet_solver()
        add_rows(self._solver, np.ones(trips), np.full(trips, INFINITE))
        # Known to be needed at least so many, the count of buses lifts the value to what whole buses cost.
        add_rows(self._solver, np.full(1, float(buses_min)), np.full(1, INFINITE))
        add_rows(self._solver, np.full(len(counts), -INFINITE), counts.astype(float))
        # The primal simplex goes on from where it was when columns come; the default starts anew (measured 5 to 20 times slower).
        self._solver.setOptionValue("simplex_strategy", 4)
        self._solver.setOptionValue("presolve", "off")

    def need(self, buses: int) -> None:
        """
        No plan has fewer buses.
        """
        self._solver.changeRowBounds(self._trips, float(buses), INFINITE)

    def leave(self, counts: Ints) -> None:
        """
        Only so many vehicles of each kind are left.
        """
        for row, count in enumerate(counts.tolist(), self._trips + 1):
            self._solver.changeRowBounds(row, -INFINITE, float(count))

    def take(self, numbers: Iterable[int]) -> bool:
        """
        Take in these columns; whether one of them was not here. Of those that were trimmed, some come back.
        """
        fresh = [
            number
            for number in dict.fromkeys(numbers)
            if number not in self._has and self._is_all_open(number)
        ]
        if not fresh:
            return False
        self._has.update(fresh)
        costs = np.array([self._columns.cost_of(number) for number in fresh])
        self._add(fresh, [self._rows_of(number) for number in fresh], costs)
        return True

    def allow_left_out(self, cost: float) -> None:
        """
        Each trip may be left out for this. That counts as a bus: without it the others may need one fewer.
        """
        rows = [(trip, self._trips) for trip in range(self._trips)]
        self._add([-1] * self._trips, rows, np.full(self._trips, cost))

    def cover_once(self) -> None:
        """
        From now on no trip may be driven twice. On paper that may be cheaper: a trip takes the bus to another place, or joins two sizes.
        """
        for trip in range(self._trips):
            self._solver.changeRowBounds(trip, 1.0, 1.0)
        # What was best keeps its prices and has lost its plan, which is what the dual simplex begins with.
        self._solver.setOptionValue("simplex_strategy", 1)
        self._solver.run()
        self._solver.setOptionValue("simplex_strategy", 4)

    def begin_exact(self) -> None:
        """
        The first solution of many columns at once, for which the default is quicker.
        """
        self._solver.setOptionValue("simplex_strategy", 1)
        self._solver.setOptionValue("presolve", "on")
        self.cover_once()
        self._solver.setOptionValue("presolve", "off")

    def close(self, trips: Iterable[int]) -> None:
        """
        These trips are settled: nothing covers them any more, and nothing needs to.
        """
        closed = sorted(trips)
        self.is_open[closed] = False
        for trip in closed:
            self._solver.changeRowBounds(trip, -INFINITE, INFINITE)
        for column, number in enumerate(self._numbers.tolist()):
            if number >= 0 and not self._is_all_open(number):
                self._solver.changeColBounds(column, 0.0, 0.0)

    def trim(self) -> None:
        """
        Drop the columns that are dearest at the present prices; the pool keeps them.
        """
        keep = COLUMNS_PER_TRIP * self._trips
        if len(self._numbers) <= 2 * keep:
            return
        solution = self._solver.getSolution()
        reduced = np.array(solution.col_dual)
        reduced[np.array(solution.col_value) > 0] = -np.inf
        stays = [number < 0 or self._columns.stays(number) for number in self._numbers.tolist()]
        reduced[np.array(stays)] = -np.inf
        dropped = np.sort(np.argsort(reduced)[keep:]).astype(np.int32)
        self._solver.deleteCols(len(dropped), dropped)
        self._has.difference_update(self._numbers[dropped].tolist())
        self._numbers = np.delete(self._numbers, dropped)

    def solve(self) -> Solved:
        self._solver.run()
        solution = self._solver.getSolution()
        duals = np.array(solution.row_dual)
        prices = duals[: self._trips].copy()
        prices[~self.is_open] = 0.0
        return Solved(
            value=float(self._solver.getInfo().objective_function_value),
            shares=np.array(solution.col_value),
            numbers=self._numbers,
            prices=prices,
            bus_price=max(float(duals[self._trips]), 0.0),
            kind_prices=np.minimum(duals[self._trips + 1 :], 0.0),
        )

    def _is_all_open(self, number: int) -> bool:
        return bool(self.is_open[list(self._columns.trips_of(number))].all())

    def _rows_of(self, number: int) -> tuple[int, ...]:
        kind = self._columns.kind_of(number)
        of_kind = () if kind is None else (self._trips + 1 + kind,)
        return (*self._columns.trips_of(number), self._trips, *of_kind)

    def _add(self, numbers: list[int], rows: Sequence[Sequence[int]], costs: Floats) -> None:
        add_columns(self._solver, rows, costs, most=INFINITE)
        self._numbers = np.concatenate((self._numbers, np.array(numbers, dtype=np.int64)))


def quiet_solver() -> highspy.Highs:
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    solver.setOptionValue("output_flag", False)
    return solver


def add_rows(solver: highspy.Highs, least: Floats, most: Floats) -> None:
    none, nothing = np.empty(0, dtype=np.int32), np.empty(0)
    solver.addRows(len(least), least, most, 0, none, none, nothing)


def add_columns(
    solver: highspy.Highs,
    rows: Sequence[Sequence[int]],
    costs: Floats,
    *,
    most: float,
    counts: Sequence[float] | None = None,
) -> None:
    """
    Columns that may be taken from not at all to so many times.

    Args:
        counts: How often each column counts in its rows; once without.
    """
    lengths = np.array([len(one) for one in rows])
    starts = np.concatenate(([0], np.cumsum(lengths)[:-1])).astype(np.int32)
    index = np.array([row for one in rows for row in one], dtype=np.int32)
    count = len(costs)
    solver.addCols(
        count,
        costs,
        np.zeros(count),
        np.full(count, most),
        len(index),
        starts,
        index,
        np.ones(len(index)) if counts is None else np.repeat(np.array(counts), lengths),
    )
