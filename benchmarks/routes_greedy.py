"""
School days beside the usual rules: how many buses and minutes does the search save over greedy blocks?
"""

import time
from statistics import mean

from avance.apps.routes.check import check_schedule
from avance.apps.routes.model import Leg, Plan, Route, Trip
from avance.apps.routes.result import build_schedule
from avance.apps.routes.sample import sample_day
from avance.apps.routes.solver.block import Block
from avance.apps.routes.solver.chain import best_starts, links_cost, minutes_of
from avance.apps.routes.solver.options import SearchOptions
from avance.apps.routes.solver.problem import blocks_of, great_circle_gaps
from avance.apps.routes.solver.search import Found, Search, Told
from avance.apps.routes.trips import NoRoads, build_trips
from benchmarks.harness.question import Outcome, Settings, Table, main
from benchmarks.peers.routes_greedy import greedy_plan
from benchmarks.routes import check_found

NAME = "routes_greedy"
TITLE = "School days beside greedy blocks"
DAYS = {100: (1, 2), 200: (1, 2), 300: (1, 2, 3), 600: (1, 2, 3), 1000: (1, 2, 3)}
SEARCH_S = 40.0
"""Of a processor."""
LARGE = 300
FEWER_MIN = 0.05
DEADHEAD_SHARE_MAX = 0.5


def measure(settings: Settings) -> Outcome:
    outcome = Outcome()
    table = Table(
        title="Made-up days, great circles; seconds of one processor; every plan was checked by the independent checker",
        columns=("routes", "seed", "greedy buses", "greedy s", "first plan", "first plan s", "buses", "proven bound", "fewer %", "greedy empty min", "empty min", "greedy min", "min", "s"),
    )  # fmt: skip
    saved, shares, is_never_more = [], [], True
    for size, seeds in settings.pick(DAYS, {60: (1,)}).items():
        for seed in seeds:
            row = _row(size, seed)
            table.rows.append(row)
            sample = dict(zip(table.columns, row, strict=True))
            outcome.samples.append(sample)
            is_never_more &= sample["buses"] <= sample["greedy buses"]
            if size >= LARGE:
                saved.append(1 - sample["buses"] / sample["greedy buses"])
                shares.append(sample["empty min"] / sample["greedy empty min"])
    outcome.tables.append(table)
    outcome.holds("never more buses", is_never_more)
    if saved:
        outcome.at_least("fewer buses, mean from 300 routes on", mean(saved), FEWER_MIN)
        outcome.at_most("empty minutes of those of the greedy plan, mean from 300 on", mean(shares), DEADHEAD_SHARE_MAX)  # fmt: skip
    outcome.notes.append(
        "Greedy is the search that the contract describes for earlier optimizers (docs/contract/routes.md, 3.3), written anew from that description: blocks of the day, "
        "several greedy orders, matching between blocks, small buses emptied. It is not any of those programs. Empty minutes are those between routes; "
        "min adds the minutes of shifts."
    )
    return outcome


def _row(size: int, seed: int) -> tuple[int | float, ...]:
    routes = sample_day(size, seed=seed)
    trips, _ = build_trips(routes, NoRoads())
    blocks = blocks_of(trips, great_circle_gaps(trips))
    begun_s = time.process_time()
    greedy = [greedy_plan(block, trips) for block in blocks]
    greedy_s = time.process_time() - begun_s
    _check_greedy(routes, trips, blocks, greedy)
    begun_s = time.process_time()
    told: list[tuple[float, Found]] = []

    def tell(one: Told) -> None:
        if isinstance(one, Found):
            told.append((time.process_time() - begun_s, one))

    Search(blocks, SearchOptions(search_s=SEARCH_S), tell, clock_s=time.process_time).run()
    whole_s = time.process_time() - begun_s
    for _, found in told:
        check_found(routes, trips, found)
    (first_s, first), (_, last) = told[0], told[-1]
    count = sum(len(plan) for plan in greedy)
    at = {int(n): (b, t) for b in blocks for t, n in enumerate(b.ids.tolist())}
    ours = [(at[bus[0][0]][0], tuple(at[n][1] for n, _ in bus)) for bus in last.buses]
    theirs = [(b, chain) for b, plan in zip(blocks, greedy, strict=True) for chain in plan]
    return (
        size, seed, count, round(greedy_s, 2), len(first.buses), round(first_s, 2),
        len(last.buses), last.bound, round(100 * (1 - len(last.buses) / count), 1),
        round(sum(links_cost(*one) for one in theirs)), round(sum(links_cost(*one) for one in ours)),
        round(sum(minutes_of(*one) for one in theirs)), round(last.minutes), round(whole_s, 1),
    )  # fmt: skip


def _check_greedy(
    routes: list[Route], trips: list[Trip], blocks: list[Block], plans: list[list[tuple[int, ...]]]
) -> None:
    buses = []
    for block, plan in zip(blocks, plans, strict=True):
        for chain in plan:
            starts, _ = best_starts(block, chain)
            buses.append(
                tuple(Leg(int(block.ids[t]), s) for t, s in zip(chain, starts, strict=True))
            )
    plan = Plan(buses=tuple(buses))
    schedule = build_schedule(plan, trips, {route.id: route for route in routes}, NoRoads())
    violations = check_schedule(routes, schedule, NoRoads())
    assert not violations, violations[:3]


if __name__ == "__main__":
    main(NAME, TITLE, measure)
