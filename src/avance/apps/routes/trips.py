"""
From routes to trips: which way round, how long, when, and in what vehicle. docs/contract/routes.md, 3.3.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Protocol

from msgspec.structs import replace

from avance.apps.routes.capacity import declared_range, demand_of, window_of
from avance.apps.routes.geo import distance_km, is_place
from avance.apps.routes.model import (
    MINUTE,
    RULES,
    Kind,
    Point,
    Route,
    Rules,
    Stop,
    Trip,
    Unassigned,
    clock_seconds,
    clock_text,
)


class Roads(Protocol):
    """
    What is known of travel on roads; None where only a great circle is left.
    """

    def path_s(self, path: Sequence[Point], /) -> float | None: ...

    def pair_s(self, start: Point, end: Point, /) -> float | None: ...


class NoRoads:
    """
    No service of travel times is at hand.
    """

    def path_s(self, path: Sequence[Point], /) -> float | None:
        return None

    def pair_s(self, start: Point, end: Point, /) -> float | None:
        return None


def build_trips(
    routes: Iterable[Route], roads: Roads, rules: Rules = RULES
) -> tuple[list[Trip], list[Unassigned]]:
    """
    A trip for each route that can run, and for every other the reason why not.
    """
    trips: list[Trip] = []
    unassigned: list[Unassigned] = []
    for route in routes:
        trip = build_trip(route, roads, rules)
        if trip is None:
            reason = "no_usable_time"
        elif trip.earliest_s > trip.latest_s:
            reason = f"starts_before_{clock_text(rules.day_begins_s)[:5]}"
        elif trip.seats_min > trip.seats_max:
            reason = "no_vehicle_fits"
        else:
            trips.append(trip)
            continue
        unassigned.append(Unassigned(route_id=route.id, reason=reason))
    return trips, unassigned


def build_trip(route: Route, roads: Roads, rules: Rules = RULES) -> Trip | None:
    """
    The trip of one route; None without a time.
    """
    stops = run_order(route)
    planned_min = max((stop.time_from_start or 0 for stop in route.stops), default=0)
    duration_s = MINUTE * math.ceil(duration_min(stops, planned_min, roads, rules) - 1e-9)
    fixed_s = _fixed_s(route, duration_s)
    if fixed_s is None:
        return None
    is_entry = route.type is Kind.ENTRY
    nominal_s = fixed_s - duration_s if is_entry else fixed_s
    early_s = rules.entry_early_s if is_entry else rules.exit_early_s
    late_s = rules.entry_late_s if is_entry else rules.exit_late_s
    demand = demand_of(route)
    seats_min, seats_max = window_of(demand, declared_range(route))
    return Trip(
        route_id=route.id,
        kind=route.type,
        fixed_s=fixed_s,
        nominal_s=nominal_s,
        earliest_s=max(nominal_s - early_s, rules.day_begins_s),
        latest_s=nominal_s + late_s,
        duration_s=duration_s,
        start=_point(stops[0]),
        end=_point(stops[-1]),
        demand=demand,
        seats_min=seats_min,
        seats_max=seats_max,
    )


def run_order(route: Route) -> tuple[Stop, ...]:
    """
    The stops as the bus runs them: an exit begins at its school.
    """
    stops = tuple(sorted(route.stops, key=lambda stop: stop.order))
    if route.type is Kind.ENTRY or (len(stops) > 1 and stops[0].is_school):
        return stops
    total = max((stop.time_from_start or 0 for stop in stops), default=0)
    return tuple(
        replace(
            stop,
            order=number,
            time_from_start=None if stop.time_from_start is None else total - stop.time_from_start,
        )
        for number, stop in enumerate(reversed(stops), 1)
    )


def places_of(stops: Sequence[Stop]) -> list[Point]:
    return [point for stop in stops if (point := _point(stop)) is not None]


def duration_min(
    stops: Sequence[Stop], planned_min: float, roads: Roads, rules: Rules = RULES
) -> float:
    """
    Of the whole trip, not yet rounded.
    """
    places = places_of(stops)
    halts_min = rules.stop_min * len(stops)
    if len(places) == len(stops) > 1:
        road_s = roads.path_s(places)
        if road_s is not None:
            return max(road_s / MINUTE + halts_min, 1.0)
    if planned_min > 0:
        return planned_min
    if not places:
        return rules.duration_default_min
    path_km = sum(distance_km(a.lat, a.lon, b.lat, b.lon) for a, b in itertools.pairwise(places))
    return max(path_km / rules.speed_km_h * 60 + halts_min, rules.duration_min_min)


def gap_min(end: Point | None, start: Point | None, roads: Roads, rules: Rules = RULES) -> int:
    """
    From the end of one trip to the start of the next, with the buffer.
    """
    if end is None or start is None:
        return rules.gap_unknown_min
    road_s = roads.pair_s(end, start)
    if road_s is not None:
        return math.ceil(road_s / MINUTE - 1e-9) + rules.gap_buffer_min
    km = distance_km(end.lat, end.lon, start.lat, start.lon)
    return max(5, math.floor(km / rules.speed_km_h * 60) + 3) + 2


def _fixed_s(route: Route, duration_s: int) -> int | None:
    arrival = _seconds(route.arrival_time)
    departure = _seconds(route.departure_time)
    if route.type is Kind.ENTRY:
        return arrival if arrival is not None or departure is None else departure + duration_s
    return departure if departure is not None or arrival is None else arrival - duration_s


def _seconds(text: str | None) -> int | None:
    if text is None or not text.strip():
        return None
    try:
        return clock_seconds(text)
    except ValueError:
        return None


def _point(stop: Stop) -> Point | None:
    return Point(stop.lat, stop.lon) if is_place(stop.lat, stop.lon) else None
