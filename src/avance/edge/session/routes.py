"""
Where the protocol is reached: routes for any Starlette or FastAPI app, and the same by path for the native driver.
"""

from collections.abc import Sequence
from typing import Literal

from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from avance.edge.drivers import SocketLimits, serve_stream, serve_websocket
from avance.edge.link import Open
from avance.edge.session.cross_origin import preflight, shared_with
from avance.edge.session.emulation import Emulation
from avance.edge.session.gateway import Gateway
from avance.edge.session.server_api import ServerApi
from avance.protocol.codec import INBOUND_BYTES_MAX

WEBSOCKET_PATH = "/connection/websocket"


class Endpoints:
    """
    The endpoints of one gateway.
    """

    def __init__(self, gateway: Gateway, *, limits: SocketLimits | None = None) -> None:
        self._gateway = gateway
        self._limits = limits or SocketLimits()
        self._server_api = ServerApi(gateway)

    def routes(self) -> Sequence[BaseRoute]:
        """
        For the route table of an app.
        """
        return [
            WebSocketRoute(WEBSOCKET_PATH, _Socket(self._gateway, self._limits)),
            Route("/connection/http_stream", _Stream(self._gateway, self._limits, "http_stream")),
            Route("/connection/sse", _Stream(self._gateway, self._limits, "sse")),
            Route("/emulation", Emulation(self._gateway)),
            Route("/api/{method}", self._server_api.endpoint, methods=["POST"]),
        ]

    def open_by_path(self, path: str) -> Open | None:
        """
        For `native_protocol`: the session factory of our path, None for any other.
        """
        return self._gateway.open if path == WEBSOCKET_PATH else None


class _Socket:
    def __init__(self, gateway: Gateway, limits: SocketLimits) -> None:
        self._gateway = gateway
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await serve_websocket(scope, receive, send, self._gateway.open, limits=self._limits)


class _Stream:
    def __init__(
        self, gateway: Gateway, limits: SocketLimits, kind: Literal["http_stream", "sse"]
    ) -> None:
        self._gateway = gateway
        self._limits = limits
        self._kind = kind

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        rules = self._gateway.origins
        if scope["method"] == "OPTIONS":
            answer = Response(status_code=204)
            answer.raw_headers.extend(preflight(rules, scope))
            await answer(scope, receive, send)
            return
        await serve_stream(
            scope,
            receive,
            send,
            self._gateway.open,
            kind=self._kind,
            body_bytes_max=INBOUND_BYTES_MAX,
            headers=shared_with(rules, scope),
            limits=self._limits,
        )
