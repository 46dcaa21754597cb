"""
Days whose times are fixed and whose vehicles are alike: how soon is the best plan proven?
"""

import time

from msgspec.structs import replace

from avance.apps.routes.model import Route, Trip
from avance.apps.routes.sample import sample_day
from avance.apps.routes.solver.options import SearchOptions
from avance.apps.routes.solver.problem import blocks_of, great_circle_gaps
from avance.apps.routes.solver.search import Found, Search, Told
from avance.apps.routes.trips import NoRoads, build_trips
from benchmarks.harness.question import Outcome, Settings, Table, main
from benchmarks.routes import check_found

NAME = "routes_fixed"
TITLE = "Fixed times and one type of vehicle"
GOALS_S = {1000: 1.0, 5000: 5.0}
SEEDS = {1000: (1, 2, 3), 5000: (1,)}
DEMAND = 30
"""Of every route, so that every vehicle fits."""


def measure(settings: Settings) -> Outcome:
    outcome = Outcome()
    table = Table(
        title="Made-up days, great circles; seconds of one processor; every plan told was checked by the independent checker",
        columns=("routes", "seed", "links", "buses", "proven bound", "minutes", "minutes bound", "arrays s", "search s"),
    )  # fmt: skip
    for size, seeds in settings.pick(SEEDS, {200: (1,)}).items():
        for seed in seeds:
            _one(size, seed, table, outcome)
    outcome.tables.append(table)
    outcome.notes.append(
        "Arrays: the ways from each route to each other and what may follow what. Search: bound, certificate and the best plan."
    )
    return outcome


def _one(size: int, seed: int, table: Table, outcome: Outcome) -> None:
    routes, trips = fixed_day(size, seed)
    begun_s = time.process_time()
    blocks = blocks_of(trips, great_circle_gaps(trips))
    links = sum(int(block.links.sum()) for block in blocks)
    ready_s = time.process_time()
    told: list[Found] = []

    def tell(one: Told) -> None:
        if isinstance(one, Found):
            told.append(one)

    Search(blocks, SearchOptions(), tell, clock_s=time.process_time).run()
    search_s = time.process_time() - ready_s
    for found in told:
        check_found(routes, trips, found)
    last = told[-1]
    row = (
        size, seed, links, len(last.buses), last.bound, round(last.minutes), round(last.bound_minutes),
        round(ready_s - begun_s, 2), round(search_s, 2),
    )  # fmt: skip
    table.rows.append(row)
    outcome.samples.append(dict(zip(table.columns, row, strict=True)))
    name = f"{size} routes, seed {seed}"
    is_proven = len(last.buses) == last.bound and last.minutes == last.bound_minutes
    outcome.holds(f"buses and minutes proven, {name}", is_proven)
    outcome.at_most(f"proven optimum, {name}", search_s, GOALS_S.get(size, 1.0), " s")


def fixed_day(size: int, seed: int) -> tuple[list[Route], list[Trip]]:
    routes = [replace(route, capacity_needed=DEMAND) for route in sample_day(size, seed=seed)]
    trips, _ = build_trips(routes, NoRoads())
    fixed = [replace(trip, earliest_s=trip.nominal_s, latest_s=trip.nominal_s) for trip in trips]
    return routes, fixed


if __name__ == "__main__":
    main(NAME, TITLE, measure)
