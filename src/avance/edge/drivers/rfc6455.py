"""
RFC 6455 frames on the server's side, without I/O: a strict parser of what a client sends, and the control frames to it.

No extension is negotiated, because permessage-deflate costs a compressor and a window for each connection, so reserved
bits are errors. Data frames to the client are serialised by `avance.edge.link.Frame`.
"""

import codecs
from collections.abc import Callable
from enum import IntEnum
from typing import NoReturn

import msgspec

_compiled_unmask: Callable[[bytes, bytes], bytes] | None
try:
    # Installed anyway, for other paths: 0.2 µs against 1.8 for 60 bytes, 2 µs against 400 for 64 KiB.
    from websockets.speedups import apply_mask

    _compiled_unmask = apply_mask
except ImportError:
    _compiled_unmask = None

_CONTROL_BYTES_MAX = 125
_REASON_BYTES_MAX = 123

_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA


class Code(IntEnum):
    """
    Close codes (RFC 6455 section 7.4.1) that the drivers themselves use.
    """

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    NO_STATUS = 1005
    ABNORMAL = 1006
    INVALID_DATA = 1007
    TOO_BIG = 1009
    INTERNAL_ERROR = 1011


class Message(msgspec.Struct, frozen=True, gc=False):
    """
    A whole message, its fragments joined; text is valid UTF-8.
    """

    data: bytes
    is_text: bool


class Ping(msgspec.Struct, frozen=True, gc=False):
    payload: bytes


class Pong(msgspec.Struct, frozen=True, gc=False):
    payload: bytes


class Close(msgspec.Struct, frozen=True, gc=False):
    """
    The close frame; what comes after it is ignored. The code is 1005 when the frame had none.
    """

    code: int
    reason: str


class Failure(msgspec.Struct, frozen=True, gc=False):
    """
    The client broke the protocol or a limit: the connection must be closed with this code. What comes after is ignored.
    """

    code: int
    reason: str


Event = Message | Ping | Pong | Close | Failure


class _Broken(Exception):
    def __init__(self, code: Code, reason: str) -> None:
        self.failure = Failure(code=int(code), reason=reason)


class Parser:
    """
    The bytes of a client, in chunks of any size, to events. The events do not depend on how the bytes are cut.
    """

    __slots__ = ("_buffer", "_decoder", "_is_over", "_is_text", "_limit", "_message", "_needed")

    def __init__(self, *, message_bytes_max: int) -> None:
        self._limit = message_bytes_max
        self._buffer: bytearray | None = None
        self._needed = 0
        self._message: bytearray | None = None
        self._is_text = False
        self._decoder: codecs.IncrementalDecoder | None = None
        self._is_over = False

    def feed(self, data: bytes) -> list[Event]:
        """
        Take bytes, give the events that they complete. After a `Close` or a `Failure` there are none.
        """
        events: list[Event] = []
        if self._is_over:
            return events
        if self._buffer is not None:
            self._buffer += data
            if len(self._buffer) < self._needed:
                return events
            data = bytes(self._buffer)
            self._buffer = None
        try:
            self._read(data, events)
        except _Broken as broken:
            self._end()
            events.append(broken.failure)
        return events

    def _read(self, data: bytes, events: list[Event]) -> None:
        start, end = 0, len(data)
        while end - start >= 2:
            first, size = data[start], data[start + 1]
            if first & 0x70:
                _fail("a reserved bit is set, but no extension was negotiated")
            if not size & 0x80:
                _fail("a frame from the client is not masked")
            size &= 0x7F
            mask = start + 2
            opcode = first & 0x0F
            if opcode >= _CLOSE:
                _check_control(first, size)
            else:
                if opcode > _BINARY or (opcode == _CONTINUATION) != (self._message is not None):
                    _fail_order(opcode)
                if size > _CONTROL_BYTES_MAX:
                    mask += 2 if size == 126 else 8
                    if mask > end:
                        self._keep(data, start, mask)
                        return
                    size = _extended_size(data[start + 2 : mask])
                if size > self._limit or self._message is not None:
                    self._check_size(size)
            stop = mask + 4 + size
            if stop > end:
                self._keep(data, start, stop)
                return
            payload = unmask(data[mask + 4 : stop], data[mask : mask + 4])
            start = stop
            if first == _TEXT | 0x80:
                # By far the most frequent frame: a whole text message.
                if not payload.isascii():
                    _check_utf8(payload)
                events.append(Message(payload, True))
            elif opcode < _CLOSE:
                self._take_data(opcode, bool(first & 0x80), payload, events)
            elif opcode == _CLOSE:
                events.append(_read_close(payload))
                self._end()
                return
            else:
                events.append(Ping(payload) if opcode == _PING else Pong(payload))
        if start < end:
            self._keep(data, start, start + 2)

    def _check_size(self, size: int) -> None:
        total = size if self._message is None else size + len(self._message)
        if total > self._limit:
            raise _Broken(Code.TOO_BIG, f"a message is longer than {self._limit} bytes")

    def _take_data(self, opcode: int, is_last: bool, payload: bytes, events: list[Event]) -> None:
        if opcode != _CONTINUATION:
            if is_last:
                events.append(Message(payload, False))
                return
            self._message = bytearray()
            self._is_text = opcode == _TEXT
            if self._is_text:
                self._decoder = codecs.getincrementaldecoder("utf-8")()
        assert self._message is not None
        self._message += payload
        if self._decoder is not None:
            # Each fragment is judged when it comes, so that a bad first one ends the connection before the last.
            _check_utf8(payload, self._decoder, is_last)
        if is_last:
            events.append(Message(bytes(self._message), self._is_text))
            self._message = None
            self._decoder = None

    def _keep(self, data: bytes, start: int, stop: int) -> None:
        self._buffer = bytearray(data[start:])
        self._needed = stop - start

    def _end(self) -> None:
        self._is_over = True
        self._buffer = None
        self._message = None
        self._decoder = None


def unmask_slowly(payload: bytes, mask: bytes) -> bytes:
    """
    Apply a masking key of four bytes by one XOR of two long integers; the same again undoes it.
    """
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    masked = int.from_bytes(payload, "little") ^ int.from_bytes(key, "little")
    return masked.to_bytes(size, "little")


unmask: Callable[[bytes, bytes], bytes] = _compiled_unmask or unmask_slowly


def is_close_code(code: int) -> bool:
    """
    True for a code that may stand in a close frame: assigned by the RFC or IANA, or of the ranges for libraries and apps.
    """
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999


def _check_control(first: int, size: int) -> None:
    if first & 0x0F > _PONG:
        _fail(f"opcode {first & 0x0F} is reserved")
    if not first & 0x80:
        _fail("a control frame is fragmented")
    if size > _CONTROL_BYTES_MAX:
        _fail(f"a control frame is longer than {_CONTROL_BYTES_MAX} bytes")


def _fail_order(opcode: int) -> NoReturn:
    if opcode > _BINARY:
        _fail(f"opcode {opcode} is reserved")
    if opcode == _CONTINUATION:
        _fail("a continuation frame has no message to continue")
    _fail("a message starts inside a fragmented one")


def _extended_size(data: bytes) -> int:
    size = int.from_bytes(data, "big")
    if len(data) == 2 and size < 126:
        _fail("a frame length is not in its shortest form")
    if len(data) == 8 and size < 65_536:
        _fail("a frame length is not in its shortest form")
    if size >> 63:
        _fail("a frame length has its highest bit set")
    return size


def _read_close(payload: bytes) -> Close:
    if not payload:
        return Close(code=int(Code.NO_STATUS), reason="")
    code = int.from_bytes(payload[:2], "big")
    if len(payload) == 1 or not is_close_code(code):
        _fail("a close frame has an invalid code")
    _check_utf8(payload[2:])
    return Close(code=code, reason=payload[2:].decode())


def _check_utf8(
    data: bytes, decoder: codecs.IncrementalDecoder | None = None, is_last: bool = True
) -> None:
    try:
        if decoder is None:
            data.decode()
        else:
            decoder.decode(data, is_last)
    except UnicodeDecodeError:
        raise _Broken(Code.INVALID_DATA, "text is not valid UTF-8") from None


def _fail(reason: str) -> NoReturn:
    raise _Broken(Code.PROTOCOL_ERROR, reason)


def close_frame(code: int, reason: str = "") -> bytes:
    """
    A close frame; 1005 gives an empty one. A reason above 123 bytes is cut between characters.

    Raises:
        ValueError: the code must not stand in a close frame.
    """
    if code == Code.NO_STATUS:
        return b"\x88\x00"
    if not is_close_code(code):
        raise ValueError(
            f"close code {code} must not be sent; use 1000-1003, 1007-1014 or 3000-4999"
        )
    encoded = reason.encode()[:_REASON_BYTES_MAX].decode(errors="ignore").encode()
    return bytes((0x88, 2 + len(encoded))) + code.to_bytes(2, "big") + encoded


def ping_frame(payload: bytes = b"") -> bytes:
    return bytes((0x89, len(payload))) + payload


def pong_frame(payload: bytes) -> bytes:
    """
    The answer to a ping, whose payload the parser has limited to 125 bytes.
    """
    return bytes((0x8A, len(payload))) + payload
