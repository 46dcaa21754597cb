"""
VROOM on one block of a school day: JSON on stdin, JSON on stdout. A vehicle costs more than all driving; beside that fewer and fewer
vehicles are given to it, as its maintainer advises, until the time is over or a trip is left out.
"""

import json
import sys
import time

import numpy as np
import vroom

BUS = 100_000
FORBIDDEN = 10_000_000
EXPLORE = 5
FIRST_SHARE = 0.5
"""Of the trips, that many vehicles are always enough to begin with."""


def main() -> None:
    block, seconds = json.load(sys.stdin)
    size = len(block["lo"])
    until_s = time.monotonic() + seconds
    # The place of no trip stands for every depot: nothing is driven to it or from it.
    travel = np.zeros((size + 1, size + 1), dtype=np.uint32)
    travel[:size, :size] = np.where(block["links"], block["gap"], FORBIDDEN)
    best = None
    high, low = size, 0
    while time.monotonic() < until_s and low < high:
        fleet = (low + high) // 2 if best is not None else max(1, round(FIRST_SHARE * size))
        used = _solve(block, travel, fleet)
        if used is None:
            low = fleet + 1
            if best is None:
                best, high = (size, size)
        else:
            best = used if best is None else min(best, used)
            high = min(used, fleet)
    json.dump({"buses": best, "is_feasible": best is not None}, sys.stdout)


def _solve(block: dict, travel: np.ndarray, fleet: int) -> int | None:
    """
    The vehicles that it uses, or None when a trip is left out.
    """
    size = len(block["lo"])
    problem = vroom.Input()
    problem.set_durations_matrix(profile="car", matrix_input=travel)
    costs = vroom.VehicleCosts(fixed=BUS)
    problem.add_vehicle(
        [vroom.Vehicle(n, start=size, end=size, costs=costs) for n in range(1, fleet + 1)]
    )
    problem.add_job(
        [
            vroom.Job(
                i + 1,
                location=i,
                default_service=block["duration"][i],
                time_windows=[vroom.TimeWindow(block["lo"][i], block["hi"][i])],
            )
            for i in range(size)
        ]
    )
    found = problem.solve(exploration_level=EXPLORE, nb_threads=1)
    if found.summary.unassigned:
        return None
    return int(found.routes["vehicle_id"].nunique())


main()
