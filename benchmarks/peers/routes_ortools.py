"""
OR-tools routing (guided local search) on one block of a school day: JSON on stdin, JSON on stdout.
"""

import json
import sys

from ortools.constraint_solver import pywrapcp, routing_enums_pb2

BUS = 100_000


def main() -> None:
    block, seconds = json.load(sys.stdin)
    size = len(block["lo"])
    manager = pywrapcp.RoutingIndexManager(size + 1, block["fleet"], size)
    routing = pywrapcp.RoutingModel(manager)
    gap, duration, links = block["gap"], block["duration"], block["links"]

    def cost(a: int, b: int) -> int:
        i, j = manager.IndexToNode(a), manager.IndexToNode(b)
        return 0 if size in (i, j) else gap[i][j] // 60

    def time(a: int, b: int) -> int:
        i, j = manager.IndexToNode(a), manager.IndexToNode(b)
        if i == size:
            return 0
        return duration[i] + (0 if j == size else gap[i][j])

    routing.SetArcCostEvaluatorOfAllVehicles(routing.RegisterTransitCallback(cost))
    routing.SetFixedCostOfAllVehicles(BUS)
    routing.AddDimension(routing.RegisterTransitCallback(time), 86_400, 200_000, False, "time")
    times = routing.GetDimensionOrDie("time")
    for i in range(size):
        index = manager.NodeToIndex(i)
        times.CumulVar(index).SetRange(block["lo"][i], block["hi"][i])
        refused = [manager.NodeToIndex(j) for j in range(size) if j != i and not links[i][j]]
        routing.NextVar(index).RemoveValues(refused)
    wanted = pywrapcp.DefaultRoutingSearchParameters()
    wanted.first_solution_strategy = (
        routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
    )
    wanted.local_search_metaheuristic = (
        routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    )
    wanted.time_limit.seconds = seconds
    solution = routing.SolveWithParameters(wanted)
    if solution is None:
        json.dump({"buses": None, "is_feasible": False}, sys.stdout)
        return
    used = sum(routing.IsVehicleUsed(solution, v) for v in range(block["fleet"]))
    json.dump({"buses": used, "is_feasible": True}, sys.stdout)


main()
