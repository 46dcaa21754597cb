"""
PyVRP on one block of a school day: JSON on stdin, JSON on stdout. A depot at no distance, a vehicle costs more than all driving.
"""

import json
import sys

from pyvrp import Model
from pyvrp.stop import MaxRuntime

BUS = 100_000
FORBIDDEN = 10_000_000


def main() -> None:
    block, seconds = json.load(sys.stdin)
    size = len(block["lo"])
    model = Model()
    home = model.add_location(0, 0)
    model.add_depot(home)
    places = [model.add_location(0, 0) for _ in range(size)]
    day_end = max(block["hi"]) + max(block["duration"]) + 60
    for i, place in enumerate(places):
        model.add_client(
            place,
            service_duration=block["duration"][i],
            tw_early=block["lo"][i],
            tw_late=block["hi"][i],
        )
    model.add_vehicle_type(num_available=size, fixed_cost=BUS, tw_early=0, tw_late=day_end)
    for i, one in enumerate(places):
        model.add_edge(home, one, distance=0, duration=0)
        model.add_edge(one, home, distance=0, duration=0)
        for j, other in enumerate(places):
            if i != j:
                is_link = block["links"][i][j]
                minutes = block["gap"][i][j]
                model.add_edge(
                    one, other, distance=minutes // 60 if is_link else FORBIDDEN, duration=minutes
                )
    found = model.solve(stop=MaxRuntime(seconds), display=False)
    json.dump({"buses": found.best.num_routes(), "is_feasible": found.is_feasible()}, sys.stdout)


main()
