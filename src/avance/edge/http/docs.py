"""
The documents of the API and pages that show them, without a request to anybody else.
"""

from collections.abc import Callable
from html import escape
from importlib import resources
from typing import Any

import msgspec
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
    asyncapi = msgspec.json.encode(
        write_asyncapi(
            services.sockets, title=TITLE, version=services.version, description=DESCRIPTION
        )
    )
    page = _read("docs.html")

    async def write_openapi(request: Request) -> Response:
        document = openapi()
        if prefix(request.scope):
            document = {**document, "servers": [{"url": prefix(request.scope)}]}
        return raw_answer(msgspec.json.encode(document))

    async def show_asyncapi(request: Request) -> Response:
        return raw_answer(asyncapi)

    async def home(request: Request) -> Response:
        wants_page = "text/html" in request.headers.get("accept", "")
        target = "/console/" if services.has_console and wants_page else "/docs"
        return RedirectResponse(prefix(request.scope) + target, 307)

    return [
        Route("/", home),
        Route("/openapi.json", write_openapi),
        Route("/asyncapi.json", show_asyncapi),
        Route("/docs", _page(page, "openapi.json")),
        Route("/docs/sockets", _page(page, "asyncapi.json")),
        Route("/docs/page.js", _file("page.js", "text/javascript")),
        Route("/docs/page.css", _file("page.css", "text/css")),
    ]


def _page(template: str, source: str) -> Callable[[Request], Any]:
    async def show(request: Request) -> Response:
        text = template.replace("__PREFIX__", escape(prefix(request.scope), quote=True))
        return Response(
            text.replace("__SOURCE__", source), media_type="text/html", headers=_PAGE_HEADERS
        )

    return show


def _file(name: str, media_type: str) -> Callable[[Request], Any]:
    content = _read(name)

    async def show(request: Request) -> Response:
        return Response(content, media_type=media_type, headers=_PAGE_HEADERS)

    return show


def _read(name: str) -> str:
    return (resources.files("avance.edge.http") / "pages" / name).read_text("utf-8")
