"""
From types of vehicle to arrays.
"""

from collections.abc import Sequence

import numpy as np

from avance.apps.routes.geo import distance_km
from avance.apps.routes.model import RULES, Point, Rules, Trip, Vehicle
from avance.apps.routes.solver.block import Block, Bools, Floats
from avance.apps.routes.solver.depots.yard import Yard
from avance.apps.routes.solver.master import BUS_COST
from avance.apps.routes.trips import Roads
from avance.apps.routes.vehicles import depot_point, fits, pull_in_min, pull_out_min
from avance.apps.routes.wishes import UNKNOWN_KM

UNSERVED_COST = 10 * BUS_COST


def yard_of(
    vehicles: Sequence[Vehicle],
    trips: Sequence[Trip],
    block: Block,
    roads: Roads,
    *,
    is_far: bool = False,
    rules: Rules = RULES,
) -> Yard:
    """
    Args:
        is_far: Kilometres count, not minutes.
    """
    mine = [trips[number] for number in block.ids.tolist()]
    shape = (len(vehicles), len(mine))
    out: Floats = np.zeros(shape)
    back: Floats = np.zeros(shape)
    may: Bools = np.zeros(shape, dtype=bool)
    for kind, vehicle in enumerate(vehicles):
        depot = depot_point(vehicle)
        for place, trip in enumerate(mine):
            may[kind, place] = fits(vehicle, trip)
            if depot is not None and is_far:
                out[kind, place] = _km(depot, trip.start)
                back[kind, place] = _km(trip.end, depot)
            elif depot is not None:
                out[kind, place] = pull_out_min(vehicle, trip, roads, rules)
                back[kind, place] = pull_in_min(vehicle, trip, roads, rules)
    return Yard(
        out=out + BUS_COST,
        back=back,
        fits=may,
        count=np.array([vehicle.count for vehicle in vehicles], dtype=np.int64),
        bus_cost=BUS_COST,
        unserved_cost=UNSERVED_COST,
    )


def _km(a: Point | None, b: Point | None) -> float:
    return UNKNOWN_KM if a is None or b is None else distance_km(a.lat, a.lon, b.lat, b.lon)
