"""
The sockets of dialects, by path: routes for any Starlette app, and the same for the native driver.
"""

import re
from collections.abc import Callable, Coroutine, Sequence
from types import TracebackType
from typing import Self

import msgspec
from starlette.routing import BaseRoute, WebSocketRoute, compile_path
from starlette.types import Receive, Scope, Send

from avance.edge.dialect.connection import GOING_AWAY, Connection
from avance.edge.dialect.dialect import Dialect
from avance.edge.drivers import SocketLimits, serve_websocket
from avance.edge.drivers.wheel import Wheel
from avance.edge.http.authenticate import identify, read_credentials
from avance.edge.http.limits import HttpLimits
from avance.edge.http.origin import OriginRules
from avance.edge.link import Accepted, Handshake, Link, Open, Refused
from avance.edge.session.cross_origin import is_foreign
from avance.errors import Unauthenticated
from avance.hub.hub import Hub
from avance.hub.tasks import Tasks
from avance.ports.auth import Auth, Identity, TokenExpired

INBOUND_BYTES_MAX = 65_536


class DialectSocket(msgspec.Struct, frozen=True, kw_only=True):
    """
    One path and who speaks there.
    """

    path: str
    """As Starlette writes it: `/ws/jobs/{job_id}`. Fixed paths are matched before those with parameters."""
    make: Callable[[], Dialect]


class DialectSockets:
    """
    An async context manager: open it after the hub, close it before it.
    """

    def __init__(
        self,
        hub: Hub,
        auth: Auth,
        *,
        origins: OriginRules,
        http_limits: HttpLimits,
        limits: SocketLimits,
        wheel: Wheel,
        ping_interval_s: float,
        ping_timeout_s: float,
    ) -> None:
        self.hub = hub
        self.wheel = wheel
        self._auth = auth
        self._origins = origins
        self._http_limits = http_limits
        self._limits = limits
        self._ping_interval_s = ping_interval_s
        self._ping_timeout_s = ping_timeout_s
        self._sockets: list[tuple[re.Pattern[str], DialectSocket]] = []
        self._connections: set[Connection] = set()
        self._tasks = Tasks("dialect sockets")

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for connection in tuple(self._connections):
            connection.close(*GOING_AWAY)
        await self._tasks.__aexit__(kind, error, traceback)

    def add(self, socket: DialectSocket) -> None:
        """
        Serve a path; before routes are asked for.
        """
        pattern, _, _ = compile_path(socket.path)
        self._sockets.append((pattern, socket))
        self._sockets.sort(key=lambda one: one[1].path.count("{"))

    def routes(self) -> Sequence[BaseRoute]:
        """
        For the route table of an app.
        """
        return [
            WebSocketRoute(socket.path, _Endpoint(self, self._limits))
            for _, socket in self._sockets
        ]

    def open_by_path(self, path: str) -> Open | None:
        """
        For the native driver.
        """
        return self.open if any(pattern.match(path) for pattern, _ in self._sockets) else None

    def open(self, handshake: Handshake, link: Link) -> Accepted | Refused:
        """
        Begin a connection.
        """
        why = is_foreign(self._origins, handshake.headers, handshake.address)
        if why is not None:
            return Refused(status=403, detail=why)
        for pattern, socket in self._sockets:
            match = pattern.match(handshake.path)
            if match is not None:
                connection = Connection(self, socket.make(), handshake, link, match.groupdict())
                self._connections.add(connection)
                connection.begin()
                return Accepted(
                    peer=connection,
                    inbound_bytes_max=INBOUND_BYTES_MAX,
                    ping_interval_s=self._ping_interval_s,
                    ping_timeout_s=self._ping_timeout_s,
                )
        return Refused(status=404, detail=f"there is no socket at {handshake.path}")

    # For connections

    async def identify(self, handshake: Handshake) -> Identity | None:
        try:
            credentials = read_credentials(handshake.headers, handshake.query)
            return await identify(self._auth, credentials, self.hub.clock, self._http_limits)
        except (Unauthenticated, TokenExpired):
            return None

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        self._tasks.spawn(work)

    def gone(self, connection: Connection) -> None:
        self._connections.discard(connection)


class _Endpoint:
    def __init__(self, sockets: DialectSockets, limits: SocketLimits) -> None:
        self._sockets = sockets
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await serve_websocket(scope, receive, send, self._sockets.open, limits=self._limits)
