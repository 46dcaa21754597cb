"""
The part of a problem whose trips can share buses, as arrays. Trips of different blocks never meet on a bus, so each block is solved alone.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

MINUTE = 60
UNITS_S = (60, 30, 20, 15)
"""Grids of start times that the pricing can afford."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """
    Times in seconds, costs in minutes. Trips are in the order of their earliest start.
    """

    ids: Ints
    """Their numbers in the whole problem."""
    lo: Ints
    hi: Ints
    nominal: Ints
    duration: Ints
    gap: Ints
    """[i, j]: from the end of i to the start of j."""
    cost: Floats
    """[i, j]: what that way costs, in minutes or what counts as such."""
    shift_weight: Floats
    """What a minute of shift of each trip costs."""
    may_follow: Bools
    """[i, j]: rules other than time let j follow i directly."""
    low: Floats
    high: Floats
    """The capacity window; all windows of a bus have a common value."""

    @property
    def size(self) -> int:
        return len(self.ids)

    @cached_property
    def links(self) -> Bools:
        """
        j may follow i at the best allowed times of both.
        """
        ready = self.lo[:, None] + self.duration[:, None] + self.gap
        meet = (self.low[:, None] <= self.high[None, :]) & (self.low[None, :] <= self.high[:, None])
        links: Bools = (ready <= self.hi[None, :]) & self.may_follow & meet
        np.fill_diagonal(links, val=False)
        return links

    @cached_property
    def unit_s(self) -> int | None:
        """
        The coarsest grid on which every start time that matters lies; None when only a finer one would do.
        """
        for unit in UNITS_S:
            if not any(
                (times % unit).any() for times in (self.lo, self.hi, self.nominal, self.duration)
            ):
                return unit
        return None

    @cached_property
    def is_grid_exact(self) -> bool:
        """
        Whether the best chains on the grid are the best of all: the grid holds all times, and no link goes back in the order of trips.
        """
        return self.unit_s is not None and not np.tril(self.links).any()

    @cached_property
    def is_whole(self) -> bool:
        """
        Whether every plan costs a whole number.
        """
        costs = (self.cost[self.links], self.shift_weight)
        return self.unit_s == MINUTE and not any((some % 1).any() for some in costs)

    @cached_property
    def seat_values(self) -> list[float]:
        """
        Sizes of vehicle such that every set of windows with a common value has one of these in common.
        """
        values = sorted(set(self.low.tolist()))
        fits = {
            value: frozenset(np.flatnonzero((self.low <= value) & (value <= self.high)).tolist())
            for value in values
        }
        return [
            value
            for value in values
            if not any(
                fits[value] < fits[other] or (fits[value] == fits[other] and other > value)
                for other in values
                if other != value
            )
        ]

    def part(self, trips: Ints) -> "Block":
        """
        The same for some of the trips.
        """
        square = np.ix_(trips, trips)
        return Block(
            ids=self.ids[trips],
            lo=self.lo[trips],
            hi=self.hi[trips],
            nominal=self.nominal[trips],
            duration=self.duration[trips],
            gap=self.gap[square],
            cost=self.cost[square],
            shift_weight=self.shift_weight[trips],
            may_follow=self.may_follow[square],
            low=self.low[trips],
            high=self.high[trips],
        )
