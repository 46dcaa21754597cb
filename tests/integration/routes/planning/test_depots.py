"""
Vehicles that stand at depots: so many of each type, of a size, and home again in the evening. docs/contract/routes.md, 3.3.
"""

import csv
import io
from collections.abc import Sequence
from functools import cache
from itertools import permutations

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from avance.apps.routes.check import check_schedule
from avance.apps.routes.export.files import FORMATS
from avance.apps.routes.model import Bus, Depot, Route, Trip, Vehicle
from avance.apps.routes.request import Wishes
from avance.apps.routes.result import Answer
from avance.apps.routes.sample import sample_day
from avance.apps.routes.trips import NoRoads, build_trips
from avance.apps.routes.vehicles import check_vehicles, fits
from avance.errors import InvalidRequest

from .plans import QUICK, Heard, days, drives, solve

pytestmark = pytest.mark.timeout(90)

NORTH = Vehicle(id="north", count=40, depot=Depot(lat=42.8, lon=-8.2, name="Norte"))
SOUTH = Vehicle(id="south", count=40, depot=Depot(lat=42.4, lon=-8.2, name="Sur"))


@st.composite
def fleets(draw: st.DrawFn) -> tuple[Vehicle, ...]:
    seats = st.sampled_from([None, None, 9, 20, 33, 50])
    place = st.integers(0, 12).map(lambda step: 42.4 + step * 0.03)
    depots = st.none() | place.map(lambda lat: Depot(lat=lat, lon=-8.2))
    return tuple(
        Vehicle(
            id=f"v{number}", count=draw(st.integers(1, 3)), seats=draw(seats), depot=draw(depots)
        )
        for number in range(draw(st.integers(1, 3)))
    )


def most_and_fewest(routes: Sequence[Route], vehicles: Sequence[Vehicle]) -> tuple[int, int]:
    """
    How many routes must stay out, and how many buses the others take, by trying everything.
    """
    trips, _ = build_trips(routes, NoRoads())

    @cache
    def drivable(kind: int, chosen: frozenset[int]) -> bool:
        mine: list[Trip] = [trips[number] for number in sorted(chosen)]
        if not all(fits(vehicles[kind], trip) for trip in mine):
            return False
        if max(t.seats_min for t in mine) > min(t.seats_max for t in mine):
            return False
        return any(drives(order) for order in permutations(mine))

    @cache
    def cover(left: frozenset[int], counts: tuple[int, ...]) -> tuple[int, int]:
        if not left:
            return 0, 0
        first, *others = sorted(left)
        out, buses = cover(left - {first}, counts)
        best = out + 1, buses
        for mask in range(1 << len(others)):
            part = frozenset([first, *(o for bit, o in enumerate(others) if mask >> bit & 1)])
            for kind, count in enumerate(counts):
                if count and drivable(kind, part):
                    fewer = (*counts[:kind], count - 1, *counts[kind + 1 :])
                    out, buses = cover(left - part, fewer)
                    best = min(best, (out, buses + 1))
        return best

    return cover(frozenset(range(len(trips))), tuple(one.count for one in vehicles))


def assert_whole(routes: Sequence[Route], answer: Answer, vehicles: tuple[Vehicle, ...]) -> None:
    left_out = [one.route_id for one in answer.result.unassigned]
    schedule = answer.result.schedule
    found = check_schedule(routes, schedule, NoRoads(), unassigned=left_out, vehicles=vehicles)
    assert not found
    served = [item.route_id for bus in schedule for item in bus.items]
    assert sorted([*served, *left_out]) == sorted(route.id for route in routes)


@given(days(most=5), fleets())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_most_routes_are_driven_with_the_fewest_of_the_vehicles_that_there_are(
    routes: list[Route], vehicles: tuple[Vehicle, ...]
) -> None:
    """001-T13 001-T14 001-T15"""
    heard = Heard()
    final = solve(routes, heard=heard, wishes=Wishes(vehicles=vehicles))
    for answer in [*heard.saved, final]:
        assert_whole(routes, answer, vehicles)
    out, buses = most_and_fewest(routes, vehicles)
    told = final.result.diagnostics
    assert (told["unserved_routes"], told["best_buses"]) == (out, buses)
    if not out:
        assert told["lower_bound_buses"] <= buses
        if (bound := told["lower_bound_minutes"]) is not None:
            assert bound <= told["objective_minutes"] + 1e-6


def test_every_bus_comes_from_the_depot_that_lies_nearer_to_its_day() -> None:
    routes = sample_day(60)
    both, one = (NORTH, SOUTH), (NORTH,)
    answer, other = (solve(routes, wishes=Wishes(vehicles=some)) for some in (both, one))
    assert_whole(routes, answer, both)
    told, alone = answer.result.diagnostics, other.result.diagnostics
    assert told["best_buses"] == alone["best_buses"] == told["lower_bound_buses"]
    assert min(told["vehicles_used"].values()) > 0
    assert told["objective_minutes"] < alone["objective_minutes"]
    assert told["lower_bound_minutes"] <= told["objective_minutes"]
    assert told["depot_minutes"] == sum(
        (bus.pull_out_minutes or 0) + (bus.pull_in_minutes or 0) for bus in answer.result.schedule
    )
    first = answer.result.schedule[0]
    text = answer.explanations["es"]["why_not_fewer"].text
    assert first.leaves_depot < first.items[0].start_time
    assert f"No basta con {told['best_buses'] - 1}" in text


def test_loads_are_evened_out_between_vehicles_for_the_minutes_that_this_may_cost() -> None:
    routes, both = sample_day(60), (NORTH, SOUTH)
    plain, even = (
        solve(
            routes,
            wishes=Wishes(vehicles=both, mode="balance"),
            options=msgspec.structs.replace(QUICK, balance_minutes=minutes),
        )
        for minutes in (0.0, 40.0)
    )
    assert_whole(routes, even, both)
    before, after = plain.result.diagnostics, even.result.diagnostics
    assert after["best_buses"] == before["best_buses"]
    assert after["load_spread"] < before["load_spread"]
    assert after["objective_minutes"] > before["objective_minutes"]


def test_a_depot_with_few_vehicles_sends_no_more_and_what_stays_out_is_named() -> None:
    routes = sample_day(40)
    few = (
        msgspec.structs.replace(NORTH, count=2),
        msgspec.structs.replace(SOUTH, count=3, seats=50),
    )
    answer = solve(routes, wishes=Wishes(vehicles=few))
    assert_whole(routes, answer, few)
    told = answer.result.diagnostics
    assert told["vehicles_used"] == {"north": 2, "south": 3}
    assert told["unserved_routes"] == len(answer.result.unassigned) > 0
    assert told["solver_status"] == "feasible"
    why = answer.explanations["en"]["why_not_fewer"]
    assert why.code == "fleet_mix"
    assert f"{told['unserved_routes']} services are left out" in why.text


def test_a_route_that_no_size_fits_says_so() -> None:
    routes = sample_day(12)
    small = (Vehicle(id="small", count=20, seats=9),)
    answer = solve(routes, wishes=Wishes(vehicles=small))
    reasons = {one.reason for one in answer.result.unassigned}
    assert reasons == {"no_vehicle_fits"}
    assert all(item.capacity_needed <= 9 for bus in answer.result.schedule for item in bus.items)


def change(bus: Bus, **fields: object) -> Bus:
    return msgspec.structs.replace(bus, **fields)


def test_the_check_names_wrong_vehicles_sizes_counts_and_ways() -> None:
    routes = sample_day(20)
    vehicles = (NORTH, Vehicle(id="minibus", count=1, seats=9))
    schedule = solve(routes, wishes=Wishes(vehicles=(NORTH,))).result.schedule
    large = next(n for n, bus in enumerate(schedule) if bus.min_required_seats > 9)

    def rules(number: int, **fields: object) -> set[str]:
        buses = [change(bus, **fields) if n == number else bus for n, bus in enumerate(schedule)]
        found = check_schedule(routes, buses, NoRoads(), vehicles=vehicles)
        return {one.rule for one in found}

    assert not rules(-1)
    assert rules(0, vehicle="unknown") == {"fleet"}
    assert rules(0, vehicle=msgspec.UNSET) == {"fleet"}
    assert rules(large, vehicle="minibus") == {"R7"}
    assert rules(0, pull_out_minutes=(schedule[0].pull_out_minutes or 0) - 1) == {"depot"}
    assert rules(0, back_at_depot="09:00:00") == {"depot"}
    scarce = (change_count(NORTH, len(schedule) - 1),)
    found = check_schedule(routes, schedule, NoRoads(), vehicles=scarce)
    assert {one.rule for one in found} == {"fleet"}
    first = schedule[0].items[0].route_id
    less = [change(schedule[0], items=schedule[0].items[1:]), *schedule[1:]]
    idle = check_schedule(
        routes, [b for b in less if b.items], NoRoads(), unassigned=[first], vehicles=(NORTH,)
    )
    assert "R1" in {one.rule for one in idle}


def change_count(vehicle: Vehicle, count: int) -> Vehicle:
    return msgspec.structs.replace(vehicle, count=count)


def test_files_name_the_vehicle_and_the_depot() -> None:
    schedule = solve(sample_day(12), wishes=Wishes(vehicles=(NORTH,))).result.schedule
    text = FORMATS["csv"].write(schedule).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text), delimiter=";"))
    assert {row["cochera"] for row in rows} == {"Norte"}
    assert rows[0]["sale de cochera"] == schedule[0].leaves_depot
    features = msgspec.json.decode(FORMATS["geojson"].write(schedule))["features"]
    ways = [one for one in features if one["properties"]["kind"] == "depot"]
    assert len(ways) == 2 * len(schedule)
    assert ways[0]["geometry"]["coordinates"][0] == [-8.2, 42.8]
    for format in ("xlsx", "pdf", "json"):
        assert FORMATS[format].write(schedule)


@pytest.mark.parametrize(
    ("vehicles", "words"),
    [
        ([Vehicle(id="a", count=1), Vehicle(id="a", count=2)], "there twice"),
        ([Vehicle(id="a", count=0)], "count 0"),
        ([Vehicle(id="a", count=1, seats=0)], "0 seats"),
        ([Vehicle(id="a", count=1, depot=Depot(lat=0, lon=0))], "no place"),
        ([Vehicle(id="a", count=1, depot=Depot(lat=-8.2, lon=42.6))], "swapped"),
        ([Vehicle(id=f"{n}", count=1) for n in range(17)], "the most is 16"),
    ],
)
def test_vehicles_that_cannot_be_are_refused_with_the_way_out(
    vehicles: list[Vehicle], words: str
) -> None:
    with pytest.raises(InvalidRequest, match=words) as refused:
        check_vehicles(vehicles, sample_day(4))
    assert refused.value.code == "vehicles_unusable"
