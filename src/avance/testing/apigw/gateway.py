"""
Connections, routes chosen by the body, and `@connections` with the refusals of the real one: 410, 413, 429.
"""

import json
import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

Handler = Callable[[Mapping[str, Any], Any], Mapping[str, Any]]


class GatewayLimits(msgspec.Struct, frozen=True, kw_only=True):
    """
    Those of the service.
    """

    payload_bytes_max: int = 131_072
    """A larger post is refused with 413."""
    frame_bytes_max: int = 32_768
    """A larger frame of a client closes its connection with 1009."""
    posts_per_s: float = 10_000.0
    """More are refused with 429."""


class Gateway:
    """
    A context manager. `url` is for clients, `endpoint` for boto3's `endpoint_url`.
    """

    def __init__(
        self,
        routes: Mapping[str, Handler],
        *,
        stage: str = "dev",
        selection: str = "type",
        limits: GatewayLimits | None = None,
    ) -> None:
        """
        Args:
            routes: By `$connect`, `$disconnect`, `$default`, or the value of the selecting key.
            selection: The key of `$request.body.<key>`.
        """
        self._routes = dict(routes)
        self._stage = stage
        self._selection = selection
        self._limits = limits or GatewayLimits()
        self._connections: dict[str, tuple[ServerConnection, int]] = {}
        self._lock = Lock()
        self._tokens = self._limits.posts_per_s
        self._tokens_at_s = time.monotonic()
        self._pool = ThreadPoolExecutor(2, "gateway")
        self._sockets: Server | None = None
        self._management: ThreadingHTTPServer | None = None
        self.posts: int = 0
        """Posts that arrived, refused ones too."""

    @property
    def url(self) -> str:
        assert self._sockets is not None
        return f"ws://127.0.0.1:{self._sockets.socket.getsockname()[1]}/{self._stage}"

    @property
    def endpoint(self) -> str:
        assert self._management is not None
        return f"http://127.0.0.1:{self._management.server_port}/{self._stage}"

    def __enter__(self) -> Self:
        gateway = self

        class Management(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                gateway._manage(self, "POST")

            def do_GET(self) -> None:
                gateway._manage(self, "GET")

            def do_DELETE(self) -> None:
                gateway._manage(self, "DELETE")

            def log_message(self, *_: object) -> None:
                return

        self._management = ThreadingHTTPServer(("127.0.0.1", 0), Management)
        self._sockets = serve(
            self._serve,
            "127.0.0.1",
            0,
            process_request=self._admit,
            max_size=self._limits.frame_bytes_max,
        )
        # It is asked to end by an event that it looks for so often.
        self._pool.submit(self._management.serve_forever, 0.05)
        self._pool.submit(self._sockets.serve_forever)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._sockets is not None
        assert self._management is not None
        for connection, _ in list(self._connections.values()):
            connection.close(1001)
        self._sockets.shutdown()
        self._management.shutdown()
        self._management.server_close()
        self._pool.shutdown()

    # Clients

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """
        `$connect` runs before the handshake is answered: its refusal is the client's.
        """
        parts = urlsplit(request.path)
        if parts.path.rstrip("/") != f"/{self._stage}":
            return connection.respond(403, '{"message":"Forbidden"}')
        connection_id = secrets.token_urlsafe(11) + "="
        extra = {
            "headers": dict(request.headers.raw_items()),
            "queryStringParameters": dict(parse_qsl(parts.query)) or None,
        }
        # Until the handshake is over nobody can post to it: it is in no list yet, and the answer is 410, as that of the real one.
        status = self._call("$connect", connection_id, extra, None)
        if status >= 300:
            return connection.respond(status, "")
        connection.id_of_gateway = connection_id  # type: ignore[attr-defined]
        return None

    def _serve(self, connection: ServerConnection) -> None:
        connection_id: str = connection.id_of_gateway  # type: ignore[attr-defined]
        with self._lock:
            self._connections[connection_id] = (connection, _now_ms())
        try:
            for frame in connection:
                self._hear(connection, connection_id, frame)
        except ConnectionClosed:
            pass
        finally:
            with self._lock:
                self._connections.pop(connection_id, None)
            self._call("$disconnect", connection_id, {}, None)

    def _hear(self, connection: ServerConnection, connection_id: str, frame: str | bytes) -> None:
        text = frame if isinstance(frame, str) else frame.decode("utf-8", "replace")
        status = self._call(self._route_of(text), connection_id, {}, text)
        if status >= 500:
            answer = {"message": "Internal server error", "connectionId": connection_id}
            connection.send(json.dumps(answer))

    def _route_of(self, text: str) -> str:
        try:
            found = json.loads(text)
        except ValueError:
            return "$default"
        key = found.get(self._selection) if isinstance(found, dict) else None
        is_route = isinstance(key, str) and key in self._routes and not key.startswith("$")
        return str(key) if is_route else "$default"

    def _call(
        self, route: str, connection_id: str, extra: Mapping[str, Any], body: str | None
    ) -> int:
        handler = self._routes.get(route)
        if handler is None:
            return 200
        return self._run(handler, self._event(route, connection_id, extra, body))

    @staticmethod
    def _run(handler: Handler, event: Mapping[str, Any]) -> int:
        try:
            return int(handler(event, None).get("statusCode", 200))
        except Exception:  # noqa: BLE001 - as the service does: whatever a function raises is its 502
            return 502

    def _event(
        self, route: str, connection_id: str, extra: Mapping[str, Any], body: str | None
    ) -> Mapping[str, Any]:
        kind = {"$connect": "CONNECT", "$disconnect": "DISCONNECT"}.get(route, "MESSAGE")
        return {
            "requestContext": {
                "routeKey": route,
                "eventType": kind,
                "connectionId": connection_id,
                "stage": self._stage,
                "domainName": "127.0.0.1",
                "requestTimeEpoch": _now_ms(),
            },
            "body": body,
            "isBase64Encoded": False,
            **extra,
        }

    # Management

    def _manage(self, request: BaseHTTPRequestHandler, method: str) -> None:
        size = int(request.headers.get("content-length") or 0)
        body = request.rfile.read(size)
        prefix = f"/{self._stage}/@connections/"
        path = unquote(request.path)
        if not path.startswith(prefix):
            _reply(request, 403, "ForbiddenException")
            return
        connection_id = path.removeprefix(prefix)
        with self._lock:
            found = self._connections.get(connection_id)
        if method == "POST":
            self.posts += 1
            if not self._may_post():
                _reply(request, 429, "LimitExceededException")
                return
            if len(body) > self._limits.payload_bytes_max:
                _reply(request, 413, "PayloadTooLargeException")
                return
        if found is None:
            _reply(request, 410, "GoneException")
            return
        self._obey(request, method, found, body)

    def _obey(
        self,
        request: BaseHTTPRequestHandler,
        method: str,
        found: tuple[ServerConnection, int],
        body: bytes,
    ) -> None:
        connection, connected_ms = found
        if method == "GET":
            told = {"connectedAt": connected_ms, "identity": {"sourceIp": "127.0.0.1"}}
            _reply(request, 200, None, json.dumps(told).encode())
            return
        try:
            if method == "DELETE":
                connection.close(1000)
            else:
                connection.send(body.decode())
        except ConnectionClosed:
            _reply(request, 410, "GoneException")
            return
        _reply(request, 204 if method == "DELETE" else 200, None)

    def _may_post(self) -> bool:
        with self._lock:
            now_s = time.monotonic()
            rate = self._limits.posts_per_s
            self._tokens = min(rate, self._tokens + (now_s - self._tokens_at_s) * rate)
            self._tokens_at_s = now_s
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _reply(
    request: BaseHTTPRequestHandler, status: int, error: str | None, body: bytes = b""
) -> None:
    request.send_response(status)
    if error is not None:
        request.send_header("x-amzn-ErrorType", error)
        body = json.dumps({"message": error}).encode()
    request.send_header("content-type", "application/json")
    request.send_header("content-length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
