"""
Weighted goals: each preset has plans of its own, what they cost is what they say, and no plan costs less than the bound.
docs/contract/routes.md, 3.4.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise, permutations

import pytest

from avance.apps.routes.capacity import group_of
from avance.apps.routes.check import check_schedule
from avance.apps.routes.goals import PRESETS, Factors, Goal, Weights
from avance.apps.routes.model import Bus, Depot, Route, Stop, Trip, Vehicle
from avance.apps.routes.request import Wishes
from avance.apps.routes.result import Answer, seconds_of
from avance.apps.routes.sample import sample_day
from avance.apps.routes.settings import Preset
from avance.apps.routes.solver.options import SearchOptions
from avance.apps.routes.trips import NoRoads, build_trips

from .plans import drives, solve

pytestmark = pytest.mark.timeout(120)

DAY = sample_day(60, seed=3)
"""On which each goal has a plan of its own."""
NORTH = Vehicle(id="north", count=30, depot=Depot(lat=42.8, lon=-8.2, name="Norte"))
SOUTH = Vehicle(id="south", count=30, depot=Depot(lat=42.4, lon=-8.2, name="Sur"))
MINUTE = 60


def planned(
    routes: Sequence[Route], goal: Goal, *, vehicles: tuple[Vehicle, ...] = (), **more: object
) -> Answer:
    wishes = Wishes(goal=goal, vehicles=vehicles, **more)  # type: ignore[arg-type]
    answer = solve(routes, wishes=wishes, options=SearchOptions(shakes=10))
    left_out = [one.route_id for one in answer.result.unassigned]
    schedule = answer.result.schedule
    assert not check_schedule(routes, schedule, NoRoads(), unassigned=left_out, vehicles=vehicles)
    return answer


def preset(name: Preset) -> Goal:
    return Goal(preset=name, weights=PRESETS[name])


def km(a: Stop | Depot, b: Stop | Depot) -> float:
    """
    Another formula than that of the product.
    """
    lat_a, lat_b, lon = math.radians(a.lat), math.radians(b.lat), math.radians(a.lon - b.lon)
    cosine = math.sin(lat_a) * math.sin(lat_b) + math.cos(lat_a) * math.cos(lat_b) * math.cos(lon)
    return 6371.0088 * math.acos(min(1.0, cosine))


def amounts(schedule: Sequence[Bus], factors: Factors) -> dict[str, float]:
    """
    From nothing but the schedule.
    """
    loads = [len(bus.items) for bus in schedule]
    litres_per_km = (0.10, 0.18, 0.30)
    told = dict.fromkeys(Weights.__struct_fields__, 0.0)
    for bus in schedule:
        ways = [km(a.stops[-1], b.stops[0]) for a, b in pairwise(bus.items)]
        if bus.depot:
            ways += [km(bus.depot, bus.items[0].stops[0]), km(bus.items[-1].stops[-1], bus.depot)]
        begin = bus.leaves_depot or bus.items[0].start_time
        end = bus.back_at_depot or bus.items[-1].end_time
        hours = (seconds_of(end) - seconds_of(begin)) / 3600
        litres = sum(ways) * litres_per_km[group_of(bus.items[0].capacity_needed)]
        told["buses"] += 1
        told["deadhead_km"] += sum(ways)
        told["driver_overtime"] += max(0.0, hours - factors.duty_hours)
        told["time_shift_minutes"] += sum(abs(item.time_shift_minutes) for item in bus.items)
        told["unbalanced_load"] += abs(len(bus.items) - sum(loads) / len(loads))
        told["fuel"] += litres
        told["co2"] += litres * 2.68
    return told


def cost(schedule: Sequence[Bus], goal: Goal) -> float:
    found = amounts(schedule, goal.factors)
    return sum(found[name] * getattr(goal.weights, name) for name in found)


@cache
def plans() -> Mapping[Preset, Answer]:
    return {name: planned(DAY, preset(name)) for name in PRESETS}


def test_each_preset_has_the_best_plan_by_its_own_weights() -> None:
    weighed: tuple[Preset, ...] = ("minimize_cost", "minimize_emissions", "balanced")
    for name in weighed:
        costs = {other: cost(plan.result.schedule, preset(name)) for other, plan in plans().items()}
        assert all(costs[name] < costs[other] for other in PRESETS if other != name), costs


def test_a_preset_moves_what_it_is_named_after() -> None:
    told = {
        name: amounts(plan.result.schedule, Factors()) | {"plan": plan.result.diagnostics}
        for name, plan in plans().items()
    }
    fewest, cheapest, clean = (
        told[name] for name in ("minimize_buses", "minimize_cost", "minimize_emissions")
    )
    assert fewest["buses"] == plans()["minimize_buses"].result.diagnostics["lower_bound_buses"]
    assert all(one["buses"] >= fewest["buses"] for one in told.values())
    assert clean["co2"] < cheapest["co2"] < fewest["co2"]
    assert cheapest["driver_overtime"] < fewest["driver_overtime"]
    assert told["balanced"]["unbalanced_load"] < cheapest["unbalanced_load"]


def test_what_a_plan_says_that_it_costs_is_what_its_schedule_comes_to() -> None:
    for name, plan in plans().items():
        goal = plan.result.diagnostics["goal"]
        found = amounts(plan.result.schedule, Factors())
        assert goal["preset"] == name
        assert goal["amounts"] == pytest.approx(found, abs=2e-3)
        assert goal["cost"] == pytest.approx(cost(plan.result.schedule, preset(name)), abs=0.1)
        assert goal["cost"] == pytest.approx(sum(goal["costs"].values()), abs=0.01)
        assert goal["weights"]["buses"] == PRESETS[name].buses
        assert goal["factors"]["co2_kg_per_litre"] == 2.68


def test_a_bound_is_told_for_the_goal_that_it_is_of_and_for_no_other() -> None:
    """001-T15: optimal is said of buses only where buses meet their bound, whatever the goal."""
    for name, plan in plans().items():
        told = plan.result.diagnostics
        goal = told["goal"]
        assert (
            told["lower_bound_buses"] == plans()["minimize_buses"].result.diagnostics["best_buses"]
        )
        assert (told["solver_status"] == "optimal") == (
            told["best_buses"] == told["lower_bound_buses"]
        )
        if name == "minimize_buses":
            assert (goal["lower_bound"], goal["gap"], goal["status"]) == (None, None, "feasible")
            assert told["lower_bound_minutes"] is not None
            continue
        assert told["lower_bound_minutes"] is None
        assert goal["lower_bound"] <= goal["cost"]
        # Of uneven loads and long days the bound knows nothing, so it is further off where these weigh much.
        assert goal["gap"] < (0.02 if name == "balanced" else 0.001)
        for other in plans().values():
            assert goal["lower_bound"] <= cost(other.result.schedule, preset(name)) + 1e-3


SMALL = Weights(buses=40.0, deadhead_km=3.0, time_shift_minutes=2.0, unbalanced_load=5.0)
"""By which a bus is worth about as much as a way."""


@pytest.mark.parametrize("seed", range(6))
def test_no_plan_of_a_small_day_costs_less_than_the_bound_and_optimal_is_the_least(
    seed: int,
) -> None:
    """001-T15: beside an exhaustive search."""
    routes = sample_day(7, seed=seed)
    goal = Goal(preset="balanced", weights=SMALL)
    told = planned(routes, goal).result.diagnostics["goal"]
    least = least_cost(routes, goal)
    assert told["lower_bound"] <= least + 1e-3
    assert told["cost"] >= least - 1e-3
    even = Goal(preset="minimize_cost", weights=Weights(buses=40.0, deadhead_km=3.0, driver_overtime=0.0, unbalanced_load=0.0))  # fmt: skip
    exact = planned(routes, even).result.diagnostics["goal"]
    assert exact["status"] == "optimal"
    assert exact["cost"] == pytest.approx(least_cost(routes, even), abs=1e-3)


def least_cost(routes: Sequence[Route], goal: Goal) -> float:
    """
    By trying every way to share the routes among buses.
    """
    trips, _ = build_trips(routes, NoRoads())

    @cache
    def bus_cost(chosen: frozenset[int]) -> float:
        mine = [trips[number] for number in sorted(chosen)]
        if max(t.seats_min for t in mine) > min(t.seats_max for t in mine):
            return math.inf
        orders = [order for order in permutations(mine) if drives(order)]
        return min((order_cost(order, goal) for order in orders), default=math.inf)

    best = math.inf
    for parts in partitions(range(len(trips))):
        mean = len(trips) / len(parts)
        uneven = sum(abs(len(part) - mean) for part in parts)
        driven = sum(bus_cost(frozenset(part)) for part in parts)
        best = min(best, driven + goal.weights.unbalanced_load * uneven)
    return best


def partitions(numbers: Sequence[int]) -> Iterator[list[list[int]]]:
    if not numbers:
        yield []
        return
    first, *rest = numbers
    for parts in partitions(rest):
        yield [[first], *parts]
        for place in range(len(parts)):
            yield [*parts[:place], [first, *parts[place]], *parts[place + 1 :]]


def order_cost(order: Sequence[Trip], goal: Goal) -> float:
    """
    At the starts, minute by minute, that cost least.
    """
    weights = goal.weights
    way = sum(point_km(a, b) * goal.per_km(a.demand) for a, b in pairwise(order))
    # So many minutes of shift from the first start on: {start of the last: (shift, start of the first)}.
    least = math.inf
    for first in range(order[0].earliest_s, order[0].latest_s + 1, MINUTE):
        at = {first: abs(first - order[0].nominal_s)}
        for before, trip in pairwise(order):
            ready = before.duration_s + MINUTE * gap_minutes(before, trip)
            at = {
                start: min(shift for then, shift in at.items() if then + ready <= start)
                + abs(start - trip.nominal_s)
                for start in range(trip.earliest_s, trip.latest_s + 1, MINUTE)
                if any(then + ready <= start for then in at)
            }
        for start, shift in at.items():
            hours = (start + order[-1].duration_s - first) / 3600
            over = max(0.0, hours - goal.factors.duty_hours)
            least = min(
                least,
                weights.time_shift_minutes * shift / MINUTE + weights.driver_overtime * over,
            )
    return weights.buses + way + least


def point_km(a: Trip, b: Trip) -> float:
    assert a.end is not None
    assert b.start is not None
    return km(Depot(lat=a.end.lat, lon=a.end.lon), Depot(lat=b.start.lat, lon=b.start.lon))


def gap_minutes(a: Trip, b: Trip) -> int:
    return max(5, math.floor(point_km(a, b) / 50 * 60) + 3) + 2


def test_with_depots_the_ways_there_are_weighed_and_the_bound_holds() -> None:
    routes = sample_day(32)
    vehicles = (NORTH, SOUTH)
    told = {name: planned(routes, preset(name), vehicles=vehicles).result for name in PRESETS}
    clean = told["minimize_emissions"]
    found = amounts(clean.schedule, Factors())
    assert clean.diagnostics["goal"]["amounts"] == pytest.approx(found, abs=2e-3)
    assert found["co2"] < amounts(told["minimize_buses"].schedule, Factors())["co2"]
    for name in ("minimize_cost", "minimize_emissions", "balanced"):
        goal = told[name].diagnostics["goal"]
        assert 0 < goal["lower_bound"] <= goal["cost"]
        for other in told.values():
            assert goal["lower_bound"] <= cost(other.schedule, preset(name)) + 1e-3
            assert goal["cost"] <= cost(other.schedule, preset(name)) + 1e-3


def test_a_fleet_that_is_too_small_still_drives_as_much_as_it_can_by_a_weighted_goal() -> None:
    """001-T13: routes left out are named, and no bound on the cost of all is told."""
    routes = sample_day(20)
    few = (Vehicle(id="few", count=3),)
    weighed = planned(routes, preset("minimize_emissions"), vehicles=few).result
    usual = planned(routes, preset("minimize_buses"), vehicles=few).result
    assert len(weighed.unassigned) == len(usual.unassigned) > 0
    assert weighed.diagnostics["goal"]["lower_bound"] is None


def test_pins_hold_by_a_weighted_goal_and_no_bound_is_told_beside_them() -> None:
    routes = sample_day(30)
    usual = planned(routes, preset("minimize_buses")).result.schedule
    first, second, *_ = max(usual, key=lambda bus: len(bus.items)).items
    pinned = ((first.route_id, second.route_id),)
    result = planned(routes, preset("minimize_emissions"), pinned=pinned).result
    follows = {(a.route_id, b.route_id) for bus in result.schedule for a, b in pairwise(bus.items)}
    assert pinned[0] in follows
    assert result.diagnostics["goal"]["lower_bound"] is None
