"""
Vehicles at several depots: how far are plans from the published optima and from the bound that the same run proves?
"""

import itertools
import json
import lzma
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from avance.apps.routes.check import check_schedule
from avance.apps.routes.model import Depot, Leg, Plan, Vehicle
from avance.apps.routes.result import build_schedule
from avance.apps.routes.sample import sample_day
from avance.apps.routes.solver.block import MINUTE, Block
from avance.apps.routes.solver.depots.problem import yard_of
from avance.apps.routes.solver.depots.search import DepotSearch
from avance.apps.routes.solver.depots.yard import Yard
from avance.apps.routes.solver.options import SearchOptions
from avance.apps.routes.solver.problem import great_circle_gaps, whole_block
from avance.apps.routes.solver.search import Found, Told
from avance.apps.routes.trips import NoRoads, build_trips
from benchmarks.harness.places import PEERS
from benchmarks.harness.question import Measure, Outcome, Settings, Table, arguments, ask, together
from benchmarks.routes import peer

NAME = "routes_depots"
TITLE = "Vehicles at several depots"
INSTANCES = Path(__file__).parent / "routes_instances"
UNSERVED = 100_000.0
SELECTION_S = 15.0
"""Of a processor."""
PEER_S = 20


@dataclass(frozen=True, kw_only=True)
class Instance:
    name: str
    block: Block
    yard: Yard
    search_s: float
    gap_max: float
    """The goal, as a share of the best known value."""
    goal_s: float
    best_known: float | None = None


@dataclass(frozen=True, kw_only=True)
class Solved:
    first_s: float
    cost: float
    bound: float
    buses: int
    bound_s: float
    whole_s: float


MATRICES: Mapping[str, tuple[float, float, float, float]] = {
    "m4n500s0": (1_289_114, 40.0, 1e-4, 60.0),
    "m4n500s1": (1_241_618, 40.0, 1e-4, 60.0),
    "m8n500s1": (1_276_919, 60.0, 5e-4, 120.0),
    "m4n1000s0": (2_516_247, 100.0, 5e-4, 300.0),
}
"""Best known value, seconds of search, the goal and the seconds of the goal."""
SHIFTED: Mapping[tuple[str, int], tuple[float, float, float]] = {
    ("GD-4-250-0", 5): (10.0, 1e-4, 10.0),
    ("GD-4-500-0", 5): (40.0, 1e-3, 120.0),
    ("GD-4-1000-0", 3): (150.0, 1e-2, 300.0),
}


def read_matrix(name: str) -> Instance:
    """
    Depots, trips, vehicles of each depot; then what it costs from everything to everything, -1 where there is no way.
    """
    numbers = np.array(_text(f"{name}.inp").split(), dtype=np.int64)
    depots, trips = int(numbers[0]), int(numbers[1])
    costs = numbers[2 + depots :].reshape(depots + trips, depots + trips)
    order = _topological(costs[depots:, depots:] >= 0)
    links = costs[depots:, depots:][np.ix_(order, order)]
    at = np.arange(trips) * MINUTE
    best_known, search_s, gap_max, goal_s = MATRICES[name]
    return Instance(
        name=name,
        block=_block(at, at, at, np.zeros_like(at), np.zeros_like(links), links, links >= 0),
        yard=Yard(
            out=costs[:depots, depots:][:, order].astype(float),
            back=costs[depots:, :depots].T[:, order].astype(float),
            fits=np.ones((depots, trips), dtype=bool),
            count=numbers[2 : 2 + depots],
            bus_cost=0.0,
            unserved_cost=UNSERVED,
        ),
        search_s=search_s,
        gap_max=gap_max,
        goal_s=goal_s,
        best_known=best_known,
    )


def read_shifted(name: str, minutes: int) -> Instance:
    """
    Depots, trips, places; vehicles of each depot; start, time, end and time of each trip; minutes between all places.
    """
    numbers = np.array(_text(f"{name}.txt").split(), dtype=np.int64)
    depots, trips, places = (int(value) for value in numbers[:3])
    rows = numbers[3 + depots :][: 4 * trips].reshape(trips, 4)
    ways = numbers[3 + depots + 4 * trips :].reshape(places, places)
    start, begins, end, ends = rows[np.argsort(rows[:, 1], kind="stable")].T
    gap = ways[end][:, start]
    search_s, gap_max, goal_s = SHIFTED[name, minutes]
    return Instance(
        name=f"{name} ±{minutes}",
        block=_block(
            (begins - minutes) * MINUTE,
            (begins + minutes) * MINUTE,
            begins * MINUTE,
            (ends - begins) * MINUTE,
            gap * MINUTE,
            gap,
            np.ones(gap.shape, dtype=bool),
        ),
        # 1,000 for each vehicle, half of it on the way out and half on the way home.
        yard=Yard(
            out=ways[:depots][:, start].astype(float) + 1000.0,
            back=ways[end][:, :depots].T.astype(float),
            fits=np.ones((depots, trips), dtype=bool),
            count=np.full(depots, trips),
            bus_cost=1000.0,
            unserved_cost=UNSERVED,
        ),
        search_s=search_s,
        gap_max=gap_max,
        goal_s=goal_s,
    )


def _text(name: str) -> str:
    return lzma.decompress((INSTANCES / f"{name}.xz").read_bytes()).decode()


def _topological(links: np.ndarray) -> list[int]:
    """
    Each trip after all that can come before it.
    """
    before = links.sum(axis=0)
    ready = np.flatnonzero(before == 0).tolist()
    order: list[int] = []
    while ready:
        trip = ready.pop(0)
        order.append(trip)
        before = before - links[trip]
        ready += [t for t in np.flatnonzero(links[trip]).tolist() if before[t] == 0]
    return order


def _block(
    lo: np.ndarray,
    hi: np.ndarray,
    nominal: np.ndarray,
    duration: np.ndarray,
    gap: np.ndarray,
    cost: np.ndarray,
    may_follow: np.ndarray,
) -> Block:
    ones = np.ones(len(lo))
    return Block(
        ids=np.arange(len(lo)),
        lo=lo,
        hi=hi,
        nominal=nominal,
        duration=duration,
        gap=gap,
        cost=np.where(may_follow, cost, 0).astype(float),
        shift_weight=np.zeros(len(lo)),
        may_follow=may_follow,
        low=ones,
        high=ones,
    )


def solve(instance: Instance) -> Solved:
    begun_s = time.process_time()
    told: list[tuple[float, Found]] = []

    def tell(one: Told) -> None:
        if isinstance(one, Found):
            told.append((time.process_time() - begun_s, one))

    options = SearchOptions(search_s=instance.search_s, selection_s=SELECTION_S)
    search = DepotSearch(instance.block, instance.yard, options, tell, clock_s=time.process_time)
    search.run()
    costs = [_checked_cost(instance, found) for _, found in told]
    assert abs(costs[-1] - search.cost) < 1e-3, (costs[-1], search.cost)
    return Solved(
        first_s=told[0][0],
        cost=costs[-1],
        bound=search.bound,
        buses=len(told[-1][1].buses),
        bound_s=next(at_s for at_s, one in told if one.phase == "local_search"),
        whole_s=time.process_time() - begun_s,
    )


def _checked_cost(instance: Instance, found: Found) -> float:
    """
    Counted anew from the instance, with every rule looked at.
    """
    block, yard = instance.block, instance.yard
    assert sorted(trip for bus in found.buses for trip, _ in bus) == list(range(block.size))
    assert all(yard.count[kind] >= many for kind, many in Counter(found.kinds).items())
    cost = 0.0
    for bus, kind in zip(found.buses, found.kinds, strict=True):
        cost += float(yard.out[kind, bus[0][0]] + yard.back[kind, bus[-1][0]])
        assert all(block.lo[trip] <= start <= block.hi[trip] for trip, start in bus)
        for (i, begin), (j, then) in itertools.pairwise(bus):
            assert block.may_follow[i, j]
            assert begin + block.duration[i] + block.gap[i, j] <= then
            cost += float(block.cost[i, j])
    return cost


def measure_instances(instances: Sequence[Instance]) -> Outcome:
    outcome = Outcome()
    table = Table(
        title="Published instances; seconds of one processor; every plan told was counted anew",
        columns=("instance", "first plan s", "cost", "vehicles", "proven bound", "that bound reached s", "best known", "gap to the bound %", "gap to the best known %", "whole s"),
    )  # fmt: skip
    for instance in instances:
        got = solve(instance)
        known = instance.best_known
        gap = got.cost / got.bound - 1
        gap_known = None if known is None else got.cost / known - 1
        row = (
            instance.name,
            round(got.first_s, 2),
            int(got.cost),
            got.buses,
            round(got.bound, 1),
            round(got.bound_s, 1),
            None if known is None else int(known),
            round(100 * gap, 4),
            None if gap_known is None else round(100 * gap_known, 4),
            round(got.whole_s, 1),
        )
        table.rows.append(row)
        outcome.samples.append(dict(zip(table.columns, row, strict=True)))
        judged = gap if gap_known is None else gap_known
        outcome.at_most(f"{instance.name}, gap", judged, instance.gap_max)
        outcome.at_most(f"{instance.name}, work", got.whole_s, instance.goal_s, " s")
    outcome.tables.append(table)
    return outcome


def measure_matrices(settings: Settings) -> Outcome:
    names = settings.pick(list(MATRICES)[:3], ["m4n500s0"])
    return measure_instances([read_matrix(name) for name in names])


def measure_thousand(settings: Settings) -> Outcome:
    """
    Apart, so that each part takes less than five minutes.
    """
    instance = read_matrix("m4n1000s0")
    return measure_instances([replace(instance, search_s=settings.pick(instance.search_s, 5.0))])


def measure_shifted(settings: Settings) -> Outcome:
    names = settings.pick(list(SHIFTED)[:2], list(SHIFTED)[:1])
    outcome = measure_instances([read_shifted(*name) for name in names])
    outcome.notes.append(SHIFTED_NOTE)
    return outcome


def measure_large(settings: Settings) -> Outcome:
    instances = [read_shifted(*name) for name in list(SHIFTED)[2:]]
    outcome = measure_instances(
        [replace(one, search_s=settings.pick(one.search_s, 5.0)) for one in instances]
    )
    outcome.notes.append(SHIFTED_NOTE)
    return outcome


SHIFTED_NOTE = (
    "For these no value is published with the data; the gap is to the bound that the same run proves. Each trip is driven exactly once: a bound where it may be "
    "driven twice is lower, for a trip takes a vehicle to another place at no cost."
)


def measure_days(settings: Settings) -> Outcome:
    """
    School days as the app is given them, with the independent checker.
    """
    outcome = Outcome()
    table = Table(
        title="Made-up school days, two depots with one vehicle for each six routes; seconds of one processor; every plan told was checked",
        columns=("routes", "seed", "first plan s", "buses", "proven bound", "minutes", "minutes bound", "whole s"),
    )  # fmt: skip
    for size, seed in settings.pick([(228, 1), (228, 2), (300, 1), (300, 2)], [(100, 1)]):
        row = _day(size, seed)
        table.rows.append(row)
        outcome.samples.append(dict(zip(table.columns, row, strict=True)))
        name = f"{size} routes, seed {seed}"
        outcome.at_most(f"buses above the proven bound, {name}", row[3] - row[4], 0)
        outcome.at_most(f"gap of minutes, {name}", row[5] / row[6] - 1 if row[6] else 1.0, 1e-3)
    outcome.tables.append(table)
    return outcome


def _day(size: int, seed: int) -> tuple[int, int, float, int, int, float, float, float]:
    routes = sample_day(size, seed=seed)
    count = size // 6
    vehicles = (
        Vehicle(id="north", count=count, depot=Depot(lat=42.8, lon=-8.2)),
        Vehicle(id="south", count=count, depot=Depot(lat=42.4, lon=-8.2)),
    )
    begun_s = time.process_time()
    trips, _ = build_trips(routes, NoRoads())
    block = whole_block(trips, great_circle_gaps(trips))
    told: list[tuple[float, Found]] = []

    def tell(one: Told) -> None:
        if isinstance(one, Found):
            told.append((round(time.process_time() - begun_s, 2), one))

    yard = yard_of(vehicles, trips, block, NoRoads())
    DepotSearch(block, yard, SearchOptions(), tell, clock_s=time.process_time).run()
    whole_s = round(time.process_time() - begun_s, 1)
    by_id = {route.id: route for route in routes}
    for _, found in told:
        plan = Plan(
            buses=tuple(tuple(Leg(*leg) for leg in bus) for bus in found.buses),
            kinds=tuple(found.kinds),
        )
        schedule = build_schedule(plan, trips, by_id, NoRoads(), vehicles=vehicles)
        violations = check_schedule(routes, schedule, NoRoads(), vehicles=vehicles)
        assert not violations, violations[:3]
    last = told[-1][1]
    minutes, bound = round(last.minutes, 1), round(last.bound_minutes, 1)
    return size, seed, told[0][0], len(last.buses), last.bound, minutes, bound, whole_s


def measure_peers(settings: Settings) -> Outcome:
    """
    OR-tools routing in a process of its own: it and HiGHS cannot live in one.
    """
    outcome = Outcome()
    seconds = settings.pick(PEER_S, 5)
    table = Table(
        title=f"The same instances; OR-tools has {seconds} s on the wall",
        columns=("instance", "avance", "avance s of work", "proven bound", "OR-tools", "OR-tools over the bound %"),
    )  # fmt: skip
    for instance in (read_matrix("m4n500s0"), read_shifted("GD-4-250-0", 5)):
        got = solve(instance)
        other = _ask(instance, seconds)
        over = round(100 * (other / got.bound - 1), 2) if isinstance(other, int) else None
        row = (
            instance.name,
            int(got.cost),
            round(got.whole_s, 1),
            round(got.bound, 1),
            other,
            over,
        )
        table.rows.append(row)
        outcome.samples.append(dict(zip(table.columns, row, strict=True)))
        if isinstance(other, int):
            outcome.holds(f"{instance.name}: costs less than with OR-tools", got.cost < other)
    outcome.tables.append(table)
    return outcome


def _ask(instance: Instance, seconds: int) -> int | str:
    python = peer("ortools", "ortools>=9.11")
    if python is None:
        return "not installable here"
    block, yard = instance.block, instance.yard
    body = {
        "lo": block.lo.tolist(),
        "hi": block.hi.tolist(),
        "duration": block.duration.tolist(),
        "gap": block.gap.tolist(),
        "cost": block.cost.tolist(),
        "links": block.links.tolist(),
        "out": yard.out.tolist(),
        "back": yard.back.tolist(),
        "count": np.minimum(yard.count, 80).tolist(),
    }
    done = subprocess.run(
        [python, str(PEERS / "routes_depots_ortools.py")],
        input=json.dumps([body, seconds]),
        capture_output=True,
        text=True,
        timeout=120 + 10 * seconds,
        check=False,
    )
    if done.returncode != 0:
        return f"failed: {done.stderr.strip().splitlines()[-1][:80]}"
    cost = json.loads(done.stdout)["cost"]
    return "no feasible plan" if cost is None else int(cost)


PARTS: Mapping[str, Measure] = {
    "matrices": measure_matrices,
    "thousand": measure_thousand,
    "shifted": measure_shifted,
    "large": measure_large,
    "days": measure_days,
    "peers": measure_peers,
}


def measure(settings: Settings) -> Outcome:
    """
    All parts in one, for `python -m benchmarks routes_depots`.
    """
    return together(part(settings) for part in PARTS.values())


def main() -> None:
    """
    `python -m benchmarks.routes_depots [--quick] [matrices thousand shifted large days peers]`.
    """
    parser = arguments(TITLE)
    parser.add_argument("part", nargs="*", choices=[[], *PARTS], help="default: all")
    given = parser.parse_args()
    for part in given.part or PARTS:
        ask(f"{NAME}_{part}", TITLE, PARTS[part], Settings(quick=given.quick))


if __name__ == "__main__":
    main()
