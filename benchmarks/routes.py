"""
School days: how soon is there a plan, how soon the proven fewest buses, and what do others find in the same time?
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from avance.apps.routes.check import check_schedule
from avance.apps.routes.engine import kept_chains
from avance.apps.routes.model import Leg, Plan, Route, Trip
from avance.apps.routes.result import build_schedule
from avance.apps.routes.sample import sample_day
from avance.apps.routes.solve import SolverProcess
from avance.apps.routes.solver.block import Block
from avance.apps.routes.solver.options import SearchOptions
from avance.apps.routes.solver.problem import blocks_of, great_circle_gaps
from avance.apps.routes.solver.search import Ended, Found
from avance.apps.routes.trips import NoRoads, build_trips
from benchmarks.harness.places import CACHE, PEERS
from benchmarks.harness.question import (
    Cell,
    Measure,
    Outcome,
    Settings,
    Table,
    arguments,
    ask,
    together,
)

NAME = "routes"
TITLE = "School days packed into the fewest buses"
GOALS_S = {300: 5.0, 600: 15.0, 1000: 45.0}
SEARCH_S = {300: 30.0, 600: 40.0, 1000: 40.0}
"""Of the clock on the wall, which on a busy machine goes faster than the work. Dives may take as long again, and each part less than five minutes."""
SEEDS = (1, 2, 3, 4, 5, 6)
FIRST_PLAN_S = 1.0
MINUTES_GAP_MAX = 0.001
WHAT_IF_S = 3.0
PEER_PACKAGES = {"pyvrp": "pyvrp==0.14.1", "ortools": "ortools>=9.11", "vroom": "pyvroom>=1.14"}
PEER_S = 14


def measure_size(size: int, seeds: tuple[int, ...]) -> Measure:
    """
    Days of one size, so that a busy machine can be given small pieces.
    """

    limit_s = SEARCH_S[size]

    def measure(settings: Settings) -> Outcome:
        outcome = Outcome()
        table = Table(
            title="Made-up days, great circles; seconds of one processor; every plan told was checked by the independent checker",
            columns=("routes", "seed", "first plan s", "buses then", "buses", "proven bound", "that bound reached s", "minutes", "minutes bound", "whole s"),
        )  # fmt: skip
        solver = SolverProcess()
        try:
            _run(sample_day(20), solver, 1.0)
            for seed in settings.pick(seeds, seeds[:1]):
                routes = sample_day(size, seed=seed)
                row, _ = _row(size, seed, routes, solver, limit_s)
                table.rows.append(tuple(row.values()))
                outcome.samples.append(row)
                _judge(row, outcome)
        finally:
            solver.end()
        outcome.tables.append(table)
        outcome.notes.append(
            f"The search ends after {limit_s:g} s on the wall: where others use the machine, it has done less work by then "
            "than the seconds of a processor in the goals."
        )
        return outcome

    return measure


def _judge(row: dict[str, Any], outcome: Outcome) -> None:
    name = f"{row['routes']} routes, seed {row['seed']}"
    never_s = 1e9
    reached_s = never_s if row["proven_s"] is None else row["proven_s"]
    goal_s = GOALS_S.get(row["routes"], never_s)
    outcome.at_most(f"proven fewest buses, {name}", reached_s, goal_s, " s")
    outcome.at_most(f"first valid plan, {name}", row["first_s"], FIRST_PLAN_S, " s")
    gap = 1 - row["bound_minutes"] / row["minutes"] if row["minutes"] else 0.0
    outcome.at_most(f"gap of minutes, {name}", gap, MINUTES_GAP_MAX)


def measure_again(settings: Settings) -> Outcome:
    """
    A changed day from the chains that are known, beside the same from nothing.
    """
    outcome = Outcome()
    size = settings.pick(300, 100)
    routes = sample_day(size)
    later = replace(routes[0], arrival_time="09:25:00")
    changed = [later, *routes[1:]]
    table = Table(
        title=f"One of {size} routes at another time; seconds of one processor",
        columns=("start", "buses", "proven bound", "that bound reached s", "minutes", "whole s"),
    )
    solver = SolverProcess()
    try:
        _, pool = _row(size, 1, routes, solver, SEARCH_S[300])
        for name, seeds in (("from nothing", []), ("from the chains known", pool)):
            row, _ = _row(size, 1, changed, solver, SEARCH_S[300], seeds)
            table.rows.append(
                (name, *(row[key] for key in ("buses", "bound", "proven_s", "minutes", "whole_s")))
            )
            outcome.samples.append({"start": name, **row})
    finally:
        solver.end()
    reached_s = outcome.samples[-1]["proven_s"]
    outcome.at_most("what-if: proven fewest buses", reached_s or 1e9, WHAT_IF_S, " s")
    outcome.tables.append(table)
    return outcome


def measure_peers(settings: Settings) -> Outcome:
    outcome = Outcome()
    size, seconds = settings.pick(300, 100), settings.pick(PEER_S, 3)
    outcome.tables.append(_peers(size, seconds, outcome))
    outcome.notes.append(
        "Peers are given each group of trips that may share buses apart, without the rule of common seats (R7), "
        "and the same seconds in all; each runs in a process of its own. They give no bound."
    )
    return outcome


PARTS: Mapping[str, Measure] = {
    "300": measure_size(300, SEEDS),
    "600": measure_size(600, SEEDS),
    "1000": measure_size(1000, SEEDS),
    "again": measure_again,
    "peers": measure_peers,
}


def measure(settings: Settings) -> Outcome:
    """
    All parts in one, for `python -m benchmarks routes`.
    """
    return together(part(settings) for part in PARTS.values())


def _row(
    size: int,
    seed: int,
    routes: list[Route],
    solver: SolverProcess,
    search_s: float,
    seeds: Sequence[Sequence[int]] = (),
) -> tuple[dict[str, Any], list[list[int]]]:
    told, whole_s, pool = _run(routes, solver, search_s, seeds)
    first, last = told[0], told[-1]
    final = len(last[1].buses)
    is_proven = final == last[1].bound
    reached = next(
        (at_s for at_s, found in told if len(found.buses) == final and found.bound == final), None
    )
    row = {
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
    return row, pool


def _run(
    routes: list[Route],
    solver: SolverProcess,
    search_s: float,
    seeds: Sequence[Sequence[int]] = (),
) -> tuple[list[tuple[float, Found]], float, list[list[int]]]:
    solver.warm_up()
    begun_s = work_s(solver)
    trips, _ = build_trips(routes, NoRoads())
    blocks = blocks_of(trips, great_circle_gaps(trips))
    told: list[tuple[float, Found]] = []
    pool: list[list[int]] = []
    for one in solver.run(blocks, SearchOptions(search_s=search_s), seeds):
        if isinstance(one, Found):
            told.append((work_s(solver) - begun_s, one))
        elif isinstance(one, Ended):
            pool = kept_chains(one.pool, [[trip for trip, _ in bus] for bus in told[-1][1].buses])
    whole_s = work_s(solver) - begun_s
    for _, found in told:
        check_found(routes, trips, found)
    return told, whole_s, pool


def work_s(solver: SolverProcess) -> float:
    """
    Seconds of a processor that this process and the solver have used. They work one after the other, so on an idle machine it is the
    time that passes; here the machine may be shared.
    """
    stat = Path(f"/proc/{solver.pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(stat[11]) + int(stat[12])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def check_found(routes: list[Route], trips: list[Trip], found: Found) -> None:
    plan = Plan(buses=tuple(tuple(Leg(*leg) for leg in bus) for bus in found.buses))
    schedule = build_schedule(plan, trips, {route.id: route for route in routes}, NoRoads())
    violations = check_schedule(routes, schedule, NoRoads())
    assert not violations, violations[:3]


def _peers(size: int, seconds: int, outcome: Outcome) -> Table:
    table = Table(title=f"{size} routes, {seconds} s", columns=("solver", "buses"))
    routes = sample_day(size)
    solver = SolverProcess()
    try:
        told, _, _ = _run(routes, solver, float(seconds))
    finally:
        solver.end()
    table.rows.append(("avance", len(told[-1][1].buses)))
    table.rows.append(("proven bound", told[-1][1].bound))
    trips, _ = build_trips(routes, NoRoads())
    blocks = blocks_of(trips, great_circle_gaps(trips))
    for name, package in PEER_PACKAGES.items():
        python = peer(name, package)
        buses: Cell = "not installable here"
        if python is not None:
            buses = ask_peer(python, name, blocks, seconds)
        table.rows.append((name, buses))
        outcome.samples.append({"peer": name, "buses": buses})
    return table


def peer(name: str, package: str) -> Path | None:
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
    # VROOM's wheel needs numpy and does not say so.
    command = [tool, "pip", "install", "--python", str(python)] if tool else [str(python), "-m", "pip", "install", "-q"]  # fmt: skip
    done = subprocess.run(
        [*command, package, "numpy"], capture_output=True, check=False, timeout=600
    )
    return python if done.returncode == 0 else None


def ask_peer(python: Path, name: str, blocks: list[Block], seconds: int) -> Cell:
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


def main() -> None:
    """
    `python -m benchmarks.routes [--quick] [300 600 1000 again peers]`.
    """
    parser = arguments(TITLE)
    parser.add_argument("part", nargs="*", choices=[[], *PARTS], help="default: all")
    given = parser.parse_args()
    for part in given.part or PARTS:
        ask(f"{NAME}_{part}", TITLE, PARTS[part], Settings(quick=given.quick))


if __name__ == "__main__":
    main()
