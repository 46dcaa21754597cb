"""
Fewer buses than it takes: nothing is lost silently, and what is driven may be driven. docs/contract/routes.md, 3.3.
"""

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from avance.apps.routes.check import check_schedule
from avance.apps.routes.model import Route
from avance.apps.routes.request import Wishes
from avance.apps.routes.sample import sample_day
from avance.apps.routes.trips import NoRoads

from .plans import Heard, days, solve

pytestmark = pytest.mark.timeout(90)


@given(days(most=14), st.integers(1, 6))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_limited_fleet_is_kept_by_every_plan_and_each_route_left_out_is_named(
    routes: list[Route], fleet: int
) -> None:
    """001-T13 001-T14"""
    heard = Heard()
    final = solve(routes, heard=heard, wishes=Wishes(buses_max=fleet))
    for answer in [*heard.saved, final]:
        schedule = answer.result.schedule
        left_out = {one.route_id: one.reason for one in answer.result.unassigned}
        assert len(schedule) <= fleet
        assert not check_schedule(
            routes, schedule, NoRoads(), unassigned=list(left_out), buses_max=fleet
        )
        served = [item.route_id for bus in schedule for item in bus.items]
        assert sorted([*served, *left_out]) == sorted(route.id for route in routes)
        told = answer.result.diagnostics
        missing = [reason for reason in left_out.values() if reason == "no_bus_left"]
        assert told["unserved_routes"] == len(missing)
        assert told["lower_bound_buses"] <= told["best_buses"]
        assert not (missing and told["solver_status"] == "optimal")


def test_a_fleet_that_is_too_small_says_how_many_are_needed() -> None:
    routes = sample_day(40)
    whole = solve(routes)
    needed = whole.result.diagnostics["lower_bound_buses"]
    answer = solve(routes, wishes=Wishes(buses_max=needed - 2))
    enough = solve(routes, wishes=Wishes(buses_max=whole.stats.total_buses))
    told = answer.result.diagnostics
    assert (told["best_buses"], told["buses_needed"]) == (needed - 2, needed)
    assert {one.reason for one in answer.result.unassigned} == {"no_bus_left"}
    why = answer.explanations["es"]["why_not_fewer"].text
    assert f"hacen falta al menos {needed}" in why
    assert "ningún autobús de la flota" in answer.explanations["es"]["left_out"][0].text
    assert not enough.result.unassigned
    assert enough.result.schedule == whole.result.schedule


def test_the_check_names_a_fleet_that_is_too_large_and_a_route_that_still_had_room() -> None:
    routes = sample_day(12)
    answer = solve(routes)
    schedule = answer.result.schedule
    size = len(schedule)
    first = schedule[0].items[0].route_id
    less = [msgspec.structs.replace(schedule[0], items=schedule[0].items[1:]), *schedule[1:]]
    less = [bus for bus in less if bus.items]

    def rules(fleet: int | None) -> set[str]:
        found = check_schedule(routes, less, NoRoads(), unassigned=[first], buses_max=fleet)
        return {one.rule for one in found}

    assert rules(None) == {"R1"}
    assert rules(size + 1) == {"R1"}
    assert "fleet" in rules(len(less) - 1)
    assert not rules(len(less))


@pytest.mark.parametrize("fleet", [1, 2])
def test_the_fullest_buses_are_kept(fleet: int) -> None:
    routes = sample_day(30)
    loads = sorted((len(bus.items) for bus in solve(routes).result.schedule), reverse=True)
    answer = solve(routes, wishes=Wishes(buses_max=fleet))
    assert answer.stats.total_routes >= sum(loads[:fleet])
