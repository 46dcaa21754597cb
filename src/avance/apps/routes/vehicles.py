"""
The vehicles that there are: so many of each type, each at its depot. Without any, a bus comes from nowhere and is of any size.
"""

from collections.abc import Sequence

from avance.apps.routes.geo import distance_km, is_place
from avance.apps.routes.model import RULES, Point, Route, Rules, Trip, Vehicle
from avance.apps.routes.trips import Roads, gap_min
from avance.errors import InvalidRequest

TYPES_MAX = 16
VEHICLES_MAX = 5_000
FAR_KM = 150.0
"""A depot further from every stop than a school bus ever drives."""


def depot_point(vehicle: Vehicle) -> Point | None:
    return None if vehicle.depot is None else Point(vehicle.depot.lat, vehicle.depot.lon)


def pull_out_min(vehicle: Vehicle, trip: Trip, roads: Roads, rules: Rules = RULES) -> int:
    """
    From the depot to the start of the first route, counted as the way between two routes; 0 without a depot.
    """
    depot = depot_point(vehicle)
    return 0 if depot is None else gap_min(depot, trip.start, roads, rules)


def pull_in_min(vehicle: Vehicle, trip: Trip, roads: Roads, rules: Rules = RULES) -> int:
    depot = depot_point(vehicle)
    return 0 if depot is None else gap_min(trip.end, depot, roads, rules)


def fits(vehicle: Vehicle, trip: Trip) -> bool:
    """
    R7: the size of the vehicle is one of the sizes that the route may be driven with; where the size is known, nobody stands.
    """
    seats = vehicle.seats
    return seats is None or max(trip.seats_min, trip.demand) <= seats <= trip.seats_max


def check_vehicles(vehicles: Sequence[Vehicle], routes: Sequence[Route]) -> None:
    """
    Raises:
        InvalidRequest: No plan can be made with these, and why.
    """
    if len(vehicles) > TYPES_MAX:
        raise _unusable(f"there are {len(vehicles)} types, the most is {TYPES_MAX}")
    seen: set[str] = set()
    for vehicle in vehicles:
        if not vehicle.id.strip() or vehicle.id in seen:
            raise _unusable(
                f"the id {vehicle.id!r} is empty or there twice; give each type its own"
            )
        seen.add(vehicle.id)
        if not 1 <= vehicle.count <= VEHICLES_MAX:
            raise _unusable(
                f"type {vehicle.id!r} has count {vehicle.count}; write 1 to {VEHICLES_MAX}, or leave the type out"
            )
        if vehicle.seats is not None and vehicle.seats < 1:
            raise _unusable(f"type {vehicle.id!r} has {vehicle.seats:g} seats; write at least 1")
        _check_depot(vehicle, routes)


def _check_depot(vehicle: Vehicle, routes: Sequence[Route]) -> None:
    depot = vehicle.depot
    if depot is None:
        return
    if not (-90 <= depot.lat <= 90 and -180 <= depot.lon <= 180 and is_place(depot.lat, depot.lon)):
        raise _unusable(
            f"the depot of type {vehicle.id!r} is at ({depot.lat:g}, {depot.lon:g}), which is no place"
        )
    nearest_km = min(
        (
            distance_km(stop.lat, stop.lon, depot.lat, depot.lon)
            for route in routes
            for stop in route.stops
            if is_place(stop.lat, stop.lon)
        ),
        default=0.0,
    )
    if nearest_km > FAR_KM:
        raise _unusable(
            f"the depot of type {vehicle.id!r} is {nearest_km:.0f} km from the nearest stop, the most is {FAR_KM:g}; "
            "are lat and lon swapped?"
        )


def _unusable(why: str) -> InvalidRequest:
    return InvalidRequest(f"the vehicles cannot be used: {why}", code="vehicles_unusable")
