"""
The documents of the API and pages that show them, without a request to anybody else.
"""

from collections.abc import Callable
from functools import cache
from html import escape
from importlib import resources
from typing import Any

import msgspec
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from avance.edge.http.answer import raw_answer
from avance.edge.http.asyncapi import write_asyncapi
from avance.edge.http.scope import prefix
from avance.edge.http.services import HttpServices

TITLE = "avance"
DESCRIPTION = "Durable jobs, a gap-free live event stream, and user notifications."
PUBLIC_PATHS = ("/", "/docs", "/docs/sockets", "/docs/page.js", "/docs/page.css")
_PAGE_HEADERS = {"cache-control": "no-cache"}


def document_routes(services: HttpServices, openapi: Callable[[], dict[str, Any]]) -> list[Route]:
    """
    `/`, `/docs`, `/docs/sockets`, `/openapi.json`, `/asyncapi.json`.
    """
    openapi_bytes = cache(lambda: msgspec.json.encode(openapi()))
    asyncapi_bytes = cache(lambda: msgspec.json.encode(_asyncapi(services)))

    async def show_openapi(request: Request) -> Response:
        # Made once, in a thread: it takes longer than a frame may wait.
        body = await to_thread.run_sync(openapi_bytes)
        return raw_answer(_with_server(body, prefix(request.scope)))

    async def show_asyncapi(request: Request) -> Response:
        return raw_answer(await to_thread.run_sync(asyncapi_bytes))

    async def home(request: Request) -> Response:
        wants_page = "text/html" in request.headers.get("accept", "")
        target = "/console/" if services.has_console and wants_page else "/docs"
        return RedirectResponse(prefix(request.scope) + target, 307)

    return [
        Route("/", home),
        Route("/openapi.json", show_openapi),
        Route("/asyncapi.json", show_asyncapi),
        Route("/docs", _page("openapi.json")),
        Route("/docs/sockets", _page("asyncapi.json")),
        Route("/docs/page.js", _file("page.js", "text/javascript")),
        Route("/docs/page.css", _file("page.css", "text/css")),
    ]


def _asyncapi(services: HttpServices) -> dict[str, Any]:
    return write_asyncapi(
        services.sockets, title=TITLE, version=services.version, description=DESCRIPTION
    )


def _with_server(document: bytes, root: str) -> bytes:
    if not root:
        return document
    return msgspec.json.encode({**msgspec.json.decode(document), "servers": [{"url": root}]})


def _page(source: str) -> Callable[[Request], Any]:
    async def show(request: Request) -> Response:
        template = await to_thread.run_sync(_read, "docs.html")
        text = template.replace("__PREFIX__", escape(prefix(request.scope), quote=True))
        return Response(
            text.replace("__SOURCE__", source), media_type="text/html", headers=_PAGE_HEADERS
        )

    return show


def _file(name: str, media_type: str) -> Callable[[Request], Any]:
    async def show(request: Request) -> Response:
        content = await to_thread.run_sync(_read, name)
        return Response(content, media_type=media_type, headers=_PAGE_HEADERS)

    return show


@cache
def _read(name: str) -> str:
    return (resources.files("avance.edge.http") / "pages" / name).read_text("utf-8")
