"""
Wide windows: school trips that may end at any time within 20 to 30 minutes before the bell, and one kind of bus. How few are proven?
"""

import itertools
import math
import time
from random import Random

import numpy as np

from avance.apps.routes.solver.block import MINUTE, Block
from avance.apps.routes.solver.chain import earliest_starts
from avance.apps.routes.solver.options import SearchOptions
from avance.apps.routes.solver.search import Found, Search, Told
from benchmarks.harness.question import Outcome, Settings, Table, main
from benchmarks.routes import PEER_PACKAGES, ask_peer, peer

NAME = "routes_windows"
TITLE = "School trips with wide windows and one kind of bus"
SIZES = {49: 10, 106: 20, 309: 50, 562: 100}
"""Trips, and the schools that they go to: so many as in the published instances of this kind."""
SEARCH_S = 60.0
"""Of a processor."""
WORK_MAX_S = 120.0
PEERS = ("pyvrp", "ortools")
PEER_S = 30
SIDE_MIN = 60
"""The town is a square of so many minutes across."""


def measure(settings: Settings) -> Outcome:
    outcome = Outcome()
    table = Table(
        title="Seconds of one processor; every plan told was checked against windows and ways",
        columns=("trips", "schools", "buses of the first plan", "buses", "proven bound", "that bound reached s", "whole s"),
    )  # fmt: skip
    for size, schools in settings.pick(SIZES, {49: 10}).items():
        block = town(size, schools, seed=size)
        told, whole_s = _search(block)
        buses, bound = len(told[-1][1].buses), told[-1][1].bound
        reached_s = next((at_s for at_s, one in told if len(one.buses) == buses == one.bound), None)
        row = (size, schools, len(told[0][1].buses), buses, bound, reached_s, whole_s)
        table.rows.append(row)
        outcome.samples.append(dict(zip(table.columns, row, strict=True)))
        outcome.at_most(f"buses above the proven bound, {size} trips", buses - bound, 0)
        outcome.at_most(f"work, {size} trips", whole_s, WORK_MAX_S, " s")
    outcome.tables.append(table)
    outcome.tables.append(_peers(settings.pick(562, 49), buses, bound, settings.pick(PEER_S, 3)))
    outcome.notes.append(
        "The published instances of this kind (HOMO, Kim et al. 2012) could not be had; these are our own, drawn from a seed, with as many trips: "
        "trips to schools in a square, each school with a window of arrival, travel by straight lines rounded up. No figure here is to be compared with theirs."
    )
    return outcome


def _peers(size: int, buses: int, bound: int, seconds: int) -> Table:
    table = Table(
        title=f"{size} trips; others have {seconds} s on the wall", columns=("solver", "buses")
    )
    table.rows += [("avance", buses), ("proven bound", bound)]
    block = town(size, SIZES[size], seed=size)
    for name in PEERS:
        python = peer(name, PEER_PACKAGES[name])
        table.rows.append(
            (
                name,
                "not installable here"
                if python is None
                else ask_peer(python, name, [block], seconds),
            )
        )
    return table


def town(size: int, schools: int, seed: int) -> Block:
    """
    Trips to schools with windows, as arrays in the order of their earliest start.
    """
    random = Random(seed)
    places = [(random.uniform(0, SIDE_MIN), random.uniform(0, SIDE_MIN)) for _ in range(schools)]
    opens = [random.randrange(7 * 60, 9 * 60 + 30, 5) for _ in range(schools)]
    widths = [random.randrange(20, 31, 5) for _ in range(schools)]
    trips = []
    for number in range(size):
        school = number % schools
        begin = (random.uniform(0, SIDE_MIN), random.uniform(0, SIDE_MIN))
        duration = math.ceil(math.dist(begin, places[school])) + random.randrange(5, 25)
        lo = opens[school] - duration
        trips.append((lo, lo + widths[school], duration, begin, places[school]))
    trips.sort()
    lo, hi, duration = (np.array([trip[field] for trip in trips], dtype=np.int64) * MINUTE for field in range(3))  # fmt: skip
    gap = np.array(
        [[math.ceil(math.dist(one[4], other[3])) for other in trips] for one in trips], dtype=np.int64
    )  # fmt: skip
    return Block(
        ids=np.arange(size),
        lo=lo,
        hi=hi,
        nominal=lo,
        duration=duration,
        gap=gap * MINUTE,
        cost=gap.astype(float),
        shift_weight=np.zeros(size),
        may_follow=np.ones((size, size), dtype=bool),
        low=np.ones(size),
        high=np.ones(size),
    )


def _search(block: Block) -> tuple[list[tuple[float, Found]], float]:
    begun_s = time.process_time()
    told: list[tuple[float, Found]] = []

    def tell(one: Told) -> None:
        if isinstance(one, Found):
            told.append((round(time.process_time() - begun_s, 1), one))

    options = SearchOptions(search_s=SEARCH_S)
    Search([block], options, tell, clock_s=time.process_time).run()
    whole_s = round(time.process_time() - begun_s, 1)
    for _, found in told:
        driven = sorted(trip for bus in found.buses for trip, _ in bus)
        assert driven == list(range(block.size))
        assert all(_keeps(block, bus) for bus in found.buses)
    return told, whole_s


def _keeps(block: Block, bus: list[tuple[int, int]]) -> bool:
    """
    Whether each trip starts within its window and after the way from the one before.
    """
    chain = [trip for trip, _ in bus]
    in_windows = all(block.lo[trip] <= start <= block.hi[trip] for trip, start in bus)
    in_time = all(
        start + block.duration[i] + block.gap[i, j] <= then
        for (i, start), (j, then) in itertools.pairwise(bus)
    )
    return in_windows and in_time and earliest_starts(block, chain) is not None


if __name__ == "__main__":
    main(NAME, TITLE, measure)
