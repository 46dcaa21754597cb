"""
API Gateway's HTTP APIs on this machine: real requests in, events of payload form 2.0 to a function, its answers out.
"""

import base64
import json
import re
import secrets
from collections.abc import Callable, Collection, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

Handler = Callable[[Mapping[str, Any], Any], Any]
Authorizer = Callable[[Mapping[str, Any]], Mapping[str, Any] | None]


class Route(msgspec.Struct, frozen=True, kw_only=True):
    method: str
    path: str
    """With `{names}`."""
    needs_caller: bool


class Cors(msgspec.Struct, frozen=True, kw_only=True):
    origins: Collection[str] = ()
    methods: Collection[str] = ()
    headers: Collection[str] = ()
    has_credentials: bool = False


class HttpGateway:
    """
    A context manager; `url` is for clients.
    """

    payload_bytes_max = 6_291_456
    """What a function can be handed; a larger request is refused with 413."""

    def __init__(
        self,
        handler: Handler,
        routes: Collection[Route],
        *,
        authorizer: Authorizer,
        cors: Cors | None = None,
    ) -> None:
        """
        Args:
            authorizer: Answers its context for an event, or None for 403.
        """
        self._handler = handler
        self._routes = [(one, _pattern(one.path)) for one in routes]
        self._authorizer = authorizer
        self._cors = cors or Cors()
        self._server: ThreadingHTTPServer | None = None
        self._thread: Thread | None = None
        self.failures: list[Exception] = []
        """What the function raised, in order: each was a 500."""

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        gateway = self

        class Requests(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                gateway._answer(self)

            do_POST = do_DELETE = do_OPTIONS = do_PUT = do_GET

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
        # It is asked to end by an event that it looks for so often.
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), name="http-gateway")
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server is not None
        assert self._thread is not None
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        size = int(request.headers.get("content-length") or 0)
        body = request.rfile.read(size)
        origin = request.headers.get("origin")
        if request.command == "OPTIONS" and origin is not None:
            _reply(request, 204, self._cors_words(origin, is_preflight=True), b"")
            return
        status, headers, answer = self._routed(request, body)
        if origin is not None:
            # As the service does: its own words replace those of the function.
            headers = {**headers, **self._cors_words(origin, is_preflight=False)}
        _reply(request, status, headers, answer)

    def _routed(
        self, request: BaseHTTPRequestHandler, body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        parts = urlsplit(request.path)
        for route, pattern in self._routes:
            found = pattern.fullmatch(parts.path)
            if found is None or route.method != request.command:
                continue
            if len(body) > self.payload_bytes_max:
                return _said(413, "Request Entity Too Large")
            event = _event(request, parts.path, parts.query, route, found.groupdict(), body)
            return self._admitted(route, event)
        return _said(404, "Not Found")

    def _admitted(
        self, route: Route, event: dict[str, Any]
    ) -> tuple[int, Mapping[str, str], bytes]:
        if route.needs_caller:
            if "authorization" not in event["headers"]:
                return _said(401, "Unauthorized")
            context = self._authorizer(event)
            if context is None:
                return _said(403, "Forbidden")
            event["requestContext"]["authorizer"] = {"lambda": dict(context)}
        try:
            told = self._handler(event, None)
        except Exception as error:  # noqa: BLE001 - as the service does: whatever a function raises is its 500
            self.failures.append(error)
            return _said(500, "Internal Server Error")
        answer = str(told.get("body", ""))
        data = base64.b64decode(answer) if told.get("isBase64Encoded") else answer.encode()
        return int(told["statusCode"]), told.get("headers", {}), data

    def _cors_words(self, origin: str, *, is_preflight: bool) -> dict[str, str]:
        cors = self._cors
        if "*" not in cors.origins and origin not in cors.origins:
            return {}
        words = {"access-control-allow-origin": "*" if "*" in cors.origins else origin}
        if cors.has_credentials:
            words["access-control-allow-credentials"] = "true"
        if is_preflight:
            words["access-control-allow-methods"] = ",".join(cors.methods)
            words["access-control-allow-headers"] = ",".join(cors.headers)
        return words


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path))


def _event(
    request: BaseHTTPRequestHandler,
    path: str,
    query: str,
    route: Route,
    parameters: Mapping[str, str],
    body: bytes,
) -> dict[str, Any]:
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": f"{route.method} {route.path}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {name.lower(): value for name, value in request.headers.items()},
        "requestContext": {
            "http": {"method": request.command, "path": path, "sourceIp": "127.0.0.1"},
            "stage": "$default",
            "requestId": secrets.token_hex(8),
        },
        "isBase64Encoded": False,
    }
    if query:
        event["queryStringParameters"] = dict(parse_qsl(query))
    if parameters:
        event["pathParameters"] = {name: unquote(value) for name, value in parameters.items()}
    if body:
        try:
            event["body"] = body.decode()
        except UnicodeDecodeError:
            event["body"], event["isBase64Encoded"] = base64.b64encode(body).decode(), True
    return event


def _said(status: int, message: str) -> tuple[int, Mapping[str, str], bytes]:
    return status, {"content-type": "application/json"}, json.dumps({"message": message}).encode()


def _reply(
    request: BaseHTTPRequestHandler, status: int, headers: Mapping[str, str], body: bytes
) -> None:
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name, value)
    request.send_header("content-length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
