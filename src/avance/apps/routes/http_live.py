"""
The best plan so far of an optimization that still runs, by its revision.
"""

from typing import Any

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from avance.apps.routes.declare import app
from avance.apps.routes.http import ours
from avance.apps.routes.live import LiveBus, read_plan
from avance.errors import InvalidRequest, NotFound
from avance.web import described, json_answer

router = APIRouter(tags=["routes"])

PAGE = 500


class LivePlan(msgspec.Struct, frozen=True, kw_only=True):
    """
    A plan that has passed the check.
    """

    job_id: str
    plan_rev: int
    schedule: tuple[LiveBus, ...]


async def get_plan(request: Request) -> Response:
    """
    Read the newest plan, or with `rev` the one that a progress event named as `plan_rev`.
    """
    job = await ours(request)
    asked = request.query_params.get("rev")
    if asked is not None and not (asked.isascii() and asked.isdigit()):
        raise InvalidRequest(
            f"rev is {asked!r}; send the number from plan_rev",
            code="invalid_query",
            parameter="rev",
        )
    found = await _plan(job.id, None if asked is None else int(asked))
    if found is None:
        which = "no plan yet" if asked is None else f"no plan {asked}"
        raise NotFound(f"job {job.id} has {which}", code="no_result", job_id=job.id)
    answer = LivePlan(job_id=job.id, plan_rev=found["rev"], schedule=read_plan(found))
    return json_answer(answer)


described(router, "GET", "/jobs/{job_id}/plan", get_plan, answer=LivePlan)


async def _plan(job_id: str, rev: int | None) -> dict[str, Any] | None:
    found: dict[str, Any] | None = None
    since = 0
    while page := (await app.host.jobs.events(job_id, since=since, limit=PAGE)).publications:
        for publication in page:
            since = publication.offset
            event = msgspec.json.decode(publication.data)
            if event["type"] == "data" and event["name"] == "plan":
                plan: dict[str, Any] = event["chunk"]
                if rev is None or plan["rev"] == rev:
                    found = plan
    return found
