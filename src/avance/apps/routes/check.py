"""
An independent check of a schedule against the rules. It shares nothing with the search but the definition of a trip, and recomputes
every time, gap and capacity from the input.
"""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import UNSET

from avance.apps.routes.capacity import may_follow
from avance.apps.routes.model import (
    MINUTE,
    RULES,
    Bus,
    Item,
    Kind,
    Route,
    Rules,
    Trip,
    Vehicle,
    clock_seconds,
    clock_text,
)
from avance.apps.routes.trips import Roads, build_trip, gap_min
from avance.apps.routes.vehicles import fits, pull_in_min, pull_out_min


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    rule: str
    bus_id: str | None
    route_id: str | None
    detail: str


def check_schedule(
    routes: Sequence[Route],
    schedule: Sequence[Bus],
    roads: Roads,
    *,
    unassigned: Sequence[str] = (),
    buses_max: int | None = None,
    vehicles: Sequence[Vehicle] = (),
    rules: Rules = RULES,
) -> list[Violation]:
    """
    Every violation; none means the schedule may be driven.

    Args:
        unassigned: Routes that the schedule leaves out and says so. Leaving out one that could run is still a violation of R1,
            unless a limited fleet is used up.
        buses_max: The fleet.
        vehicles: The types that there are; each bus is then of one of them, and a route may be left out when all that fit it are used up.
    """
    trips = {route.id: build_trip(route, roads, rules) for route in routes}
    is_used_up = buses_max is not None and len(schedule) >= buses_max
    excused = set(unassigned) if is_used_up else set()
    if vehicles:
        excused |= _without_vehicle(trips, schedule, vehicles, unassigned)
    found = list(_served_once(trips, schedule, excused, rules))
    if buses_max is not None and len(schedule) > buses_max:
        found.append(
            _violation("fleet", None, None, f"{len(schedule)} buses of a fleet of {buses_max}")
        )
    for bus in schedule:
        found += _check_bus(bus, trips, roads, rules)
    if vehicles:
        found += _check_vehicles(schedule, trips, vehicles, roads, rules)
    served = {item.route_id for bus in schedule for item in bus.items}
    for route_id in unassigned:
        if route_id not in trips:
            found.append(_violation("R1", None, route_id, "left out, but there is no such route"))
        elif route_id in served:
            found.append(_violation("R1", None, route_id, "both served and left out"))
    return found


def _without_vehicle(
    trips: Mapping[str, Trip | None],
    schedule: Sequence[Bus],
    vehicles: Sequence[Vehicle],
    unassigned: Sequence[str],
) -> set[str]:
    """
    Those left out for which no vehicle stands idle that could drive them.
    """
    used = Counter(bus.vehicle for bus in schedule)
    idle = [vehicle for vehicle in vehicles if used[vehicle.id] < vehicle.count]
    return {
        route_id
        for route_id in unassigned
        if (trip := trips.get(route_id)) is not None
        and not any(fits(vehicle, trip) for vehicle in idle)
    }


def _check_vehicles(
    schedule: Sequence[Bus],
    trips: Mapping[str, Trip | None],
    vehicles: Sequence[Vehicle],
    roads: Roads,
    rules: Rules,
) -> list[Violation]:
    """
    No type more often than there are vehicles of it, each large and small enough, and the ways from and to its depot as they are.
    """
    types = {vehicle.id: vehicle for vehicle in vehicles}
    used = Counter(bus.vehicle for bus in schedule)
    found = [
        _violation("fleet", None, None, f"{used[one.id]} of type {one.id}, there are {one.count}")
        for one in vehicles
        if used[one.id] > one.count
    ]
    for bus in schedule:
        vehicle = types.get(bus.vehicle or "")
        if vehicle is None:
            text = f"is of type {bus.vehicle or 'nothing'}, which is not there"
            found.append(_violation("fleet", bus.bus_id, None, text))
            continue
        mine = [(item, trip) for item in bus.items if (trip := trips.get(item.route_id))]
        found += [
            _violation(
                "R7", bus.bus_id, trip.route_id,
                f"type {vehicle.id} has {vehicle.seats:g} seats, the route takes {max(trip.seats_min, trip.demand):g} to {trip.seats_max:g}",
            )
            for _, trip in mine
            if not fits(vehicle, trip)
        ]  # fmt: skip
        if mine and vehicle.depot is not None:
            found += _check_depot(bus, vehicle, mine, roads, rules)
    return found


def _check_depot(
    bus: Bus,
    vehicle: Vehicle,
    mine: Sequence[tuple[Item, Trip]],
    roads: Roads,
    rules: Rules,
) -> list[Violation]:
    """
    What the bus says of its depot, as far as it says anything.
    """
    (first, first_trip), (last, last_trip) = mine[0], mine[-1]
    out_min = pull_out_min(vehicle, first_trip, roads, rules)
    in_min = pull_in_min(vehicle, last_trip, roads, rules)
    try:
        leaves_s = clock_seconds(first.start_time) - MINUTE * out_min
        back_s = clock_seconds(last.start_time) + last_trip.duration_s + MINUTE * in_min
    except ValueError:
        return []  # Told already where the times of its routes are checked.
    said = (
        ("depot", bus.depot, vehicle.depot),
        ("pull_out_minutes", bus.pull_out_minutes, out_min),
        ("pull_in_minutes", bus.pull_in_minutes, in_min),
        ("leaves_depot", bus.leaves_depot, clock_text(leaves_s)),
        ("back_at_depot", bus.back_at_depot, clock_text(back_s)),
    )
    return [
        _violation("depot", bus.bus_id, None, f"{name} is {value}, by the way it is {truth}")
        for name, value, truth in said
        if value is not UNSET and value != truth
    ]


def _served_once(
    trips: Mapping[str, Trip | None], schedule: Sequence[Bus], excused: set[str], rules: Rules
) -> list[Violation]:
    counts = Counter(item.route_id for bus in schedule for item in bus.items)
    found = []
    for route_id, trip in trips.items():
        if counts[route_id] > 1:
            found.append(
                _violation("R1", None, route_id, f"served {counts[route_id]} times instead of once")
            )
        if counts[route_id] or route_id in excused or trip is None:
            continue
        if trip.latest_s >= rules.day_begins_s:
            found.append(
                _violation("R1", None, route_id, "not served, though it has a usable time")
            )
    found += [
        _violation("R1", None, route_id, "served, but there is no such route")
        for route_id in counts
        if route_id not in trips
    ]
    return found


def _check_bus(
    bus: Bus, trips: Mapping[str, Trip | None], roads: Roads, rules: Rules
) -> list[Violation]:
    found: list[Violation] = []
    known: list[tuple[Item, Trip, int]] = []
    for item in bus.items:
        trip = trips.get(item.route_id)
        if trip is None:
            if item.route_id in trips:
                found.append(_violation("R1", bus.bus_id, item.route_id, "has no usable time"))
            continue
        try:
            start_s = clock_seconds(item.start_time)
        except ValueError as error:
            found.append(_violation("R2", bus.bus_id, item.route_id, str(error)))
            continue
        known.append((item, trip, start_s))
        found += _check_times(bus, item, trip, start_s, rules)
    for before, after in itertools.pairwise(known):
        found += _check_pair(bus, before, after, roads, rules)
    found += _check_seats(bus, [trip for _, trip, _ in known])
    return found


def _check_times(bus: Bus, item: Item, trip: Trip, start_s: int, rules: Rules) -> list[Violation]:
    found = []
    shift_s = start_s - trip.nominal_s
    if trip.kind is Kind.ENTRY:
        rule, early_s, late_s = "R2", rules.entry_early_s, rules.entry_late_s
        actual_s = start_s + trip.duration_s
    else:
        rule, early_s, late_s = "R3", rules.exit_early_s, rules.exit_late_s
        actual_s = start_s
    if not -early_s <= shift_s <= late_s:
        found.append(
            _violation(
                rule,
                bus.bus_id,
                item.route_id,
                f"at {clock_text(actual_s)}, fixed {clock_text(trip.fixed_s)}: {shift_s / MINUTE:+g} min, "
                f"allowed {-early_s // MINUTE:+d} to {late_s // MINUTE:+d}",
            )
        )
    if start_s < rules.day_begins_s:
        found.append(
            _violation(
                "R4",
                bus.bus_id,
                item.route_id,
                f"starts at {clock_text(start_s)}, before {clock_text(rules.day_begins_s)}",
            )
        )
    return found


def _check_pair(
    bus: Bus,
    before: tuple[Item, Trip, int],
    after: tuple[Item, Trip, int],
    roads: Roads,
    rules: Rules,
) -> list[Violation]:
    found = []
    gap = gap_min(before[1].end, after[1].start, roads, rules)
    free_s = after[2] - (before[2] + before[1].duration_s)
    if gap * MINUTE > free_s:
        found.append(
            _violation(
                "R5",
                bus.bus_id,
                after[0].route_id,
                f"{gap} min from the end of {before[0].route_id}, but there are {free_s / MINUTE:g}",
            )
        )
    if not may_follow(before[1].demand, after[1].demand):
        found.append(
            _violation(
                "R6",
                bus.bus_id,
                after[0].route_id,
                f"demand {after[1].demand:g} may not follow {before[1].demand:g} of {before[0].route_id}",
            )
        )
    return found


def _check_seats(bus: Bus, trips: Sequence[Trip]) -> list[Violation]:
    if not trips:
        return []
    tightest_low = max(trips, key=lambda trip: trip.seats_min)
    tightest_high = min(trips, key=lambda trip: trip.seats_max)
    if tightest_low.seats_min <= tightest_high.seats_max:
        return []
    return [
        _violation(
            "R7",
            bus.bus_id,
            tightest_low.route_id,
            f"no size of vehicle fits all: {tightest_low.route_id} needs from {tightest_low.seats_min:g} seats, "
            f"{tightest_high.route_id} takes up to {tightest_high.seats_max:g}",
        )
    ]


def _violation(rule: str, bus_id: str | None, route_id: str | None, detail: str) -> Violation:
    return Violation(rule=rule, bus_id=bus_id, route_id=route_id, detail=detail)
