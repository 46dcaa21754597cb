"""
What a socket driver and the session above it know of each other.

A driver (native, ASGI, http_stream, SSE) owns bytes and the transport; a peer owns meaning. Both run in one event loop
and call each other synchronously, so a frame that is built once goes to every transport without a task or an await.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec


class Handshake(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a driver knows of a connection before the first frame.
    """

    transport: str
    """`websocket`, `http_stream` or `sse`."""
    path: str
    query: Mapping[str, str]
    """Decoded; the last value wins."""
    headers: Mapping[str, str]
    """Names in lower case."""
    address: str
    """The peer's IP address, for limits; never an identity."""
    subprotocols: tuple[str, ...] = ()
    scheme: str = "ws"


class Frame:
    """
    One outbound message, built once and shared by everybody who gets it; each wire form is made on first use and kept.
    """

    __slots__ = ("_event", "_line", "_text", "_websocket", "conflate", "is_text", "payload")

    def __init__(
        self, payload: bytes, *, is_text: bool = True, conflate: str | None = None
    ) -> None:
        self.payload = payload
        self.is_text = is_text
        self.conflate = conflate
        """Frames of one key may be replaced by the newest while a connection does not read; None is never dropped."""
        self._websocket: bytes | None = None
        self._line: bytes | None = None
        self._event: bytes | None = None
        self._text: str | None = None

    @property
    def websocket(self) -> bytes:
        """
        The unmasked, unfragmented RFC 6455 frame.
        """
        if self._websocket is None:
            size = len(self.payload)
            opcode = 0x81 if self.is_text else 0x82
            if size < 126:
                head = bytes((opcode, size))
            elif size < 65536:
                head = bytes((opcode, 126)) + size.to_bytes(2, "big")
            else:
                head = bytes((opcode, 127)) + size.to_bytes(8, "big")
            self._websocket = head + self.payload
        return self._websocket

    @property
    def line(self) -> bytes:
        """
        The form on an HTTP stream: a JSON line, or the Protobuf message, which brings its own length.
        """
        if self._line is None:
            self._line = self.payload + b"\n" if self.is_text else self.payload
        return self._line

    @property
    def text(self) -> str:
        """
        The form that an ASGI server wants for a text message, decoded once for everybody.
        """
        if self._text is None:
            self._text = self.payload.decode()
        return self._text

    @property
    def event(self) -> bytes:
        """
        The form on server-sent events.
        """
        if self._event is None:
            self._event = b"data: " + self.payload.replace(b"\n", b"\ndata: ") + b"\n\n"
        return self._event


class Link(Protocol):
    """
    A driver's side: a transport that takes frames.
    """

    @property
    def is_writable(self) -> bool:
        """
        False from the moment the transport's buffer passed its high-water mark until it drained.
        """

    def write(self, frames: Sequence[Frame]) -> None:
        """
        Hand the frames to the transport at once, in order. Never blocks; after a close it does nothing.

        The same tuple given to many links is joined once and shared; any other sequence is joined for each link.
        """

    def close(self, code: int, reason: str) -> None:
        """
        Send what was written, then the close frame (or the end of the stream). Idempotent.
        """

    def abort(self) -> None:
        """
        Drop the transport without another byte: for a peer that does not read.
        """


class Peer(Protocol):
    """
    A session's side: it is called by its driver, never after `lost`.
    """

    def receive(self, data: bytes) -> None:
        """
        One whole inbound message.
        """

    def pong(self) -> None:
        """
        The answer to a protocol-level ping came.
        """

    def resume(self) -> None:
        """
        The link is writable again.
        """

    def lost(self, code: int) -> None:
        """
        The transport is gone; called exactly once.

        The code is that of the other side's close frame, 1005 when it named none, 1006 when there was none. Where the
        driver itself ended the connection (1001 shutdown, 1002, 1007, 1009, 1011 no answer to a ping) it is that code,
        and on HTTP streams the code given to `Link.close`.
        """


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """
    The answer to a handshake: a peer, and the subprotocol to echo.
    """

    peer: Peer
    subprotocol: str | None = None
    inbound_bytes_max: int = 65_536
    """A larger message closes 1009."""
    ping_interval_s: float | None = None
    """Protocol-level pings by the driver; None where the protocol above has its own."""
    ping_timeout_s: float = 10.0
    farewell: Callable[[int, str], Frame] | None = None
    """Makes the last frame of an HTTP stream from the close code and reason; a WebSocket has its close frame instead."""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """
    The answer to a handshake that must not be upgraded, such as one from a foreign Origin.
    """

    status: int
    detail: str


Open = Callable[[Handshake, Link], Accepted | Refused]
"""Called by a driver for each handshake on a claimed path; synchronous, what needs a lookup follows inside the session."""
