"""
Which pages of other origins may read answers, in the words of CORS.

A page of a listed origin is named, and only then are credentials allowed: never beside `*`. An app may offer its routes to the pages of every
origin: those that know a key. That ends where origins are listed, and holds in no open server, where knowing its address would be enough.
"""

from collections.abc import Iterable, Sequence
from re import Pattern
from typing import Any

from fastapi import APIRouter
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from avance.edge.http.origin import ANY, OriginRules
from avance.edge.http.scope import route_path

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
AGE_S = 600
_LOOPBACK_ORIGIN = (
    r"https?://(localhost|[a-z0-9-]+\.localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(:\d{1,5})?"
)
_HEADERS = "avance_cross_origin_headers"
_CREDENTIALS = "Access-Control-Allow-Credentials"
_EXPOSE = "Access-Control-Expose-Headers"
_EXPOSED = "Retry-After"


def offer_to_pages(router: APIRouter, headers: Sequence[str]) -> None:
    """
    Let the pages of every origin call these routes with a key of theirs.

    Args:
        headers: What they may send.
    """
    setattr(router, _HEADERS, ", ".join(headers))


class CrossOrigin(CORSMiddleware):
    def __init__(self, app: ASGIApp, *, rules: OriginRules, routers: Iterable[APIRouter]) -> None:
        super().__init__(
            app,
            allow_origins=rules.origins,
            allow_origin_regex=_LOOPBACK_ORIGIN if rules.is_open else None,
            allow_methods=METHODS,
            allow_headers=("*",),
            allow_credentials=ANY not in rules.origins,
            expose_headers=(_EXPOSED,),
            max_age=AGE_S,
        )
        self._has_credentials = self.simple_headers.pop(_CREDENTIALS, None) is not None
        self._offered = [] if rules.is_open or rules.origins else _offered(routers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = self._offered_to_all(scope)
        if headers is None:
            await super().__call__(scope, receive, send)
        elif _is_preflight(scope):
            await _welcome(headers)(scope, receive, send)
        else:
            await self.app(scope, receive, _saying(send, headers))

    def preflight_response(self, request_headers: Headers) -> Response:
        answer = super().preflight_response(request_headers)
        if not self.is_allowed_origin(request_headers["origin"]) and _CREDENTIALS in answer.headers:
            del answer.headers[_CREDENTIALS]
        return answer

    async def send(self, message: Message, send: Send, request_headers: Headers) -> None:
        if message["type"] != "http.response.start":
            await send(message)
            return
        message.setdefault("headers", [])
        headers = MutableHeaders(scope=message)
        origin = request_headers.get("Origin")
        if self._has_credentials and origin is not None and self.is_allowed_origin(origin):
            headers[_CREDENTIALS] = "true"
        await super().send(message, _showing(send, headers.get(_EXPOSE)), request_headers)

    def _offered_to_all(self, scope: Scope) -> str | None:
        if scope["type"] != "http" or not self._offered:
            return None
        path = route_path(scope)
        return next((headers for regex, headers in self._offered if regex.match(path)), None)


def _offered(routers: Iterable[APIRouter]) -> list[tuple[Pattern[str], str]]:
    found: list[tuple[Pattern[str], str]] = []
    for router in routers:
        headers: str | None = getattr(router, _HEADERS, None)
        if headers is not None:
            routes: list[Any] = list(router.routes)
            found += [(route.path_regex, headers) for route in routes]
    return found


def _is_preflight(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return (
        scope["method"] == "OPTIONS"
        and "origin" in headers
        and "access-control-request-method" in headers
    )


def _welcome(headers: str) -> Response:
    answer = PlainTextResponse("OK", headers={"Access-Control-Max-Age": str(AGE_S)})
    answer.headers.update(_words(headers))
    answer.headers["Access-Control-Allow-Methods"] = ", ".join(METHODS)
    return answer


def _saying(send: Send, headers: str) -> Send:
    async def saying(message: Message) -> None:
        if message["type"] == "http.response.start":
            # A refusal for want of a key as well: the page is to know why.
            MutableHeaders(scope=message).update(_words(headers))
        await send(message)

    return saying


def _showing(send: Send, own: str | None) -> Send:
    """
    What a route shows of its headers is shown beside ours.
    """
    if own is None:
        return send

    async def showing(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if headers.get(_EXPOSE) != own:
                headers[_EXPOSE] = f"{_EXPOSED}, {own}"
        await send(message)

    return showing


def _words(headers: str) -> dict[str, str]:
    return {"Access-Control-Allow-Origin": ANY, "Access-Control-Allow-Headers": headers}
