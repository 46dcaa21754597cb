"""
The WebSocket protocol class of `avance serve`, for uvicorn's `Config(ws=...)`.

uvicorn's contract (half internal, hence the pinned version): its HTTP protocol makes an instance with `config`,
`server_state` and `app_state`, calls `connection_made(transport)` and `data_received(head)` with the request head put
together again, and then `transport.set_protocol(instance)`. On shutdown it calls `shutdown()` on every member of
`server_state.connections` and waits until that set is empty.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, cast
from urllib.parse import unquote

from uvicorn.config import Config
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.utils import get_remote_addr, is_ssl
from uvicorn.protocols.websockets.auto import AutoWebSocketsProtocol
from uvicorn.server import ServerState

from avance.edge.drivers import rfc6455
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
from avance.edge.link import Accepted, Frame, Handshake, Open, Refused

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
    shared = _Shared(
        open_by_path,
        Wheel() if wheel is None else wheel,
        SocketLimits() if limits is None else limits,
        fallback,
    )

    class NativeProtocol(_Gate):
        _shared = shared

    return NativeProtocol


class _Shared:
    """
    What all connections of one server have in common.
    """

    def __init__(
        self,
        open_by_path: Callable[[str], Open | None],
        wheel: Wheel,
        limits: SocketLimits,
        fallback: Callable[..., asyncio.Protocol] | None,
    ) -> None:
        self.open_by_path = open_by_path
        self.wheel = wheel
        self.limits = limits
        self.fallback = fallback
        self.frames: Sequence[Frame] = ()
        self.joined = b""
        self._proxies: tuple[Config, ProxyHeadersMiddleware] | None = None

    def join(self, frames: Sequence[Frame]) -> bytes:
        """
        The frames as one piece of wire. That of the latest tuple is kept for the other connections that get it.
        """
        if len(frames) == 1:
            joined = frames[0].websocket
        else:
            joined = b"".join([frame.websocket for frame in frames])
        if isinstance(frames, tuple):
            # Holding the tuple keeps its identity from being given to another one.
            self.frames = frames
            self.joined = joined
        return joined

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

    _shared: _Shared

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
        if len(head) > self._shared.limits.head_bytes_max:
            limit = self._shared.limits.head_bytes_max
            self._reject(431, f"the request head is longer than {limit} bytes")
            return
        request = read_head(head)
        if isinstance(request, Rejection):
            self._reject(request.status, request.detail, request.headers)
            return
        path = unquote(request.target.partition("?")[0])
        open_ = self._shared.open_by_path(path)
        if open_ is not None:
            self._open(open_, path, request)
        elif self._shared.fallback is not None:
            self._hand_over(head, self._shared.fallback)
        else:
            self._reject(404, f"there is no WebSocket at {path}")

    def _open(self, open_: Open, path: str, request: Request) -> None:
        opening = read_opening(request)
        if isinstance(opening, Rejection):
            self._reject(opening.status, opening.detail, opening.headers)
            return
        connection = Connection(self._transport, self._shared, self._server_state)
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
            logger.exception("the session of %s could not be opened", path)
            self._reject(500, "the session could not be opened")
            if isinstance(answer, Accepted):
                answer.peer.lost(Code.ABNORMAL)
            return
        # As uvicorn logs its own, but without the query string: it may carry a token.
        uvicorn_logger.info('%s - "WebSocket %s" [accepted]', handshake.address, path)
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
        self._shared.apply_proxy_headers(self._config, scope)
        return build_handshake(
            transport="websocket",
            path=path,
            query=request.target.partition("?")[2].encode("latin-1"),
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


class _State(IntEnum):
    """
    OPENING → OPEN (handshake answered) → CLOSING (our close frame written) → LOST (transport gone, from any state).
    """

    OPENING = 0
    OPEN = 1
    CLOSING = 2
    LOST = 3


# A member looked up in its class costs 0.3 µs in Python 3.11, a tenth of what a delivery may cost.
_OPEN = _State.OPEN


class _Ping(IntEnum):
    """
    IDLE → ASKED (our ping is out) → ANSWERED → IDLE; the next tick at ASKED finds the other side gone.
    """

    IDLE = 0
    ASKED = 1
    ANSWERED = 2


class Connection(asyncio.Protocol):
    """
    One WebSocket: the `Link` of its session and the protocol of its transport. No task, no timer of its own.
    """

    __slots__ = (
        "_accepted",
        "_close_code",
        "_connections",
        "_early",
        "_early_close",
        "_fileno",
        "_is_behind",
        "_is_paused",
        "_owed_pong",
        "_parser",
        "_ping",
        "_shared",
        "_state",
        "_transport",
    )

    def __init__(
        self, transport: asyncio.Transport, shared: _Shared, server_state: ServerState
    ) -> None:
        self._transport = transport
        self._shared = shared
        self._connections = cast(set[Any], server_state.connections)
        self._state = _State.OPENING
        self._accepted: Accepted | None = None
        self._parser: rfc6455.Parser | None = None
        self._close_code: int | None = None
        self._early: list[Frame] | None = None
        self._early_close: tuple[int, str] | None = None
        self._is_paused = False
        self._is_behind = True
        self._fileno = _fileno(transport)
        self._ping = _Ping.IDLE
        self._owed_pong: bytes | None = None

    def accept(self, accepted: Accepted, head: bytes) -> None:
        """
        Answer the handshake, then send what the session wrote while it was opened.
        """
        self._accepted = accepted
        self._parser = rfc6455.Parser(message_bytes_max=accepted.inbound_bytes_max)
        self._connections.add(self)
        if self._state is not _State.OPENING:
            return
        self._state = _OPEN
        limits = self._shared.limits
        self._transport.set_write_buffer_limits(limits.write_high_bytes, limits.write_low_bytes)
        _turn_off_nagle(self._transport)
        self._write_behind(head)
        if accepted.ping_interval_s is not None:
            self._shared.wheel.schedule(self, accepted.ping_interval_s)
        frames, self._early = self._early, None
        if frames is not None:
            self.write(frames)
        if self._early_close is not None:
            self.close(*self._early_close)

    # Link

    @property
    def is_writable(self) -> bool:
        return not self._is_paused

    def write(self, frames: Sequence[Frame]) -> None:
        if self._state is not _OPEN:
            self._write_early(frames)
            return
        shared = self._shared
        data = shared.joined if frames is shared.frames else shared.join(frames)
        if self._is_behind and not self._has_caught_up():
            self._write_behind(data)
            return
        # The transport holds nothing, so the socket may be written directly: a tenth cheaper than through the transport.
        assert self._fileno is not None
        try:
            sent = os.write(self._fileno, data)
        except OSError:
            # Full, or broken, which the transport finds out and tells.
            sent = 0
        if sent < len(data):
            self._write_behind(data[sent:])

    def close(self, code: int, reason: str) -> None:
        if self._state is _OPEN:
            self._send_close(rfc6455.close_frame(code, reason))
        elif self._state is _State.OPENING and self._early_close is None:
            self._early_close = (code, reason)

    def abort(self) -> None:
        if self._state is not _State.LOST:
            self._state = _State.CLOSING
            self._transport.abort()

    # asyncio.Protocol

    def data_received(self, data: bytes) -> None:
        assert self._parser is not None
        try:
            for event in self._parser.feed(data):
                self._handle(event)
        except Exception:
            logger.exception("a session failed at a message; its connection is closed")
            self._fail(Code.INTERNAL_ERROR, "internal error")

    def pause_writing(self) -> None:
        self._is_paused = True

    def resume_writing(self) -> None:
        self._is_paused = False
        if self._state is not _OPEN:
            return
        if self._owed_pong is not None:
            payload, self._owed_pong = self._owed_pong, None
            self._write_behind(rfc6455.pong_frame(payload))
        assert self._accepted is not None
        self._accepted.peer.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        self._state = _State.LOST
        self._connections.discard(self)
        self._shared.wheel.cancel(self)
        accepted, self._accepted = self._accepted, None
        if accepted is not None:
            accepted.peer.lost(Code.ABNORMAL if self._close_code is None else self._close_code)

    # uvicorn

    def shutdown(self) -> None:
        """
        The server stops: say so, unless the session was closed with a code of its own before.
        """
        if self._state is _OPEN:
            self._close_code = Code.GOING_AWAY
            self.close(Code.GOING_AWAY, "shutdown")

    # Timed

    def tick(self) -> float | None:
        if self._state is not _OPEN:
            # The time to answer our close frame, or to read what was left, is over.
            self.abort()
            return None
        assert self._accepted is not None
        interval_s, timeout_s = self._accepted.ping_interval_s, self._accepted.ping_timeout_s
        assert interval_s is not None
        if self._ping is _Ping.ASKED:
            self._fail(Code.INTERNAL_ERROR, f"no answer to a ping in {timeout_s:g} s")
            return None
        if self._ping is _Ping.ANSWERED and interval_s > timeout_s:
            self._ping = _Ping.IDLE
            return interval_s - timeout_s
        self._ping = _Ping.ASKED
        self._write_behind(rfc6455.ping_frame())
        return timeout_s

    def _handle(self, event: rfc6455.Event) -> None:
        if isinstance(event, rfc6455.Close):
            self._take_close(event)
        elif self._state is not _OPEN:
            return
        elif isinstance(event, rfc6455.Message):
            assert self._accepted is not None
            self._accepted.peer.receive(event.data)
        elif isinstance(event, rfc6455.Ping):
            self._take_ping(event.payload)
        elif isinstance(event, rfc6455.Pong):
            self._take_pong()
        else:
            self._fail(event.code, event.reason)

    def _take_close(self, event: rfc6455.Close) -> None:
        if self._close_code is None:
            self._close_code = event.code
        if self._state is _OPEN:
            self._send_close(rfc6455.close_frame(event.code))
        # Flushes first. The server is the one to end the TCP connection (RFC 6455 section 7.1.1).
        self._transport.close()

    def _take_ping(self, payload: bytes) -> None:
        if self._is_paused:
            # A client that pings and does not read would fill our buffer; only the latest ping needs an answer (5.5.3).
            self._owed_pong = payload
        else:
            self._write_behind(rfc6455.pong_frame(payload))

    def _take_pong(self) -> None:
        if self._ping is _Ping.ASKED:
            self._ping = _Ping.ANSWERED
            assert self._accepted is not None
            self._accepted.peer.pong()

    def _write_early(self, frames: Sequence[Frame]) -> None:
        if self._state is _State.OPENING and self._early_close is None:
            if self._early is None:
                self._early = []
            self._early += frames

    def _write_behind(self, data: bytes) -> None:
        """
        Write through the transport, behind what it may still hold.
        """
        if self._is_paused:
            unsent = self._transport.get_write_buffer_size() + len(data)
            if unsent > self._shared.limits.write_bytes_max:
                self.abort()
                return
        self._transport.write(data)
        self._is_behind = True

    def _has_caught_up(self) -> bool:
        if self._fileno is None or self._transport.get_write_buffer_size():
            return False
        self._is_behind = False
        return True

    def _fail(self, code: int, reason: str) -> None:
        if self._state is not _OPEN:
            return
        self._close_code = code
        self._send_close(rfc6455.close_frame(code, reason))
        # Closing at once would reset the connection while the client still sends, and our close frame would be lost with
        # it. So only our half ends; what comes is discarded until the client ends its half or the time is over.
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def _send_close(self, frame: bytes) -> None:
        self._state = _State.CLOSING
        self._write_behind(frame)
        self._shared.wheel.schedule(self, self._shared.limits.close_timeout_s)


def _fileno(transport: asyncio.Transport) -> int | None:
    """
    The socket to write to without the transport; None where bytes are encrypted on the way, or sockets are no files.

    The descriptor is ours until `connection_lost` returns: asyncio and uvloop close the socket after it.
    """
    sock = transport.get_extra_info("socket")
    if sock is None or is_ssl(transport) or os.name != "posix":
        return None
    return int(sock.fileno())


def _turn_off_nagle(transport: asyncio.Transport) -> None:
    # asyncio does so only for a listener whose `proto` is named, which one that uvicorn bound for its workers is not.
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
