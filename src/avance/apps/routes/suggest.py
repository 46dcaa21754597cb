"""
Which bell time to move: how far the bound on buses falls when all services of a school come earlier or later.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from avance.apps.routes.model import MINUTE, RULES, Route, Trip
from avance.apps.routes.solver.block import Ints
from avance.apps.routes.solver.bounds import matching_bound
from avance.apps.routes.solver.problem import blocks_of

SHIFTS_MIN = (-15, 15)
SCHOOLS_MAX = 40
TRIPS_MAX = 400
SHOWN_MAX = 5


def bell_times(
    trips: Sequence[Trip], gaps: Ints, routes: Mapping[str, Route]
) -> list[dict[str, Any]]:
    """
    The schools whose move lowers the bound most, the best first. That a plan with so few buses exists is shown by a what-if.
    """
    schools: dict[str, list[int]] = {}
    for number, trip in enumerate(trips):
        school = routes[trip.route_id].school_id
        if school is not None:
            schools.setdefault(school, []).append(number)
    if len(trips) > TRIPS_MAX or len(schools) > SCHOOLS_MAX:
        return []
    before = _bound(trips, gaps)
    found = []
    for school, numbers in schools.items():
        for minutes in SHIFTS_MIN:
            after = _bound(_shifted(trips, numbers, minutes), gaps)
            if after < before:
                found.append(
                    {
                        "school_id": school,
                        "minutes": minutes,
                        "bound_before": before,
                        "bound_after": after,
                        "routes": len(numbers),
                    }
                )
    return sorted(found, key=lambda one: (one["bound_after"], one["routes"]))[:SHOWN_MAX]


def _bound(trips: Sequence[Trip], gaps: Ints) -> int:
    return sum(matching_bound(block).buses for block in blocks_of(trips, gaps))


def _shifted(trips: Sequence[Trip], numbers: Sequence[int], minutes: int) -> list[Trip]:
    moved = list(trips)
    for number in numbers:
        trip = trips[number]
        seconds = minutes * MINUTE
        latest = trip.latest_s + seconds
        moved[number] = replace(
            trip,
            fixed_s=trip.fixed_s + seconds,
            nominal_s=trip.nominal_s + seconds,
            earliest_s=min(max(trip.earliest_s + seconds, RULES.day_begins_s), latest),
            latest_s=latest,
        )
    return moved
