"""
Who follows which job here: the metric of active connections (001-36).
"""

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from avance.apps.routes.connections import connections_of
from avance.apps.routes.declare import app
from avance.web import caller, check_reads, described, json_answer

router = APIRouter(tags=["routes"])


class ConnectionCounts(msgspec.Struct, frozen=True, kw_only=True):
    """
    Of the server that answers.
    """

    active_jobs: int
    active_connections: int
    jobs: dict[str, int]
    """Connections by job."""


async def count_connections(request: Request) -> Response:
    """
    Count the open sockets of optimizations: of one job with `job_id`, else of all, which is for admins.
    """
    who = caller(request)
    counts = connections_of(app.host).counts()
    job_id = request.query_params.get("job_id")
    if job_id is None:
        who.require_admin()
    else:
        # An admin may also ask for an id that nobody has submitted yet.
        if not who.is_admin:
            check_reads(who, await app.host.jobs.get(job_id))
        counts = {job_id: counts[job_id]} if job_id in counts else {}
    return json_answer(
        ConnectionCounts(
            active_jobs=len(counts), active_connections=sum(counts.values()), jobs=dict(counts)
        )
    )


described(router, "GET", "/routes/connections", count_connections, answer=ConnectionCounts)
