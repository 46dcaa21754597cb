"""
Pieces of buses before and after the calm of a day: what their prices show holds for whole buses, and what is joined is a plan.
docs/contract/routes.md, 3.3 and 4.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from avance.apps.routes.model import Route
from avance.apps.routes.sample import sample_day
from avance.apps.routes.solver.block import Block
from avance.apps.routes.solver.bounds import matching_bound
from avance.apps.routes.solver.chain import Chain, is_feasible, minutes_of
from avance.apps.routes.solver.colgen import Relaxation
from avance.apps.routes.solver.depots.problem import one_kind
from avance.apps.routes.solver.depots.search import DepotSearch
from avance.apps.routes.solver.master import BUS_COST, Pool
from avance.apps.routes.solver.matching import first_plan
from avance.apps.routes.solver.options import SearchOptions
from avance.apps.routes.solver.pricing import Pricer
from avance.apps.routes.solver.problem import blocks_of, great_circle_gaps
from avance.apps.routes.solver.seam.colgen import SeamRelaxation
from avance.apps.routes.solver.seam.dive import QUICK, dive
from avance.apps.routes.solver.seam.problem import Seam, seam_of
from avance.apps.routes.solver.seam.select import select
from avance.apps.routes.solver.small import TRIPS_MAX, best_of_all
from avance.apps.routes.solver.weighing.pieces import PieceSearch
from avance.apps.routes.trips import NoRoads, build_trips

pytestmark = pytest.mark.timeout(60)


def blocks(routes: list[Route]) -> Iterator[Block]:
    trips, _ = build_trips(routes, NoRoads())
    if trips:
        yield from blocks_of(trips, great_circle_gaps(trips))


def small_blocks() -> Iterator[Block]:
    for seed in range(1, 16):
        for block in blocks(sample_day(16, seed=seed)):
            if 3 < block.size <= TRIPS_MAX:
                yield block
                yield three_sizes(block)


def settled(seam: Seam, buses: int, buses_max: int) -> SeamRelaxation:
    sewn = SeamRelaxation(seam, buses_min=buses)
    sewn.run(buses_max=buses_max, stop=lambda: False, tell=lambda bound, value: None)
    assert sewn.is_converged
    return sewn


def by_whole_buses(block: Block, sewn: SeamRelaxation, buses: int, buses_max: int) -> float:
    """
    What the prices of the pieces show, with all whole buses priced.
    """
    relaxation = Relaxation(Pool(block), Pricer(block), buses_min=buses, certificate=[])
    assert sewn.prices is not None
    relaxation.adopt(sewn.prices.trips, sewn.prices.bus, buses_max)
    return relaxation.seen.bound


def check_plan(block: Block, plan: list[Chain]) -> float:
    """
    Its minutes.
    """
    assert sorted(trip for chain in plan for trip in chain) == list(range(block.size))
    assert all(is_feasible(block, chain) for chain in plan)
    return sum(minutes_of(block, chain) for chain in plan)


def three_sizes(block: Block) -> Block:
    """
    Windows of which each meets the next, so that no size of vehicle fits all.
    """
    low = np.array([10.0, 20.0, 30.0])[np.arange(block.size) % 3]
    return replace(block, low=low, high=low + 12.0)


def test_pieces_never_promise_more_than_the_best_plan_and_the_best_is_made_of_them() -> None:
    """001-T15: by trying everything."""
    for block in small_blocks():
        seam = seam_of(block, trips_min=2)
        if seam is None:
            continue
        best = best_of_all(block)
        buses, minutes = len(best), check_plan(block, best)
        sewn = settled(seam, matching_bound(block).buses, block.size)
        bound = by_whole_buses(block, sewn, matching_bound(block).buses, block.size)
        assert sewn.bound - 1e-3 <= bound <= buses * BUS_COST + minutes + 1e-3
        assert sewn.prices is not None
        tried = dive(seam, sewn.master, stop=lambda: False, tell=lambda share: None, care=QUICK)
        known = tried if len(tried) == buses else best
        chosen = select(
            seam,
            sewn.master,
            sewn.prices,
            known,
            gap=1e6,
            buses=buses,
            work_s=5.0,
            seed=1,
        )
        assert chosen.is_best
        assert check_plan(block, chosen.plan or known) == minutes


@pytest.mark.parametrize("sizes", ["one", "three"])
def test_pieces_show_as_much_as_whole_buses_and_dive_to_a_plan_as_good(sizes: str) -> None:
    """001-T15: also where no vehicle fits all."""
    block = max(blocks(sample_day(150)), key=lambda one: one.size)
    if sizes == "three":
        block = three_sizes(block)
    pool = Pool(block)
    pool.add((trip,) for trip in range(block.size))
    first = first_plan(block)
    pool.add(first)
    bound = matching_bound(block).buses
    whole = Relaxation(pool, Pricer(block), buses_min=bound, certificate=[])
    whole.run(gap=0.0, buses_max=len(first), stop=lambda: False, tell=lambda seen, value: None)

    seam = seam_of(block, trips_min=2)
    assert seam is not None
    assert seam.kinds == (1 if sizes == "one" else len(block.seat_values))
    sewn = settled(seam, whole.seen.buses, len(first))
    shown = by_whole_buses(block, sewn, whole.seen.buses, len(first))
    assert shown == pytest.approx(whole.seen.bound, abs=1e-2)
    for chain in sewn.chains():
        assert is_feasible(block, chain)

    plan = dive(seam, sewn.master, stop=lambda: False, tell=lambda share: None, care=QUICK)
    minutes = check_plan(block, plan)
    assert len(plan) * BUS_COST + minutes >= shown - 1e-3
    assert len(plan) <= whole.seen.buses + 1


def test_among_more_pieces_more_is_proven_and_no_plan_is_worse() -> None:
    block = max(blocks(sample_day(150)), key=lambda one: one.size)
    seam = seam_of(block, trips_min=2)
    assert seam is not None
    known = first_plan(block)
    bound = matching_bound(block).buses
    sewn = settled(seam, bound, len(known))
    assert sewn.prices is not None
    proven, minutes = 0.0, float("inf")
    for pieces_max in (50, 400, 3_200):
        chosen = select(
            seam,
            sewn.master,
            sewn.prices,
            known,
            gap=200.0,
            buses=None,
            work_s=30.0,
            seed=1,
            pieces_max=pieces_max,
        )
        assert chosen.is_best
        assert chosen.gap >= proven
        plan = chosen.plan or known
        cost = check_plan(block, plan) + seam.bus_cost * len(plan)
        assert cost <= minutes
        proven, minutes = chosen.gap, cost
    assert proven > 0


def test_a_day_without_a_calm_is_not_cut() -> None:
    """A link over the cut that is in time only for an early start would be priced wrong."""
    block = max(blocks(sample_day(60)), key=lambda one: one.size)
    assert seam_of(block, trips_min=2) is not None
    assert seam_of(replace(block, hi=block.hi + 24 * 3600), trips_min=2) is None


def weighed(block: Block, bus_cost: float) -> PieceSearch:
    seam = seam_of(block, bus_cost=bus_cost, trips_min=2)
    assert seam is not None
    return PieceSearch(
        seam,
        first_plan(block),
        SearchOptions(),
        buses_min=matching_bound(block).buses,
        clock_s=lambda: 0.0,
        step=lambda done: None,
        show=lambda: None,
    )


@pytest.mark.parametrize("bus_cost", [15.0, 400.0])
def test_by_a_weighted_goal_pieces_and_whole_buses_agree(bus_cost: float) -> None:
    """Where a bus costs little, more of them are the better plan."""
    block = max(blocks(sample_day(90)), key=lambda one: one.size)
    pieces = weighed(block, bus_cost)
    pieces.run()
    plan = [chain for _, chain in pieces.plan]
    cost = check_plan(block, plan) + bus_cost * len(plan)

    yard = one_kind(block, bus_cost)
    whole = DepotSearch(block, yard, SearchOptions(), lambda told: None, clock_s=lambda: 0.0)
    whole.run()
    assert max(pieces.bound, whole.bound) <= min(cost, whole.cost) + 1e-6
    assert cost == pytest.approx(whole.cost, rel=2e-3)
    assert pieces.bound == pytest.approx(whole.bound, rel=1e-3)
