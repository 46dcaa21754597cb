"""
The proof by buses alone: never more than are needed, and more than prices with minutes in them can show. docs/contract/routes.md, 3.3.
"""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from avance.apps.routes.model import Route
from avance.apps.routes.sample import sample_day
from avance.apps.routes.solver.block import Block
from avance.apps.routes.solver.bounds import matching_bound
from avance.apps.routes.solver.count import buses_needed
from avance.apps.routes.solver.master import Pool
from avance.apps.routes.solver.pricing import Pricer
from avance.apps.routes.solver.problem import blocks_of, great_circle_gaps
from avance.apps.routes.trips import NoRoads, build_trips

from .plans import days, fewest_buses, solve

pytestmark = pytest.mark.timeout(90)


def blocks(routes: list[Route]) -> list[Block]:
    trips, _ = build_trips(routes, NoRoads())
    return blocks_of(trips, great_circle_gaps(trips))


def shown(block: Block, known: int) -> int:
    pool = Pool(block)
    pool.add((trip,) for trip in range(block.size))
    return buses_needed(pool, Pricer(block), known, lambda: False)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(days(most=6))
def test_no_more_buses_are_shown_than_the_best_of_all_plans_has(routes: list[Route]) -> None:
    """001-T15"""
    mine = [block for block in blocks(routes) if block.is_grid_exact]
    if sum(block.size for block in mine) == len(build_trips(routes, NoRoads())[0]):
        assert sum(shown(block, 0) for block in mine) <= fewest_buses(routes)


def test_it_shows_a_bus_more_than_matching_and_a_plan_has_as_many() -> None:
    """001-T15: services of one morning for which 33 buses are needed by matching, and are not enough."""
    routes = sample_day(250, seed=5)
    numbers = next(
        half.ids.tolist()
        for block in blocks(routes)
        for half in [morning(block)]
        if block.size == 152
    )
    mine = [routes[number] for number in numbers]
    (block,) = blocks(mine)
    assert (matching_bound(block).buses, shown(block, 33)) == (33, 34)
    told = solve(mine).result.diagnostics
    assert (told["best_buses"], told["lower_bound_buses"]) == (34, 34)


def morning(block: Block) -> Block:
    """
    What begins before noon.
    """
    return block.part(np.flatnonzero(block.nominal < 12 * 3600))
