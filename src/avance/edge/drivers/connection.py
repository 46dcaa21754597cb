"""
One WebSocket of the native driver.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from avance.edge.drivers import rfc6455
from avance.edge.drivers.limits import SocketLimits
from avance.edge.drivers.rfc6455 import Code
from avance.edge.drivers.wheel import Wheel
from avance.edge.link import Accepted, Frame

logger = logging.getLogger("avance.edge")


class Shared:
    """
    What all connections of one server have in common.
    """

    def __init__(self, wheel: Wheel, limits: SocketLimits) -> None:
        self.wheel = wheel
        self.limits = limits
        self.frames: Sequence[Frame] = ()
        self.joined = b""

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

    def __init__(self, transport: asyncio.Transport, shared: Shared, connections: set[Any]) -> None:
        self._transport = transport
        self._shared = shared
        self._connections = connections
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
        if not self._transport.is_closing() and self._transport.can_write_eof():
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
    if sock is None or transport.get_extra_info("sslcontext") or os.name != "posix":
        return None
    return int(sock.fileno())


def _turn_off_nagle(transport: asyncio.Transport) -> None:
    # asyncio does so only for a listener whose `proto` is named, which one that uvicorn bound for its workers is not.
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
