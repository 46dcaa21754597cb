"""
Bad input over HTTP: a clear finding for each, and never a silent drop. docs/contract/routes.md, 3.2, 001-T13.
"""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from .conftest import Site, serving
from .test_plans import result_of

pytestmark = pytest.mark.timeout(90)

HERE = {"lat": 42.6, "lon": -8.2}
SCHOOL = {"lat": 42.65, "lon": -8.25, "is_school": True}


def route(name: str, **changed: Any) -> dict[str, Any]:
    whole = {"id": name, "type": "entry", "stops": [HERE, SCHOOL], "arrival_time": "09:00"}
    return {**whole, **changed}


GOOD = [route(f"good{number}", arrival_time=f"{8 + number}:00") for number in range(4)]


@pytest.mark.parametrize(
    ("rows", "code", "name", "words"),
    [
        ([route("good0")], "duplicate_id", "good0", "give each its own id"),
        ([route("b", arrival_time=None)], "time_missing", "b", "arrival_time"),
        ([route("b", stops=[{"lat": -8.2, "lon": 42.6}])], "coordinate_far", "b", "swapped"),
        ([route("b", stops=[{"lat": 42.6, "lon": -120}])], "coordinate_far", "b", "km from the middle"),
        ([route("b", stops=[{"lat": 142.6, "lon": -8.2}])], "coordinate_out_of_range", "b", "is no place"),
        ([route("b", vehicle_capacity_max=0)], "no_seats", "b", "no vehicle fits"),
        ([route("b", departure_time="09:30")], "times_contradict", "b", "the arrival_time counts"),
        ([route("b", capacity_needed=500)], "seats_unusual", "b", "split the route"),
    ],
)  # fmt: skip
async def test_each_fault_is_a_finding_and_every_route_is_planned_or_named(
    site: Site, rows: list[dict[str, Any]], code: str, name: str, words: str
) -> None:
    """001-T13"""
    given = [*GOOD, *rows]
    started = (await site.post("/optimize-async", json.dumps(given).encode())).json()
    (finding,) = started["findings"]
    assert (finding["code"], finding["id"], finding["index"]) == (code, name, len(GOOD))
    assert words in finding["message"]
    stored = await result_of(site, started["job_id"])
    served = [item["route_id"] for bus in stored["result"]["schedule"] for item in bus["items"]]
    left_out = [one["route_id"] for one in stored["result"]["unassigned"]]
    assert len(served) + len(left_out) == len(given)
    assert finding in stored["findings"]


async def test_no_vehicles_and_too_many_routes_are_refused_with_the_way_out(site: Site) -> None:
    """001-T13"""
    body = json.dumps({"routes": GOOD, "buses_max": 0}).encode()
    nothing = await site.post("/optimize-async", body)
    empty = json.dumps({"routes": GOOD, "vehicles": []}).encode()
    none_at_all = await site.post("/optimize-async", empty)
    many = json.dumps([route(f"r{number}") for number in range(5_000)]).encode()
    crowd = await site.post("/optimize-async", many)
    assert (nothing.status_code, nothing.json()["code"]) == (422, "no_vehicles")
    assert "at least 1" in nothing.json()["detail"]
    assert (none_at_all.status_code, none_at_all.json()["code"]) == (422, "no_vehicles")
    assert "leave vehicles out" in none_at_all.json()["detail"]
    assert crowd.status_code == 422
    assert "there are 5000 routes, the most is 3000; split them" in crowd.json()["detail"]


@pytest.fixture
def roomy(tmp_path: Path) -> Iterator[Site]:
    with serving(tmp_path, routes_max=10_000) as started:
        yield started


async def test_five_thousand_routes_that_do_not_fit_into_a_job_are_refused_with_their_size(
    roomy: Site,
) -> None:
    """001-T13: also where the limit of routes was raised."""
    stops = [{**HERE, "name": f"Parada de nombre largo {n}"} for n in range(12)]
    rows = [
        route(
            f"r{number}",
            stops=[{**stop, "lat": 42 + (number * 7919 + at * 104729) % 99991 / 1e5} for at, stop in enumerate(stops)],
        )
        for number in range(5_000)
    ]  # fmt: skip
    answer = await roomy.post("/optimize-async", json.dumps(rows).encode())
    assert answer.status_code == 413
    assert answer.json()["code"] == "input_too_large"
    assert "split them" in answer.json()["detail"]


async def test_midnight_and_windows_that_overlap_are_planned_or_explained(site: Site) -> None:
    """001-T12 001-T13: a pin of two routes at the same time cannot be kept, and the minutes say why."""
    late = route("late", type="exit", arrival_time=None, departure_time="23:50")
    later = route("later", type="exit", arrival_time=None, departure_time="24:40")
    twins = [route("one"), route("two")]
    body = {
        "routes": [late, later, *twins],
        "pinned": [["one", "two"], ["late", "later"], ["one", "nobody"]],
    }
    started = (await site.post("/optimize-async", json.dumps(body).encode())).json()
    stored = await result_of(site, started["job_id"])
    chains = [[item["route_id"] for item in bus["items"]] for bus in stored["result"]["schedule"]]
    assert ("late", "later") in [pair for chain in chains for pair in pairwise(chain)]
    findings = {one["id"]: one["message"] for one in stored["findings"]}
    assert set(findings) == {"two", "nobody"}
    assert "min late, for their times overlap" in findings["two"]
    assert "there is no route nobody" in findings["nobody"]
