"""
Plans are valid, bounds are bounds, and what is called optimal is. docs/contract/routes.md, 3.3 and 4.
"""

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from avance.apps.routes.check import check_schedule
from avance.apps.routes.model import Route
from avance.apps.routes.phases import PHASES
from avance.apps.routes.sample import sample_day
from avance.apps.routes.solver.options import SearchOptions
from avance.apps.routes.trips import NoRoads

from .plans import Heard, days, fewest_buses, pair_of_routes, solve

pytestmark = pytest.mark.timeout(90)


@given(days(most=7))
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_up_to_eight_routes_get_the_fewest_buses_and_the_bound_says_so(routes: list[Route]) -> None:
    """001-T15"""
    answer = solve(routes)
    best = fewest_buses(routes)
    diagnostics = answer.result.diagnostics
    assert answer.stats.total_buses == best
    assert diagnostics["lower_bound_buses"] == best
    assert diagnostics["solver_status"] == "optimal"


@given(days(most=40))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_plan_on_the_way_keeps_the_rules_and_loses_no_route(routes: list[Route]) -> None:
    """001-T13 001-T14 001-T15"""
    heard = Heard()
    final = solve(routes, heard=heard)
    for answer in [*heard.saved, final]:
        left_out = [one.route_id for one in answer.result.unassigned]
        assert not check_schedule(routes, answer.result.schedule, NoRoads(), unassigned=left_out)
        served = [item.route_id for bus in answer.result.schedule for item in bus.items]
        assert sorted(served + left_out) == sorted(route.id for route in routes)
        diagnostics = answer.result.diagnostics
        assert diagnostics["lower_bound_buses"] <= answer.stats.total_buses
        is_proven = diagnostics["lower_bound_buses"] == answer.stats.total_buses
        assert (diagnostics["solver_status"] == "optimal") == is_proven


@pytest.mark.parametrize(("minutes_between", "buses"), [(-8, 1), (-9, 2)])
def test_both_ends_are_shifted_where_that_saves_a_bus(minutes_between: int, buses: int) -> None:
    """001-T16: five minutes earlier and ten later join what has a gap of seven."""
    answer = solve(pair_of_routes(minutes_between))
    assert answer.stats.total_buses == buses
    assert answer.result.diagnostics["solver_status"] == "optimal"


def test_the_same_day_and_seed_give_the_same_plan() -> None:
    routes = sample_day(60)
    once, again = solve(routes), solve(routes)
    assert msgspec.json.encode(once.result.schedule) == msgspec.json.encode(again.result.schedule)


def test_phases_come_in_order_and_every_better_plan_is_told_with_its_bound() -> None:
    """001-16 001-37"""
    heard = Heard()
    answer = solve(sample_day(80), heard=heard, options=SearchOptions(shakes=20))
    assert heard.phases == list(PHASES)
    told = [data for _, _, data in heard.shown if data]
    assert told
    for data in told:
        assert set(data) == {"best", "best_buses", "bound", "gap", "plan_rev"}
        assert data["bound"] <= data["best_buses"]  # type: ignore[operator]
    assert answer.result.diagnostics["best_buses"] <= told[0]["best_buses"]  # type: ignore[operator]


def test_no_two_routes_of_the_certificate_share_a_bus_in_any_plan() -> None:
    """001-T15: why not one bus fewer."""
    routes = sample_day(60)
    certificate = solve(routes).result.diagnostics["certificate"]
    chosen = [route for route in routes if route.id in certificate]
    assert len(chosen) >= 2
    for place, one in enumerate(chosen):
        for other in chosen[place + 1 :]:
            assert fewest_buses([one, other]) == 2
