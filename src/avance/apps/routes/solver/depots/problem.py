"""
From types of vehicle to arrays.
"""

from collections.abc import Sequence

import numpy as np

from avance.apps.routes.goals import Goal, way_km
from avance.apps.routes.model import RULES, Rules, Trip, Vehicle
from avance.apps.routes.solver.block import MINUTE, Block, Bools, Floats
from avance.apps.routes.solver.depots.yard import Yard
from avance.apps.routes.solver.master import BUS_COST
from avance.apps.routes.trips import Roads
from avance.apps.routes.vehicles import depot_point, fits, pull_in_min, pull_out_min

UNSERVED_COST = 10 * BUS_COST


def yard_of(
    vehicles: Sequence[Vehicle],
    trips: Sequence[Trip],
    block: Block,
    roads: Roads,
    *,
    is_far: bool = False,
    goal: Goal | None = None,
    rules: Rules = RULES,
) -> Yard:
    """
    Args:
        is_far: Kilometres count, not minutes.
        goal: What kilometres and vehicles count by its weights.
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
            if depot is not None and (is_far or goal):
                per_km = goal.per_km(trip.demand) if goal else 1.0
                out[kind, place] = per_km * way_km(depot, trip.start)
                back[kind, place] = per_km * way_km(trip.end, depot)
            elif depot is not None:
                out[kind, place] = pull_out_min(vehicle, trip, roads, rules)
                back[kind, place] = pull_in_min(vehicle, trip, roads, rules)
    bus_cost = goal.weights.buses if goal else BUS_COST
    ends = float(out.max(initial=0.0) + back.max(initial=0.0))
    return Yard(
        out=out + bus_cost,
        back=back,
        fits=may,
        count=np.array([vehicle.count for vehicle in vehicles], dtype=np.int64),
        bus_cost=bus_cost,
        unserved_cost=unserved_cost(block, bus_cost + ends) if goal else UNSERVED_COST,
    )


def one_kind(block: Block, bus_cost: float) -> Yard:
    """
    As many buses as there are trips, from nowhere.
    """
    nothing = np.zeros((1, block.size))
    return Yard(
        out=nothing + bus_cost,
        back=nothing,
        fits=np.ones((1, block.size), dtype=bool),
        count=np.array([block.size], dtype=np.int64),
        bus_cost=bus_cost,
        unserved_cost=unserved_cost(block, bus_cost),
    )


def unserved_cost(block: Block, vehicle: float) -> float:
    """
    Far more than leaving out one trip can save: its vehicle, the links around it, and the shifts of its bus.
    """
    links = float(np.abs(np.where(block.links, block.cost, 0.0)).max(initial=0.0))
    shift = np.maximum(block.hi - block.nominal, block.nominal - block.lo) / MINUTE
    return 10.0 * (vehicle + 2.0 * links + float((block.shift_weight * shift).sum()))
