"""
Better plans while the search runs: each is told with its bound, and can be read by its revision. docs/contract/routes.md, 2.3.
"""

import json
from typing import Any

import anyio
import msgspec
import pytest
from websockets.asyncio.client import connect

from avance.apps.routes.sample import sample_day

from .conftest import PATIENCE_S, Site

pytestmark = pytest.mark.timeout(90)


async def test_each_plan_that_progress_names_can_be_read_by_its_revision(site: Site) -> None:
    """001-27: on the way, with buses, bound and gap beside the percent."""
    routes = sample_day(40)
    job_id = (await site.start(routes))["job_id"]
    early = await site.get(f"/jobs/{job_id}/plan", rev="9999")
    with anyio.fail_after(PATIENCE_S):
        await site.ended(job_id)
    page = site.portal.call(lambda: site.host.jobs.events(job_id, since=0, limit=1_000))
    events = [msgspec.json.decode(publication.data) for publication in page.publications]
    told = [
        event["progress"]["data"]
        for event in events
        if event["type"] == "progress" and (event["progress"].get("data") or {}).get("plan_rev")
    ]
    # What is told later of a phase keeps the data of its last plan; the plan itself has its own event.
    revisions = {data["plan_rev"]: data for data in told}
    assert revisions
    assert list(revisions) == sorted(revisions)
    for rev, data in revisions.items():
        plan = (await site.get(f"/jobs/{job_id}/plan", rev=str(rev))).json()
        assert plan["plan_rev"] == rev
        assert len(plan["schedule"]) == data["best"]["buses"]
        assert data["bound"] <= data["best"]["buses"]
        named = [item["route_id"] for bus in plan["schedule"] for item in bus["items"]]
        assert sorted(named) == sorted(route.id for route in routes)
    newest = (await site.get(f"/jobs/{job_id}/plan")).json()
    assert newest["plan_rev"] == max(revisions)
    assert early.status_code == 404
    assert (await site.get(f"/jobs/{job_id}/plan", rev="new")).status_code == 422


VEHICLES = [
    {"id": "north", "count": 15, "depot": {"name": "Norte", "lat": 42.8, "lon": -8.2}},
    {"id": "south", "count": 15, "depot": {"name": "Sur", "lat": 42.4, "lon": -8.2}},
    {"id": "street", "count": 2, "seats": 33},
]


async def test_a_plan_that_is_told_while_the_search_runs_has_the_shape_of_the_final_one(
    site: Site,
) -> None:
    """001-27: with vehicles and depots, as the result tells them."""
    body = msgspec.json.encode({"routes": sample_day(30), "vehicles": VEHICLES})
    job_id = (await site.post("/optimize-async", body)).json()["job_id"]
    with anyio.fail_after(PATIENCE_S):
        live = await first_plan(site, job_id)
        await site.ended(job_id)
    final = (await site.get(f"/jobs/{job_id}/result")).json()["result"]["schedule"]
    depots = {one["id"]: one.get("depot") for one in VEHICLES}
    shapes = {bus["vehicle"]: shape_of(bus) for bus in final}
    for bus in live:
        assert bus.get("depot") == depots[bus["vehicle"]]
        if bus.get("depot"):
            assert bus["leaves_depot"] < bus["items"][0]["start_time"]
            assert bus["back_at_depot"] > bus["items"][-1]["end_time"]
        assert shape_of(bus) == shapes.get(bus["vehicle"], shape_of(bus))
    known = final[0]["items"][0]
    assert all(set(item) <= set(known) for bus in live for item in bus["items"])
    assert all("deadhead_minutes" in item for bus in live for item in bus["items"])


async def first_plan(site: Site, job_id: str) -> list[dict[str, Any]]:
    """
    Asked for with every frame until there is one.
    """
    async with connect(site.socket_url(job_id), max_size=None) as connection:
        while True:
            answer = await site.get(f"/jobs/{job_id}/plan")
            if answer.status_code == 200:
                schedule: list[dict[str, Any]] = answer.json()["schedule"]
                return schedule
            assert json.loads(await connection.recv())["type"] in ("status", "progress")


def shape_of(bus: dict[str, Any]) -> frozenset[str]:
    """
    What only the final plan says of a bus is left out.
    """
    return frozenset(name for name in bus if "assigned" not in name and "required" not in name)
