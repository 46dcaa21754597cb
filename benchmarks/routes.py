"""
School days: how soon is there a plan, how soon the proven fewest buses, and what do others find in the same time?
"""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from avance.apps.routes.check import check_schedule
from avance.apps.routes.model import Leg, Plan, Route, Trip
from avance.apps.routes.result import build_schedule
from avance.apps.routes.sample import sample_day
from avance.apps.routes.solve import SolverProcess
from avance.apps.routes.solver.block import Block
from avance.apps.routes.solver.options import SearchOptions
from avance.apps.routes.solver.problem import blocks_of, great_circle_gaps
from avance.apps.routes.solver.search import Found
from avance.apps.routes.trips import NoRoads, build_trips
from benchmarks.harness.places import CACHE, PEERS
from benchmarks.harness.question import Cell, Outcome, Settings, Table, main

NAME = "routes"
TITLE = "School days packed into the fewest buses"
GOALS_S = {300: 5.0, 600: 15.0, 1000: 45.0}
SEARCH_S = {300: 20.0, 600: 40.0, 1000: 90.0}
PEER_PACKAGES = {"pyvrp": "pyvrp==0.14.1", "ortools": "ortools>=9.11"}
PEER_S = 20


def measure(settings: Settings) -> Outcome:
    outcome = Outcome()
    sizes = settings.pick((300, 600, 1000), (100, 300))
    seeds = settings.pick((1, 2), (1,))
    ours = Table(
        title="Made-up days, great circles; every plan told was checked by the independent checker",
        columns=("routes", "seed", "first plan s", "buses then", "buses", "proven bound", "that bound reached s", "minutes", "minutes bound", "whole s"),
    )  # fmt: skip
    solver = SolverProcess()
    try:
        _run(sample_day(20), solver, 1.0)
        for size in sizes:
            for seed in seeds:
                row = _row(
                    size, seed, sample_day(size, seed=seed), solver, SEARCH_S.get(size, 20.0)
                )
                ours.rows.append(tuple(row.values()))
                outcome.samples.append(row)
                goal_s = GOALS_S.get(size)
                if goal_s is not None:
                    outcome.at_most(
                        f"proven fewest buses, {size} routes, seed {seed}",
                        row["proven_s"] if row["proven_s"] is not None else 1e9,
                        goal_s,
                        " s",
                    )
    finally:
        solver.end()
    outcome.tables.append(ours)
    outcome.tables.append(_peers(settings.pick(300, 100), settings.pick(PEER_S, 3), outcome))
    outcome.notes.append(
        "Peers are given each group of trips that may share buses apart, without the rule of common seats (R7), "
        "and the same seconds in all; each runs in a process of its own. They give no bound."
    )
    return outcome


def _row(
    size: int, seed: int, routes: list[Route], solver: SolverProcess, search_s: float
) -> dict[str, Any]:
    told, whole_s = _run(routes, solver, search_s)
    first, last = told[0], told[-1]
    final = len(last[1].buses)
    is_proven = final == last[1].bound
    reached = next(
        (at_s for at_s, found in told if len(found.buses) == final and found.bound == final), None
    )
    return {
        "routes": size,
        "seed": seed,
        "first_s": round(first[0], 2),
        "first_buses": len(first[1].buses),
        "buses": final,
        "bound": last[1].bound,
        "proven_s": round(reached, 1) if is_proven and reached is not None else None,
        "minutes": round(last[1].minutes),
        "bound_minutes": round(last[1].bound_minutes, 1),
        "whole_s": round(whole_s, 1),
    }


def _run(
    routes: list[Route], solver: SolverProcess, search_s: float
) -> tuple[list[tuple[float, Found]], float]:
    begun = time.monotonic()
    trips, _ = build_trips(routes, NoRoads())
    blocks = blocks_of(trips, great_circle_gaps(trips))
    told = [
        (time.monotonic() - begun, one)
        for one in solver.run(blocks, SearchOptions(search_s=search_s))
        if isinstance(one, Found)
    ]
    whole_s = time.monotonic() - begun
    for _, found in told:
        _check(routes, trips, found)
    return told, whole_s


def _check(routes: list[Route], trips: list[Trip], found: Found) -> None:
    plan = Plan(buses=tuple(tuple(Leg(*leg) for leg in bus) for bus in found.buses))
    schedule = build_schedule(plan, trips, {route.id: route for route in routes}, NoRoads())
    violations = check_schedule(routes, schedule, NoRoads())
    assert not violations, violations[:3]


def _peers(size: int, seconds: int, outcome: Outcome) -> Table:
    table = Table(title=f"{size} routes, {seconds} s", columns=("solver", "buses"))
    routes = sample_day(size)
    solver = SolverProcess()
    try:
        told, _ = _run(routes, solver, float(seconds))
    finally:
        solver.end()
    table.rows.append(("avance", len(told[-1][1].buses)))
    table.rows.append(("proven bound", told[-1][1].bound))
    trips, _ = build_trips(routes, NoRoads())
    blocks = blocks_of(trips, great_circle_gaps(trips))
    for name, package in PEER_PACKAGES.items():
        python = _peer(name, package)
        buses: Cell = "not installable here"
        if python is not None:
            buses = _ask(python, name, blocks, seconds)
        table.rows.append((name, buses))
        outcome.samples.append({"peer": name, "buses": buses})
    return table


def _peer(name: str, package: str) -> Path | None:
    """
    An environment of its own: OR-tools and HiGHS cannot live in one process.
    """
    folder = CACHE / "routes-peers" / name
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=False, timeout=120)
    has = subprocess.run([python, "-c", f"import {name}"], capture_output=True, check=False)
    if has.returncode == 0:
        return python
    tool = shutil.which("uv")
    command = [tool, "pip", "install", "--python", str(python)] if tool else [str(python), "-m", "pip", "install", "-q"]  # fmt: skip
    done = subprocess.run([*command, package], capture_output=True, check=False, timeout=600)
    return python if done.returncode == 0 else None


def _ask(python: Path, name: str, blocks: list[Block], seconds: int) -> Cell:
    whole = sum(block.size for block in blocks)
    total = 0
    for block in blocks:
        share = max(1, round(seconds * block.size / whole))
        body = {
            "lo": block.lo.tolist(),
            "hi": block.hi.tolist(),
            "duration": block.duration.tolist(),
            "gap": block.gap.tolist(),
            "links": block.links.tolist(),
            "fleet": block.size,
        }
        done = subprocess.run(
            [python, str(PEERS / f"routes_{name}.py")],
            input=json.dumps([body, share]),
            capture_output=True,
            text=True,
            timeout=60 + 10 * share,
            check=False,
        )
        if done.returncode != 0:
            return f"failed: {done.stderr.strip().splitlines()[-1][:80]}"
        answer = json.loads(done.stdout)
        if not answer["is_feasible"]:
            return "no feasible plan"
        total += answer["buses"]
    return total


if __name__ == "__main__":
    main(NAME, TITLE, measure)
