"""
The travel times of a schedule that is there already, for a check or an explanation.
"""

import itertools
import time
from collections.abc import Sequence
from contextlib import closing

from avance.apps.routes.model import Bus, Route, Vehicle
from avance.apps.routes.request import RoadOptions
from avance.apps.routes.travel.breaker import Breaker
from avance.apps.routes.travel.cache import Cache
from avance.apps.routes.travel.osrm import Osrm
from avance.apps.routes.travel.roads import Gatherer
from avance.apps.routes.trips import Roads, build_trip, places_of, run_order
from avance.apps.routes.vehicles import depot_point


def driven_roads(
    routes: Sequence[Route],
    schedule: Sequence[Bus],
    options: RoadOptions,
    vehicles: Sequence[Vehicle] = (),
) -> Roads:
    """
    Ask for the legs of all routes, for the gaps that are driven, and for the ways from and to the depots.
    """
    osrm = Osrm(
        options.table_url,
        timeout_s=options.timeout_s,
        breaker=Breaker(time.monotonic),
        sleep=time.sleep,
    )
    with closing(osrm), Cache(options.cache_path, options.table_url, time.time) as cache:  # noqa: TID251
        gatherer = Gatherer(osrm, cache, chunk=options.chunk)
        paths = [places_of(run_order(route)) for route in routes]
        gatherer.probe(point for path in paths for point in path)
        gatherer.legs(paths, lambda done, total: None)
        trips = {route.id: build_trip(route, gatherer.roads) for route in routes}
        driven = [[trips.get(item.route_id) for item in bus.items] for bus in schedule]
        depots = {one.id: depot_point(one) for one in vehicles}
        ways = [
            way
            for bus, mine in zip(schedule, driven, strict=True)
            if mine and mine[0] and mine[-1] and (depot := depots.get(bus.vehicle or ""))
            for way in ((depot, mine[0].start), (mine[-1].end, depot))
        ]
        gatherer.pairs(
            {(a, b) for a, b in ways if a is not None and b is not None}
            | {
                (a.end, b.start)
                for bus in driven
                for a, b in itertools.pairwise(bus)
                if a is not None and b is not None and a.end is not None and b.start is not None
            },
            lambda done, total: None,
        )
    return gatherer.roads
