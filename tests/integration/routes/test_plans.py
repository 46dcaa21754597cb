"""
What can be asked of a plan: why, what if, other goals, a week. docs/contract/routes.md, 3.3 and 3.4.
"""

import json
from itertools import pairwise
from typing import Any

import anyio
import msgspec
import pytest

from avance.apps.routes.check import check_schedule
from avance.apps.routes.http_files import FullSchedule
from avance.apps.routes.model import Route
from avance.apps.routes.sample import sample_day
from avance.apps.routes.trips import NoRoads

from .conftest import PATIENCE_S, Site

pytestmark = pytest.mark.timeout(90)


async def planned(site: Site, routes: list[Route], **given: Any) -> tuple[str, dict[str, Any]]:
    body = msgspec.json.encode({"routes": routes, **given})
    answer = await site.post("/optimize-async", body)
    assert answer.status_code == 200, answer.text
    job_id = answer.json()["job_id"]
    return job_id, await result_of(site, job_id)


async def result_of(site: Site, job_id: str) -> dict[str, Any]:
    with anyio.fail_after(PATIENCE_S):
        await site.ended(job_id)
    stored: dict[str, Any] = (await site.get(f"/v1/jobs/{job_id}/result")).json()
    return stored


def assert_valid(routes: list[Route], stored: dict[str, Any]) -> None:
    schedule = msgspec.convert(stored["result"], FullSchedule).schedule
    assert not check_schedule(routes, schedule, NoRoads())


def buses(stored: dict[str, Any]) -> list[list[str]]:
    return [[item["route_id"] for item in bus["items"]] for bus in stored["result"]["schedule"]]


async def test_vehicles_at_depots_are_planned_shown_checked_and_kept_in_a_what_if(
    site: Site,
) -> None:
    """001-T14: the same check that anybody may ask for."""
    routes = sample_day(20)
    vehicles = [
        {"id": "north", "count": 9, "depot": {"lat": 42.8, "lon": -8.2, "name": "Norte"}},
        {"id": "south", "count": 9, "depot": {"lat": 42.4, "lon": -8.2}},
    ]
    job_id, stored = await planned(site, routes, vehicles=vehicles)
    schedule = stored["result"]["schedule"]
    assert {bus["vehicle"] for bus in schedule} <= {"north", "south"}
    assert all(bus["leaves_depot"] < bus["items"][0]["start_time"] for bus in schedule)
    diagnostics = stored["result"]["diagnostics"]
    assert sum(diagnostics["vehicles_used"].values()) == len(schedule)

    async def checked(**wrong: Any) -> set[str]:
        buses = [{**schedule[0], **wrong}, *schedule[1:]]
        body = {"routes": routes, "vehicles": vehicles, "schedule": buses}
        answer = await site.post("/validate-schedule", msgspec.json.encode(body))
        return {one["rule"] for one in answer.json()["violations"]}

    assert not await checked()
    assert await checked(vehicle="nowhere") == {"fleet"}
    assert await checked(pull_out_minutes=0) == {"depot"}
    first = schedule[0]["items"][0]["route_id"]
    why = (await site.get(f"/jobs/{job_id}/explain", route=first, lang="en")).json()
    assert why["code"] == "from_depot"
    both = msgspec.json.encode({"routes": routes, "vehicles": vehicles, "buses_max": 3})
    refused = await site.post("/optimize-async", both)
    assert (refused.status_code, refused.json()["code"]) == (422, "vehicles_unusable")
    changed = msgspec.json.encode({"changes": [{"route_id": first, "is_removed": True}]})
    again = await site.post(f"/jobs/{job_id}/what-if", changed)
    later = await result_of(site, again.json()["job_id"])
    assert all(bus["depot"] for bus in later["result"]["schedule"])


async def test_how_robust_a_plan_is_can_be_asked_with_other_numbers(site: Site) -> None:
    job_id, stored = await planned(site, sample_day(20))
    asked = f"/jobs/{job_id}/robustness"
    assert (await site.get(asked)).json() == stored["result"]["diagnostics"]["robustness"]
    calm = (await site.get(asked, delay_percent="0", runs="10", seed="7")).json()
    assert (calm["grade"], calm["on_time_share"], calm["runs"], calm["seed"]) == ("A", 1.0, 10, 7)
    refused = await site.get(asked, runs="10001")
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_query")
    assert "10000" in refused.json()["detail"]


async def test_why_this_bus_why_not_that_one_and_why_not_one_fewer(site: Site) -> None:
    """001-T15"""
    job_id, stored = await planned(site, sample_day(24))
    (first, second, *_), *others = sorted(buses(stored), key=len, reverse=True)
    names = {bus["items"][0]["route_id"]: bus["bus_id"] for bus in stored["result"]["schedule"]}
    asked = f"/jobs/{job_id}/explain"
    why = (await site.get(asked, route=second, lang="en")).json()
    begins = (await site.get(asked, route=first)).json()
    fewer = (await site.get(asked, lang="es")).json()
    refusals = [
        (await site.get(asked, route=second, bus=names[bus[0]], lang="en")).json() for bus in others
    ]
    unknown = await site.get(asked, route="nobody")
    assert why["code"] == "after"
    assert first in why["text"]
    assert begins["code"] == "first"
    assert "primer servicio" in begins["text"]
    assert fewer["code"] in ("fewer", "fewer_lp")
    assert "No basta" in fewer["text"]
    assert {one["code"] for one in refusals} <= {"not_before", "not_after", "not_demand", "not_seats", "could"}  # fmt: skip
    assert unknown.status_code == 404


async def test_a_changed_day_is_planned_again_near_to_the_published_plan(site: Site) -> None:
    routes = sample_day(60)
    job_id, _stored = await planned(site, routes)
    moved = routes[0]
    change = {"route_id": moved.id, "arrival_time": "09:10"}
    body = json.dumps(
        {"changes": [change, {"route_id": routes[1].id, "is_removed": True}]}
    ).encode()
    again = await result_of(
        site, (await site.post(f"/jobs/{job_id}/what-if", body)).json()["job_id"]
    )
    changed = [msgspec.structs.replace(moved, arrival_time="09:10"), *routes[2:]]
    assert_valid(changed, again)
    links = again["result"]["diagnostics"]["changes"]
    assert links["links_kept"] > 4 * links["links_gone"]
    school = {"schools": {routes[5].school_id: -15}, "mode": "buses"}
    bell = await site.post(f"/jobs/{job_id}/what-if", json.dumps(school).encode())
    told = await result_of(site, bell.json()["job_id"])
    assert told["stats"]["total_routes"] == 60


async def test_a_pin_is_kept_a_forbidden_pair_avoided_and_an_impossible_pin_named(
    site: Site,
) -> None:
    routes = sample_day(24)
    _, stored = await planned(site, routes)
    pairs = [pair for bus in buses(stored) for pair in pairwise(bus)]
    kept, gone = pairs[0], pairs[-1]
    impossible = (kept[1], kept[0])
    _, other = await planned(site, routes, pinned=[kept, impossible], forbidden=[gone])
    follows = [pair for bus in buses(other) for pair in pairwise(bus)]
    assert_valid(routes, other)
    assert gone not in follows
    named = [one for one in other["findings"] if one["code"] == "pin_impossible"]
    assert len(named) == 1
    assert impossible[0] in named[0]["message"]
    assert kept in follows


async def test_other_goals_keep_the_rules_and_the_number_of_buses(site: Site) -> None:
    routes = sample_day(30)
    _, fewest = await planned(site, routes)
    for mode in ("kilometres", "balance"):
        _, stored = await planned(site, routes, mode=mode)
        assert_valid(routes, stored)
        assert stored["stats"]["total_buses"] == fewest["stats"]["total_buses"]
        if mode == "balance":
            spread = stored["result"]["diagnostics"]["load_spread"]
            assert spread <= fewest["result"]["diagnostics"]["load_spread"]


async def test_the_days_of_a_week_are_children_of_one_job(site: Site) -> None:
    routes = [
        msgspec.structs.replace(route, days=("L", "Mc") if number % 2 else ("L",))
        for number, route in enumerate(sample_day(16))
    ]
    started = (await site.post("/optimize-week", msgspec.json.encode(routes))).json()
    assert started["days"] == ["L", "Mc"]
    with anyio.fail_after(PATIENCE_S):
        frames, code = await site.frames(started["job_id"])
    assert code == 1000
    days = frames[-1]["result"]["days"]
    totals = {day: (await result_of(site, child))["stats"]["total_routes"] for day, child in days.items()}  # fmt: skip
    assert totals == {"L": 16, "Mc": 8}
