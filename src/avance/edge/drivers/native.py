"""
The WebSocket protocol class of `avance serve`, for uvicorn's `Config(ws=...)`.

uvicorn's contract (half internal, hence the pinned version): its HTTP protocol makes an instance with `config`,
`server_state` and `app_state`, calls `connection_made(transport)` and `data_received(head)` with the request head put
together again, and then `transport.set_protocol(instance)`. On shutdown it calls `shutdown()` on every member of
`server_state.connections` and waits until that set is empty.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import unquote

from uvicorn.config import Config
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.utils import get_remote_addr, is_ssl
from uvicorn.protocols.websockets.auto import AutoWebSocketsProtocol
from uvicorn.server import ServerState

from avance.edge.drivers.connection import Connection, Shared
from avance.edge.drivers.handshake import build_handshake, problem_body
from avance.edge.drivers.limits import SocketLimits
from avance.edge.drivers.opening import (
    Opening,
    Rejection,
    Request,
    accepted_head,
    read_head,
    read_opening,
    rejected_answer,
)
from avance.edge.drivers.rfc6455 import Code
from avance.edge.drivers.wheel import Wheel
from avance.edge.link import Accepted, Handshake, Open, Refused

logger = logging.getLogger("avance.edge")
uvicorn_logger = logging.getLogger("uvicorn.error")


def native_protocol(
    open_by_path: Callable[[str], Open | None],
    *,
    wheel: Wheel | None = None,
    limits: SocketLimits | None = None,
    fallback: Callable[..., asyncio.Protocol] | None = AutoWebSocketsProtocol,
) -> type[asyncio.Protocol]:
    """
    The class for uvicorn's `Config(ws=...)`.

    Args:
        open_by_path: The session factory of a path that avance serves, None for any other. The path is decoded and
            without uvicorn's `root_path`.
        wheel: The timer that all connections share; whoever makes it closes it.
        limits: What one connection may hold.
        fallback: Serves the WebSockets of the other paths.
    """
    site = _Site(open_by_path, Shared(wheel or Wheel(), limits or SocketLimits()), fallback)

    class NativeProtocol(_Gate):
        _site = site

    return NativeProtocol


class _Site:
    """
    What all gates of one server have in common.
    """

    def __init__(
        self,
        open_by_path: Callable[[str], Open | None],
        shared: Shared,
        fallback: Callable[..., asyncio.Protocol] | None,
    ) -> None:
        self.open_by_path = open_by_path
        self.shared = shared
        self.fallback = fallback
        self._proxies: tuple[Config, ProxyHeadersMiddleware] | None = None

    def apply_proxy_headers(self, config: Config, scope: dict[str, Any]) -> None:
        """
        Correct address and scheme by the headers of trusted proxies, exactly as uvicorn does for ASGI apps.
        """
        if not config.proxy_headers:
            return
        if self._proxies is None or self._proxies[0] is not config:
            middleware = ProxyHeadersMiddleware(_nothing, trusted_hosts=config.forwarded_allow_ips)
            self._proxies = (config, middleware)
        run = self._proxies[1](cast(Any, scope), cast(Any, None), cast(Any, None))
        try:
            # The middleware changes the scope and calls the app, which does not wait: one step is the whole run.
            run.send(None)
        except StopIteration:
            return
        raise RuntimeError("uvicorn's ProxyHeadersMiddleware waits; run it in a task instead")


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    return None


class _Gate(asyncio.Protocol):
    """
    Stands in for the protocol until the request head tells whose path it is, then makes way.
    """

    _site: _Site

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._config = config
        self._server_state = server_state
        self._app_state = app_state
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._inner: asyncio.Protocol | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._inner is not None:
            self._inner.data_received(data)
        elif not self._transport.is_closing():
            self._answer(data)

    def eof_received(self) -> bool | None:
        return None if self._inner is None else self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._inner is not None:
            self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._inner is not None:
            self._inner.resume_writing()

    def _answer(self, head: bytes) -> None:
        limit = self._site.shared.limits.head_bytes_max
        if len(head) > limit:
            self._reject(431, f"the request head is longer than {limit} bytes")
            return
        request = read_head(head)
        if isinstance(request, Rejection):
            self._reject(request.status, request.detail, request.headers)
            return
        path = unquote(request.path)
        open_ = self._site.open_by_path(path)
        if open_ is not None:
            self._open(open_, path, request)
        elif self._site.fallback is not None:
            self._hand_over(head, self._site.fallback)
        else:
            self._reject(404, f"there is no WebSocket at {path}")

    def _open(self, open_: Open, path: str, request: Request) -> None:
        opening = read_opening(request)
        if isinstance(opening, Rejection):
            self._reject(opening.status, opening.detail, opening.headers)
            return
        connections = cast(set[Any], self._server_state.connections)
        connection = Connection(self._transport, self._site.shared, connections)
        handshake = self._handshake(path, request, opening)
        answer: Accepted | Refused | None = None
        try:
            answer = open_(handshake, connection)
            if isinstance(answer, Refused):
                self._reject(answer.status, answer.detail)
                return
            head = accepted_head(
                opening,
                subprotocol=answer.subprotocol,
                headers=self._server_state.default_headers,
            )
        except Exception:
            logger.exception("the session of %s could not be opened", request.path)
            self._reject(500, "the session could not be opened")
            if isinstance(answer, Accepted):
                answer.peer.lost(Code.ABNORMAL)
            return
        # As uvicorn logs its own, but without the query string: it may carry a token.
        uvicorn_logger.info('%s - "WebSocket %s" [accepted]', handshake.address, request.path)
        self._make_way(connection)
        connection.accept(answer, head)

    def _hand_over(self, head: bytes, fallback: Callable[..., asyncio.Protocol]) -> None:
        inner = fallback(
            config=self._config, server_state=self._server_state, app_state=self._app_state
        )
        self._make_way(inner)
        inner.connection_made(self._transport)
        inner.data_received(head)

    def _make_way(self, inner: asyncio.Protocol) -> None:
        self._inner = inner
        # At once, so that a pause during the handshake is not told to the HTTP protocol, and again in the next step of
        # the loop, because uvicorn installs the gate when this call returns.
        self._transport.set_protocol(inner)
        asyncio.get_running_loop().call_soon(self._transport.set_protocol, inner)

    def _handshake(self, path: str, request: Request, opening: Opening) -> Handshake:
        address = get_remote_addr(self._transport)
        scope: dict[str, Any] = {
            "type": "websocket",
            "scheme": "wss" if is_ssl(self._transport) else "ws",
            "client": address,
            "headers": request.headers,
        }
        self._site.apply_proxy_headers(self._config, scope)
        return build_handshake(
            transport="websocket",
            path=path,
            query=request.query.encode("latin-1"),
            headers=request.headers,
            address=scope["client"][0] if scope["client"] else "",
            scheme=scope["scheme"],
            subprotocols=opening.subprotocols,
        )

    def _reject(
        self, status: int, detail: str, headers: tuple[tuple[bytes, bytes], ...] = ()
    ) -> None:
        self._transport.write(
            rejected_answer(
                status,
                problem_body(status, detail),
                content_type=b"application/problem+json",
                headers=(*self._server_state.default_headers, *headers),
            )
        )
        self._transport.close()
