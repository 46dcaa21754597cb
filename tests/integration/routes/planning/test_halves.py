"""
A day in two halves: what is joined is a plan, and what is shown of a half holds for the whole. docs/contract/routes.md, 3.3 and 4.
"""

from collections.abc import Iterator

from hypothesis import HealthCheck, given, settings

from avance.apps.routes.model import Route
from avance.apps.routes.sample import sample_day
from avance.apps.routes.solver.block import Block
from avance.apps.routes.solver.bounds import matching_bound
from avance.apps.routes.solver.chain import is_feasible, minutes_of
from avance.apps.routes.solver.halves import GAPS, halves_of
from avance.apps.routes.solver.pricing import Pricer
from avance.apps.routes.solver.problem import blocks_of, great_circle_gaps
from avance.apps.routes.trips import NoRoads, build_trips

from .plans import days, fewest_buses


def blocks(routes: list[Route]) -> Iterator[Block]:
    trips, _ = build_trips(routes, NoRoads())
    if trips:
        yield from blocks_of(trips, great_circle_gaps(trips))


def halved(block: Block) -> tuple[int, int]:
    """
    The bound and the buses of the joined plan, which is checked.
    """
    halves = halves_of(block, trips_min=2)
    if halves is None:
        return matching_bound(block).buses, block.size
    for gap in GAPS:
        plan = halves.improve(gap, lambda: False)
        assert sorted(trip for chain in plan for trip in chain) == list(range(block.size))
        assert all(is_feasible(block, chain) for chain in plan)
    return halves.bound, len(plan)


@given(days(most=7))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_plan_has_fewer_buses_than_the_halves_say(routes: list[Route]) -> None:
    """001-T15: by trying everything."""
    found = [halved(block) for block in blocks(routes)]
    fewest = fewest_buses(routes)
    assert sum(bound for bound, _ in found) <= fewest <= sum(buses for _, buses in found)


def test_the_halves_of_a_day_prove_the_fewest_buses_of_the_whole() -> None:
    largest = max(blocks(sample_day(300)), key=lambda block: block.size)
    bound, buses = halved(largest)
    assert bound == buses


def test_what_the_pricing_counts_is_what_a_chain_costs() -> None:
    """Also where trips are shifted, and where only some may be used."""
    for block in blocks(sample_day(120, seed=4)):
        pricer = Pricer(block)
        prices = block.duration * 20.0
        is_open = block.ids % 3 != 0
        for some in (None, is_open):
            least, found = pricer.price(prices, bus_cost=10_000.0, is_open=some)
            assert found
            assert least == min(one.reduced for one in found)
            for one in found:
                chain = list(one.chain)
                assert is_feasible(block, chain)
                assert one.minutes == minutes_of(block, chain)
                assert abs(10_000.0 + one.minutes - prices[chain].sum() - one.reduced) < 1e-6
                assert some is None or some[chain].all()
