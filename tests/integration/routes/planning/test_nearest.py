"""
What a plan is chosen among: all chains that are near to the prices, and no others. docs/contract/routes.md, 3.3.
"""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from avance.apps.routes.model import Route
from avance.apps.routes.sample import sample_day
from avance.apps.routes.solver.block import Block, Floats
from avance.apps.routes.solver.chain import Chain, is_feasible, minutes_of
from avance.apps.routes.solver.choice import best_choice
from avance.apps.routes.solver.nearest import Asked, Nearest, nearest
from avance.apps.routes.solver.pricing import Pricer
from avance.apps.routes.solver.problem import great_circle_gaps, whole_block
from avance.apps.routes.trips import NoRoads, build_trips

from .plans import days

pytestmark = pytest.mark.timeout(60)

BEGIN = 200.0
"""So much that no chain costs less than its prices, as where they give a bound."""
GAP = 150.125
TRIPS = 20


def found(block: Block, prices: Floats, *, gap: float, count_max: int) -> Nearest:
    pricer = Pricer(block)
    shape = pricer.unfit.shape[1], block.size
    asked = Asked(
        prices=prices,
        begin=np.full(shape, BEGIN),
        finish=np.zeros(shape),
        gap=gap,
        count_max=count_max,
    )
    return nearest(pricer, asked, np.array([gap / 8]))


def by_trying(block: Block, prices: Floats, gap: float) -> set[Chain]:
    """
    Everything that can be driven, of up to four trips, and costs less than so much over its prices.
    """
    return {
        chain
        for count in range(1, min(block.size, 4) + 1)
        for chain in permutations(range(block.size), count)
        if is_feasible(block, chain)
        and BEGIN + minutes_of(block, chain) - prices[list(chain)].sum() < gap
    }


@given(days(most=6), st.integers(0, 50), st.sampled_from([3, 1000]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_chain_within_the_gap_is_there_and_none_beyond_it(
    routes: list[Route], seed: int, count_max: int
) -> None:
    trips, _ = build_trips(routes, NoRoads())
    if not trips:
        return
    block = whole_block(trips, great_circle_gaps(trips))
    if not block.is_grid_exact:
        return
    prices = np.random.default_rng(seed).uniform(0, 40, block.size)
    got = found(block, prices, gap=GAP, count_max=count_max)
    short = {chain for _, chain in got.chains if len(chain) <= 4}
    assert got.gap == GAP if count_max == 1000 else got.gap <= GAP
    assert not got.gap or short == by_trying(block, prices, got.gap)


def test_where_many_are_as_near_as_can_be_none_are_written_down() -> None:
    trips, _ = build_trips(sample_day(6), NoRoads())
    block = whole_block(trips, great_circle_gaps(trips))
    pricer = Pricer(block)
    shape = pricer.unfit.shape[1], block.size
    asked = Asked(
        prices=np.zeros(block.size),
        begin=np.zeros(shape),
        finish=np.zeros(shape),
        gap=5.0,
        count_max=80,
    )
    got = nearest(pricer, asked, np.zeros(50))
    assert (got.chains, got.gap) == ([], 0.0)


def test_the_best_choice_is_called_the_best_and_one_that_was_stopped_is_not() -> None:
    random = np.random.default_rng(5)
    rows = [tuple(random.choice(TRIPS, 4, replace=False).tolist()) for _ in range(220)]
    rows += [(trip,) for trip in range(TRIPS)]
    costs = np.array([float(random.integers(20, 60)) for _ in rows])

    def choose(seconds: float) -> tuple[bool, float]:
        times = iter([0.0, *[seconds] * 1_000_000])
        choice = best_choice(
            rows, costs, trips=TRIPS, value=1e6, work_s=50.0, seed=1, clock_s=lambda: next(times)
        )
        if choice.parts is None:
            return choice.is_best, np.inf
        covered = sorted(trip for number in choice.parts for trip in rows[number])
        assert covered == list(range(TRIPS))
        return choice.is_best, float(costs[choice.parts].sum())

    (is_best, cost), (is_other_best, other) = choose(0.0), choose(100.0)
    assert (is_best, is_other_best) == (True, False)
    assert cost <= other
