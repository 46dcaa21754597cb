"""
Where no start may move and any vehicle does, one assignment is the best plan there is. docs/contract/routes.md, 3.3 and 4.
"""

from dataclasses import replace

import numpy as np
import pytest

from avance.apps.routes.sample import sample_day
from avance.apps.routes.solver import fixed
from avance.apps.routes.solver.block import Block
from avance.apps.routes.solver.bounds import matching_bound, reachable
from avance.apps.routes.solver.chain import is_feasible, minutes_of
from avance.apps.routes.solver.fixed import best_of_fixed, is_fixed
from avance.apps.routes.solver.options import SearchOptions
from avance.apps.routes.solver.problem import great_circle_gaps, whole_block
from avance.apps.routes.solver.search import Found, Search, Told
from avance.apps.routes.solver.small import TRIPS_MAX, best_of_all
from avance.apps.routes.trips import NoRoads, build_trips

pytestmark = pytest.mark.timeout(60)


def fixed_day(size: int, *, seed: int = 1) -> Block:
    trips, _ = build_trips(sample_day(size, seed=seed), NoRoads())
    block = whole_block(trips, great_circle_gaps(trips))
    # Like any shift, that of the order of trips by their earliest start could turn links back.
    order = np.argsort(block.nominal, kind="stable")
    block = replace(block.part(order), ids=np.arange(block.size))
    one = np.ones(block.size)
    everywhere = np.ones((block.size, block.size), dtype=bool)
    return replace(
        block, lo=block.nominal, hi=block.nominal, low=one, high=one, may_follow=everywhere
    )


def test_no_other_plan_is_better() -> None:
    """001-T15: by trying everything."""
    for seed in range(1, 31):
        block = fixed_day(TRIPS_MAX, seed=seed)
        assert is_fixed(block)
        plan, best = best_of_fixed(block), best_of_all(block)
        assert sorted(trip for chain in plan for trip in chain) == list(range(block.size))
        assert all(is_feasible(block, chain) for chain in plan)
        assert len(plan) == len(best)
        assert sum(minutes_of(block, c) for c in plan) == sum(minutes_of(block, c) for c in best)


def test_the_assignment_of_long_days_is_as_good_as_that_of_short_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are solved by different programs."""
    block = fixed_day(200)
    dense = best_of_fixed(block)
    monkeypatch.setattr(fixed, "DENSE_TRIPS_MAX", 10)
    sparse = best_of_fixed(block)
    assert len(sparse) == len(dense)
    assert sum(minutes_of(block, c) for c in sparse) == sum(minutes_of(block, c) for c in dense)


def test_the_first_plan_told_is_proven_and_its_certificate_holds() -> None:
    """001-T15"""
    block = fixed_day(250)
    told: list[Told] = []
    Search([block], SearchOptions(), told.append, clock_s=lambda: 0.0).run()
    first = next(one for one in told if isinstance(one, Found))
    assert len(first.buses) == first.bound == len(first.certificate)
    assert first.minutes == first.bound_minutes
    together = reachable(block)[np.ix_(first.certificate, first.certificate)]
    assert not together.any()
    assert matching_bound(block).buses == first.bound


def test_a_start_that_may_move_or_a_size_that_does_not_fit_is_not_fixed() -> None:
    block = fixed_day(30)
    assert not is_fixed(replace(block, hi=block.hi + 60))
    assert not is_fixed(replace(block, low=np.linspace(1.0, 2.0, block.size)))
