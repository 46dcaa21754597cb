"""
What the serving process and a child say to each other: length-prefixed messages, msgpack down, JSON up (a report holds JSON that must stay as it is).
"""

from collections.abc import Callable

import msgspec

from avance.model.report import AnyReport
from avance.ports.executor import Run

HEAD_BYTES = 4


class Hello(msgspec.Struct, frozen=True, kw_only=True, tag="hello"):
    """
    The first message to a child.
    """

    target: str
    argument: str | None = None
    path: list[str]
    """The module search path of the serving process, so that the child imports the same program."""


class Start(msgspec.Struct, frozen=True, kw_only=True, tag="start"):
    run: Run


class Stop(msgspec.Struct, frozen=True, kw_only=True, tag="stop"):
    job_id: str
    attempt: int


class Answer(msgspec.Struct, frozen=True, kw_only=True, tag="answer"):
    question: int
    body: bytes


class Leave(msgspec.Struct, frozen=True, kw_only=True, tag="leave"):
    """
    End, when nothing runs.
    """


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="ready"):
    """
    The program is imported.
    """


class Broken(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="broken"):
    """
    The program cannot be imported.
    """

    reason: str
    traceback: str


class Question(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="question"):
    number: int
    job_id: str
    attempt: int
    what: str
    body: msgspec.Raw


class Free(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="free"):
    """
    The attempt is over and its reports are before this.
    """

    job_id: str
    attempt: int


Down = Hello | Start | Stop | Answer | Leave
Up = AnyReport | Ready | Broken | Question | Free

_down = msgspec.msgpack.Encoder()
_up = msgspec.json.Encoder()
decode_down: Callable[[bytes], Down] = msgspec.msgpack.Decoder(Down).decode
decode_up: Callable[[bytes], Up] = msgspec.json.Decoder(Up).decode


def frame_down(message: Down) -> bytes:
    return _framed(_down.encode(message))


def frame_up(message: Up) -> bytes:
    return _framed(_up.encode(message))


def _framed(body: bytes) -> bytes:
    return len(body).to_bytes(HEAD_BYTES, "big") + body


class OversizedFrame(Exception):
    """
    The other side announced a message over the limit.
    """


class Frames:
    """
    Cuts what arrives into messages.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._buffer = bytearray()
        self._wanted = HEAD_BYTES

    def feed(self, data: bytes) -> list[bytes]:
        self._buffer += data
        if len(self._buffer) < self._wanted:
            return []
        buffer, start, found = self._buffer, 0, []
        while True:
            end = start + HEAD_BYTES
            if len(buffer) < end:
                self._wanted = HEAD_BYTES
                break
            size = int.from_bytes(buffer[start:end], "big")
            if size > self._bytes_max:
                raise OversizedFrame(f"a message of {size} bytes; the limit is {self._bytes_max}")
            if len(buffer) < end + size:
                self._wanted = HEAD_BYTES + size
                break
            found.append(bytes(buffer[end : end + size]))
            start = end + size
        del buffer[:start]
        return found
