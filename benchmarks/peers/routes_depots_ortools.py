"""
OR-tools routing (guided local search) with several depots: JSON on stdin, JSON on stdout.
"""

import json
import sys

from ortools.constraint_solver import pywrapcp, routing_enums_pb2


def main() -> None:
    given, seconds = json.load(sys.stdin)
    size, counts = len(given["lo"]), given["count"]
    homes = [size + kind for kind, count in enumerate(counts) for _ in range(count)]
    manager = pywrapcp.RoutingIndexManager(size + len(counts), len(homes), homes, homes)
    routing = pywrapcp.RoutingModel(manager)
    gap, duration, links = given["gap"], given["duration"], given["links"]

    def cost(a: int, b: int) -> int:
        i, j = manager.IndexToNode(a), manager.IndexToNode(b)
        if i >= size:
            return 0 if j >= size else int(given["out"][i - size][j])
        return int(given["back"][j - size][i] if j >= size else given["cost"][i][j])

    def time(a: int, b: int) -> int:
        i, j = manager.IndexToNode(a), manager.IndexToNode(b)
        if i >= size:
            return 0
        return duration[i] + (0 if j >= size else gap[i][j])

    routing.SetArcCostEvaluatorOfAllVehicles(routing.RegisterTransitCallback(cost))
    routing.AddDimension(routing.RegisterTransitCallback(time), 86_400, 400_000, False, "time")
    times = routing.GetDimensionOrDie("time")
    for i in range(size):
        index = manager.NodeToIndex(i)
        times.CumulVar(index).SetRange(given["lo"][i], given["hi"][i])
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
    json.dump({"cost": None if solution is None else solution.ObjectiveValue()}, sys.stdout)


main()
