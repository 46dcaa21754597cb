"""
The table of routes finds what a search through all of them finds.
"""

from fastapi import APIRouter
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from avance.edge.http.openapi import described, described_in
from avance.edge.http.table import RouteTable

PATHS = (
    ("GET", "/health"),
    ("GET", "/v1/jobs"),
    ("POST", "/v1/jobs"),
    ("GET", "/v1/jobs/{job_id}"),
    ("DELETE", "/v1/jobs/{job_id}"),
    ("GET", "/v1/jobs/{job_id}/events"),
    ("GET", "/v1/{name}"),
    ("POST", "/v1/{name}/now"),
    ("GET", "/v1/inbox"),
    ("GET", "/{upload_id}/status"),
    ("GET", "/files/{path:path}"),
    ("HEAD", "/files"),
)
WORDS = ("", "v1", "jobs", "events", "inbox", "now", "files", "health", "status", "x")


async def answer(request: Request) -> Response:
    """
    Answer.
    """
    return Response()


def a_router() -> APIRouter:
    router = APIRouter()
    for number, (method, path) in enumerate(PATHS):
        described(router, method, path, answer, name=str(number))
    return router


ROUTER = a_router()
TABLE = RouteTable(described_in(ROUTER))


def searched(scope: Scope) -> tuple[Match, str | None, object]:
    found: tuple[Match, str | None, object] = (Match.NONE, None, None)
    for route in described_in(ROUTER):
        match, child = route.matches(scope)
        if match is Match.FULL:
            return match, route.path, child["path_params"]
        if match is Match.PARTIAL and found[0] is Match.NONE:
            found = match, route.path, child["path_params"]
    return found


@given(
    words=st.lists(st.sampled_from(WORDS), max_size=5),
    method=st.sampled_from(("GET", "HEAD", "POST", "DELETE")),
    root=st.sampled_from(("", "/mounted")),
)
@example(words=[], method="GET", root="")
@example(words=["v1", "jobs", ""], method="GET", root="")
def test_the_table_finds_what_a_search_through_all_routes_finds(
    words: list[str], method: str, root: str
) -> None:
    scope: Scope = {
        "type": "http",
        "method": method,
        "path": f"{root}/{'/'.join(words)}",
        "root_path": root,
        "headers": [],
    }
    match, child = TABLE.matches(scope)
    route = child.get("route")
    assert (match, route and route.path, child.get("path_params")) == searched(scope)


def test_a_socket_is_none_of_its_requests() -> None:
    match, _ = TABLE.matches({"type": "websocket", "path": "/health", "headers": []})
    assert match is Match.NONE


async def own() -> dict[str, bool]:
    return {"is_own": True}


def test_a_router_with_routes_as_fastapi_knows_them_is_left_to_it() -> None:
    router = a_router()
    router.add_api_route("/own", own)
    assert not described_in(router)
