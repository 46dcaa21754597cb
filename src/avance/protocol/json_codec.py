"""
The JSON codec: one object per line. Payloads are put in as they are, so they must be JSON without line breaks (`payload.py`).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any, TypeVar

import msgspec

from avance.protocol.codes import MalformedFrame
from avance.protocol.framing import COMMANDS_PER_FRAME_MAX, Codec, checked_command
from avance.protocol.messages import (
    PONG,
    ClientInfo,
    Command,
    EmulationRequest,
    Pong,
    Reply,
    Wire,
)
from avance.protocol.table import TABLE, Field, Kind

_string = msgspec.json.Encoder().encode
_COMMAND = msgspec.json.Decoder(Command)
_REPLY = msgspec.json.Decoder(Reply)
_EMPTY = b"{}"
_PLAIN_PUBLICATION = b'{"push":{"channel":%b,"pub":{"data":%b,"offset":%d}}}'

Render = Callable[[Any], bytes]
Read = TypeVar("Read")


class JsonCodec(Codec):
    """
    Text frames of UTF-8.
    """

    name = "json"
    is_text = True

    def decode_commands(self, data: bytes) -> list[Command | Pong]:
        """
        Read a frame of one or more commands.
        """
        if data == _EMPTY:
            return [PONG]
        return [checked_command(_decoded(_COMMAND, line)) for line in _lines(data)]

    def encode_reply(self, reply: Reply) -> bytes:
        """
        Write one reply, without a line break.
        """
        return _render(reply)

    def join(self, parts: Iterable[bytes]) -> bytes:
        """
        Put messages into one frame, a line each.
        """
        return b"\n".join(parts)

    def ping(self) -> bytes:
        """
        The empty object.
        """
        return _EMPTY

    def decode_emulation(self, body: bytes) -> EmulationRequest:
        """
        Read the body of POST /emulation, whose `data` is a string of lines.
        """
        _check_utf8(body)
        request = _decoded(_EMULATION, body)
        return EmulationRequest(
            node=request.node, session=request.session, data=request.data.encode()
        )

    def encode_publication(
        self,
        channel: str,
        data: bytes,
        offset: int,
        *,
        info: ClientInfo | None = None,
        tags: Mapping[str, str] | None = None,
        epoch: str = "",
        delta: bool = False,
        as_string: bool = False,
    ) -> bytes:
        """
        Write the push of one publication.
        """
        if as_string:
            data = self.payload(data)
        if not (info or tags or epoch or delta) and data and offset:
            return _PLAIN_PUBLICATION % (_string(channel), data, offset)
        body = b',"data":' + data if data else b""
        if info is not None:
            body += b',"info":' + _render(info)
        if offset:
            body += b',"offset":%d' % offset
        if tags:
            body += b',"tags":' + _string(tags)
        if delta:
            body += b',"delta":true'
        if epoch:
            body += b',"epoch":' + _string(epoch)
        return b'{"push":{"channel":%b,"pub":{%b}}}' % (_string(channel), body[1:])

    def payload(self, data: bytes) -> bytes:
        """
        The payload or patch as a JSON string.
        """
        return _string(data.decode())

    def encode_command(self, command: Command) -> bytes:
        """
        Write one command, without a line break.
        """
        return _render(command)

    def decode_replies(self, data: bytes) -> list[Reply]:
        """
        Read a frame of one or more replies.
        """
        return [_decoded(_REPLY, line) for line in _lines(data)]

    def encode_emulation(self, request: EmulationRequest) -> bytes:
        """
        Write the body of POST /emulation.
        """
        return _string(
            _Emulation(node=request.node, session=request.session, data=request.data.decode())
        )


class AsciiJsonCodec(JsonCodec):
    r"""
    JSON whose every byte is ASCII, with \u escapes.

    Older clients decode each chunk of an HTTP stream by itself, so a character must not be cut between two chunks.
    """

    def encode_reply(self, reply: Reply) -> bytes:
        """
        Write one reply.
        """
        return ascii_only(super().encode_reply(reply))

    def encode_publication(
        self,
        channel: str,
        data: bytes,
        offset: int,
        *,
        info: ClientInfo | None = None,
        tags: Mapping[str, str] | None = None,
        epoch: str = "",
        delta: bool = False,
        as_string: bool = False,
    ) -> bytes:
        """
        Write the push of one publication.
        """
        return ascii_only(
            super().encode_publication(
                channel,
                data,
                offset,
                info=info,
                tags=tags,
                epoch=epoch,
                delta=delta,
                as_string=as_string,
            )
        )


_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")


def ascii_only(text: bytes) -> bytes:
    r"""
    Escape what is not ASCII. In valid JSON such characters stand only inside strings, so the meaning stays.
    """
    if text.isascii():
        return text
    return _BEYOND_ASCII.sub(_escape, text.decode()).encode()


def _escape(match: re.Match[str]) -> str:
    point = ord(match[0])
    if point < 0x10000:
        return f"\\u{point:04x}"
    point -= 0x10000
    return f"\\u{0xD800 | point >> 10:04x}\\u{0xDC00 | point & 0x3FF:04x}"


# Reading


class _Emulation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    node: str = ""
    session: str = ""
    data: str = ""


_EMULATION = msgspec.json.Decoder(_Emulation)


def _lines(data: bytes) -> list[bytes]:
    _check_utf8(data)
    lines = data.strip().split(b"\n", COMMANDS_PER_FRAME_MAX)
    if len(lines) > COMMANDS_PER_FRAME_MAX:
        raise MalformedFrame(f"a frame holds more than {COMMANDS_PER_FRAME_MAX} messages")
    return lines


def _check_utf8(data: bytes) -> None:
    """
    Strings inside payloads are not decoded on their way, so their encoding is checked here.
    """
    if not data.isascii():
        try:
            data.decode()
        except UnicodeDecodeError as error:
            raise MalformedFrame(f"a text frame is not UTF-8: {error}") from error


def _decoded(decoder: msgspec.json.Decoder[Read], line: bytes) -> Read:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedFrame(f"not a message: {error}") from error


# Writing


def _render(message: Wire) -> bytes:
    parts: list[bytes] = []
    for value_of, key, render, is_always_present in _WRITERS[type(message)]:
        value = value_of(message)
        if value or is_always_present:
            parts.append(key + render(value))
    return b"{%b}" % b",".join(parts)


def _render_list(messages: Iterable[Wire]) -> bytes:
    return b"[%b]" % b",".join([_render(message) for message in messages])


def _render_map(messages: Mapping[str, Wire]) -> bytes:
    members = [_string(key) + b":" + _render(message) for key, message in messages.items()]
    return b"{%b}" % b",".join(members)


def _render_payload(data: bytes) -> bytes:
    return data


_RENDER: Mapping[Kind, Render] = {
    Kind.PAYLOAD: _render_payload,
    Kind.MESSAGE: _render,
    Kind.MESSAGES: _render_list,
    Kind.MESSAGE_MAP: _render_map,
}


def _writer(field: Field) -> tuple[Callable[[Wire], Any], bytes, Render, bool]:
    return (
        attrgetter(field.name),
        b'"%b":' % field.name.encode(),
        _RENDER.get(field.kind, _string),
        field.is_always_present,
    )


_WRITERS = {message: tuple(map(_writer, fields)) for message, fields in TABLE.items()}
