"""
Bad input gets a clear finding each, and never a silent drop. docs/contract/routes.md, 3.2 and 4.
"""

from typing import Any

import pytest

from avance.apps.routes.ingest import Reader, of_day, split_days

from .plans import solve


def a_route(**changed: Any) -> dict[str, Any]:
    return {
        "id": "a",
        "type": "entry",
        "stops": [{"lat": 42.5, "lon": -8.2}, {"lat": 42.6, "lon": -8.2, "is_school": True}],
        "arrival_time": "09:00",
        **changed,
    }


def read(*rows: Any) -> Any:
    return Reader(routes_max=100).read(list(rows))


@pytest.mark.parametrize(
    ("changed", "code", "field"),
    [
        ({"id": None}, "id_missing", "id"),
        ({"type": "sideways"}, "type_unknown", "type"),
        ({"stops": []}, "stops_missing", "stops"),
        ({"stops": [{"lat": 42.5}]}, "coordinate_missing", "stops[0]"),
        ({"stops": [{"lat": 142.5, "lon": -8.2}]}, "coordinate_out_of_range", "stops[0]"),
        ({"stops": [{"lat": 42.5, "lon": -8.2, "passengers": -3}]}, "negative", "stops[0].passengers"),
        ({"arrival_time": None}, "time_missing", "arrival_time"),
        ({"arrival_time": "25 o'clock"}, "time_unusable", "arrival_time"),
        ({"arrival_time": "31:00"}, "time_unusable", "arrival_time"),
        ({"capacity_needed": "many"}, "number_unusable", "capacity_needed"),
        ({"vehicle_capacity_max": 0}, "no_seats", "vehicle_capacity_max"),
        ({"vehicle_capacity_min": 50, "vehicle_capacity_max": 20}, "capacity_unusable", "vehicle_capacity_range"),
        ({"vehicle_capacity_range": "lots"}, "capacity_unusable", "vehicle_capacity_range"),
        ({"days": "LMQ"}, "days_unusable", "days"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_index_and_field(changed: Any, code: str, field: str) -> None:
    """001-T13"""
    found = read(
        a_route(), a_route(id="b", **changed) if "id" not in changed else a_route(**changed)
    )
    (finding,) = found.findings
    assert (finding.code, finding.field, finding.index) == (code, field, 1)
    assert finding.message


def test_the_second_route_of_an_id_is_refused_and_the_first_kept() -> None:
    """001-T13"""
    found = read(a_route(), a_route(), a_route(id="b"))
    assert [route.id for route in found.routes] == ["a", "b"]
    assert found.findings[0].code == "duplicate_id"


def test_swapped_coordinates_and_points_far_away_are_told() -> None:
    swapped = a_route(id="s", stops=[{"lat": -8.2, "lon": 42.5}])
    at_sea = a_route(id="w", stops=[{"lat": 42.5, "lon": -12.5}])
    found = read(*(a_route(id=f"r{n}") for n in range(5)), swapped, at_sea)
    told = {one.id: one for one in found.findings}
    assert set(told) == {"s", "w"}
    assert "swapped" in told["s"].message
    assert "swapped" not in told["w"].message
    assert not any(one.is_fatal for one in found.findings)


def test_five_thousand_routes_are_over_the_limit_and_say_so() -> None:
    found = Reader(routes_max=3_000).read([a_route(id=str(n)) for n in range(5_000)])
    assert not found.routes
    assert "3000" in found.findings[0].message


def test_after_midnight_is_still_the_same_service_day() -> None:
    """001-T12"""
    late = a_route(id="z", type="exit", arrival_time=None, departure_time="24:30")
    answer = solve(
        read(a_route(type="exit", arrival_time=None, departure_time="23:30"), late).routes
    )
    (bus,) = answer.result.schedule
    assert bus.items[1].start_time == "24:30:00"
    assert bus.items[1].original_start_time == "24:30:00"


def test_a_route_that_would_start_before_six_is_left_out_with_the_reason() -> None:
    """001-T13"""
    answer = solve(read(a_route(arrival_time="05:30"), a_route(id="b")).routes)
    (left_out,) = answer.result.unassigned
    assert (left_out.route_id, left_out.reason) == ("a", "starts_before_06:00")


def test_days_of_the_week() -> None:
    assert split_days("LMMcXV") == ["L", "M", "Mc", "X", "V"]
    routes = read(a_route(days=["L", "Mc"]), a_route(id="b", days="MV"), a_route(id="c")).routes
    assert [r.id for r in of_day(routes, "Mc")] == ["a"]
    assert [r.id for r in of_day(routes, "V")] == ["b"]
    assert len(of_day(routes, None)) == 3
