"""
The linear program of pieces and links. Rows: each trip; for each kind of vehicle and each trip, the pieces that have their door there less
the links from it; the count of buses.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import highspy
import numpy as np

from avance.apps.routes.solver.block import Floats
from avance.apps.routes.solver.chain import Chain
from avance.apps.routes.solver.cover import INFINITE, add_columns, add_rows, quiet_solver
from avance.apps.routes.solver.seam.problem import Link, Piece, Seam

Column = Piece | Link


@dataclass(frozen=True, kw_only=True)
class Prices:
    """
    What each row is worth.
    """

    trips: Floats
    doors: Floats
    """[kind, trip]"""
    bus: float
    """What the count of buses adds to each."""

    def towards(self, other: "Prices", share: float) -> "Prices":
        """
        So far from these to others.
        """
        return Prices(
            trips=(1 - share) * self.trips + share * other.trips,
            doors=(1 - share) * self.doors + share * other.doors,
            bus=(1 - share) * self.bus + share * other.bus,
        )


@dataclass(frozen=True, kw_only=True)
class Solved:
    """
    One solution of the linear program.
    """

    value: float
    shares: Floats
    """Of each column."""
    prices: Prices


class SeamMaster:
    """
    Grows, and can be narrowed to what a dive has decided.
    """

    def __init__(self, seam: Seam, buses_min: int) -> None:
        self._seam = seam
        self._size = seam.block.size
        self._has: set[Column] = set()
        self._is_once = False
        self.columns: list[Column] = []
        self.costs: list[float] = []
        self._solver = quiet_solver()
        self._last = add_seam_rows(self._solver, seam, trips_most=INFINITE)
        self.need(buses_min)
        # As in the program of whole buses: the primal simplex goes on from where it was.
        self._solver.setOptionValue("simplex_strategy", 4)
        self._solver.setOptionValue("presolve", "off")

    def need(self, buses: int) -> None:
        """
        No plan has fewer buses.
        """
        self._solver.changeRowBounds(self._last, float(buses), INFINITE)

    def cover_once(self) -> None:
        """
        From now on no trip may be driven twice.
        """
        self._is_once = True
        for trip in range(self._size):
            self._solver.changeRowBounds(trip, 1.0, 1.0)
        self._solver.setOptionValue("simplex_strategy", 1)
        self._solver.run()
        self._solver.setOptionValue("simplex_strategy", 4)

    def take_pieces(self, minutes: Mapping[Piece, float]) -> bool:
        """
        With what each costs beside its bus; whether one of them was not here.
        """
        fresh = [piece for piece in minutes if piece not in self._has]
        return self._take(fresh, [self._seam.bus_cost + minutes[piece] for piece in fresh])

    def take_links(self, links: Iterable[Link]) -> bool:
        """
        A link makes one bus of two.
        """
        cost = self._seam.block.cost
        fresh = [link for link in dict.fromkeys(links) if link not in self._has]
        return self._take(
            fresh, [float(cost[one.before, one.after]) - self._seam.bus_cost for one in fresh]
        )

    def chain_of(self, number: int) -> Chain:
        """
        Of a piece; a link drives nothing.
        """
        column = self.columns[number]
        return column.chain if isinstance(column, Piece) else ()

    def solve(self) -> Solved:
        self._solver.run()
        solution = self._solver.getSolution()
        duals = np.array(solution.row_dual)
        trips, doors = duals[: self._size], np.maximum(duals[self._size : self._last], 0.0)
        return Solved(
            value=float(self._solver.getInfo().objective_function_value),
            shares=np.array(solution.col_value),
            prices=Prices(
                trips=trips if self._is_once else np.maximum(trips, 0.0),
                doors=doors.reshape(self._seam.kinds, self._size),
                bus=max(float(duals[self._last]), 0.0),
            ),
        )

    def limit(self, numbers: Sequence[int], least: float, most: float) -> None:
        """
        Of each of these columns at least and at most so much.
        """
        count = len(numbers)
        self._solver.changeColsBounds(
            count, np.array(numbers, dtype=np.int32), np.full(count, least), np.full(count, most)
        )

    def _take(self, fresh: Sequence[Column], costs: Sequence[float]) -> bool:
        if not fresh:
            return False
        self._has.update(fresh)
        self.columns += fresh
        self.costs += costs
        add_seam_columns(self._solver, self._seam, fresh, np.array(costs), most=INFINITE)
        return True


def add_seam_rows(solver: highspy.Highs, seam: Seam, *, trips_most: float) -> int:
    """
    The number of the last of them, which counts the buses.
    """
    size = seam.block.size
    doors = seam.kinds * size
    add_rows(solver, np.ones(size), np.full(size, trips_most))
    add_rows(solver, np.zeros(doors), np.full(doors, INFINITE))
    add_rows(solver, np.zeros(1), np.full(1, INFINITE))
    return size + doors


def add_seam_columns(
    solver: highspy.Highs, seam: Seam, columns: Sequence[Column], costs: Floats, *, most: float
) -> None:
    counts = [1.0 if isinstance(column, Piece) else -1.0 for column in columns]
    add_columns(
        solver, [_rows(seam, column) for column in columns], costs, most=most, counts=counts
    )


def _rows(seam: Seam, column: Column) -> list[int]:
    size = seam.block.size
    doors, last = size * (1 + column.kind), size * (1 + seam.kinds)
    if isinstance(column, Piece):
        return [*column.chain, doors + seam.door(column), last]
    return [doors + column.before, doors + column.after, last]
