"""
Better plans while the search runs: each is told with its bound, and can be read by its revision. docs/contract/routes.md, 2.3.
"""

import anyio
import msgspec
import pytest

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
