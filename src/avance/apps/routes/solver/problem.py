"""
From trips to blocks of arrays.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from avance.apps.routes.capacity import HUGE, LARGE_STEP, MEDIUM_STEP, MID, group_of, size_class
from avance.apps.routes.geo import EARTH_KM
from avance.apps.routes.model import RULES, Point, Rules, Trip
from avance.apps.routes.solver.block import MINUTE, Block, Bools, Floats, Ints
from avance.apps.routes.trips import Roads, gap_min

ROUNDING = 1e-9
"""Arrays and single numbers may differ in the last bit; where that decides about a whole minute, the longer way is taken."""


class Wanted(NamedTuple):
    """
    What the planner wants of links, over all trips.
    """

    cost: Floats
    is_allowed: Bools
    shift_weight: float = 1.0


def blocks_of(trips: Sequence[Trip], gaps: Ints, wanted: Wanted | None = None) -> list[Block]:
    """
    The trips by groups that never share a bus. `gaps` are seconds from the end of each to the start of each.
    """
    if wanted is None:
        wanted = Wanted(gaps / MINUTE, np.ones(gaps.shape, dtype=bool))
    groups = np.array([group_of(trip.demand) for trip in trips])
    return [
        _block(trips, np.flatnonzero(groups == group), gaps, wanted)
        for group in sorted(set(groups.tolist()))
    ]


def whole_block(trips: Sequence[Trip], gaps: Ints, wanted: Wanted | None = None) -> Block:
    """
    All trips in one, for where buses of several groups share what vehicles there are.
    """
    if wanted is None:
        wanted = Wanted(gaps / MINUTE, np.ones(gaps.shape, dtype=bool))
    return _block(trips, np.arange(len(trips)), gaps, wanted)


def great_circle_gaps(trips: Sequence[Trip], rules: Rules = RULES) -> Ints:
    """
    All gaps without roads, at once.
    """
    lat_a, lon_a, has_a = _places([trip.end for trip in trips])
    lat_b, lon_b, has_b = _places([trip.start for trip in trips])
    gaps = np.empty((len(trips), len(trips)), dtype=np.int64)
    for row in range(len(trips)):
        half_lat = (lat_b - lat_a[row]) / 2
        half_lon = (lon_b - lon_a[row]) / 2
        h = np.sin(half_lat) ** 2 + np.cos(lat_a[row]) * np.cos(lat_b) * np.sin(half_lon) ** 2
        km = 2 * EARTH_KM * np.arcsin(np.minimum(1.0, np.sqrt(h)))
        minutes = np.maximum(5, np.floor(km / rules.speed_km_h * 60 + ROUNDING) + 3) + 2
        gaps[row] = np.where(has_a[row] & has_b, minutes, rules.gap_unknown_min)
    return gaps * MINUTE


def road_gaps(trips: Sequence[Trip], roads: Roads, wanted: Bools, rules: Rules = RULES) -> Ints:
    """
    Gaps by road where they are wanted, and great circles elsewhere.
    """
    gaps = great_circle_gaps(trips, rules)
    for i, j in np.argwhere(wanted).tolist():
        gaps[i, j] = gap_min(trips[i].end, trips[j].start, roads, rules) * MINUTE
    return gaps


def in_time(trips: Sequence[Trip], gap_min_s: int) -> Bools:
    """
    [i, j]: j could follow i if the way took this long. What is False here needs no travel time.
    """
    earliest = np.array([trip.earliest_s + trip.duration_s for trip in trips])
    latest = np.array([trip.latest_s for trip in trips])
    groups = np.array([group_of(trip.demand) for trip in trips])
    may: Bools = (earliest[:, None] + gap_min_s <= latest[None, :]) & (
        groups[:, None] == groups[None, :]
    )
    np.fill_diagonal(may, val=False)
    return may


def _block(trips: Sequence[Trip], chosen: Ints, gaps: Ints, wanted: Wanted) -> Block:
    # In the order of their earliest start nearly no link goes back, which is what the pricing walks along.
    ids = np.array(sorted(chosen.tolist(), key=lambda number: (trips[number].earliest_s, number)))
    mine = [trips[number] for number in ids]
    demand = np.array([trip.demand for trip in mine])
    return Block(
        ids=ids,
        lo=np.array([trip.earliest_s for trip in mine], dtype=np.int64),
        hi=np.array([trip.latest_s for trip in mine], dtype=np.int64),
        nominal=np.array([trip.nominal_s for trip in mine], dtype=np.int64),
        duration=np.array([trip.duration_s for trip in mine], dtype=np.int64),
        gap=gaps[np.ix_(ids, ids)],
        cost=wanted.cost[np.ix_(ids, ids)],
        shift_weight=np.full(len(ids), wanted.shift_weight),
        may_follow=_may_follow(demand) & wanted.is_allowed[np.ix_(ids, ids)],
        low=np.array([trip.seats_min for trip in mine]),
        high=np.array([trip.seats_max for trip in mine]),
    )


def _may_follow(demand: Floats) -> Bools:
    """
    R6 for all pairs. Demands are few: thousands of trips take what hundreds do.
    """
    values, at = np.unique(demand, return_inverse=True)
    may: Bools = _may_follow_by_value(values)[at[:, None], at]
    return may


def _may_follow_by_value(demand: Floats) -> Bools:
    groups = np.array([group_of(value) for value in demand.tolist()])
    difference = np.abs(demand[:, None] - demand[None, :])
    large = _may_follow_large(demand, difference)
    of_group = np.select(
        [groups[:, None] == 0, groups[:, None] == 1], [True, difference <= MEDIUM_STEP], large
    )
    may: Bools = of_group & (groups[:, None] == groups[None, :])
    return may


def _may_follow_large(demand: Floats, difference: Floats) -> Bools:
    classes = np.array([size_class(value) for value in demand.tolist()])
    step = np.abs(classes[:, None] - classes[None, :])
    upper = np.maximum(demand[:, None], demand[None, :])
    lower = np.minimum(demand[:, None], demand[None, :])
    may: Bools = (difference <= LARGE_STEP) & (step <= 1) & ~((upper >= HUGE) & (lower <= MID))
    return may


def _places(points: Sequence[Point | None]) -> tuple[Floats, Floats, Bools]:
    has = np.array([point is not None for point in points])
    lat = np.radians([0.0 if point is None else point.lat for point in points])
    lon = np.radians([0.0 if point is None else point.lon for point in points])
    return lat, lon, has
