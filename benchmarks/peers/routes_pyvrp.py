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
    depot = model.add_depot(0, 0)
    day_end = max(block["hi"]) + max(block["duration"]) + 60
    clients = [
        model.add_client(
            0,
            0,
            service_duration=block["duration"][i],
            tw_early=block["lo"][i],
            tw_late=block["hi"][i],
        )
        for i in range(size)
    ]
    model.add_vehicle_type(num_available=size, fixed_cost=BUS, tw_early=0, tw_late=day_end)
    for i, one in enumerate(clients):
        model.add_edge(depot, one, distance=0, duration=0)
        model.add_edge(one, depot, distance=0, duration=0)
        for j, other in enumerate(clients):
            if i != j:
                is_link = block["links"][i][j]
                minutes = block["gap"][i][j]
                model.add_edge(
                    one, other, distance=minutes // 60 if is_link else FORBIDDEN, duration=minutes
                )
    found = model.solve(stop=MaxRuntime(seconds), display=False)
    json.dump({"buses": found.best.num_routes(), "is_feasible": found.is_feasible()}, sys.stdout)


main()
