"""
The Protobuf codec: messages with an unsigned varint length in front (https://protobuf.dev/programming-guides/encoding/).
"""

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any, TypeVar

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

DEPTH_MAX = 24
"""Messages inside of messages."""

VARINT, FIXED64, DELIMITED, FIXED32 = 0, 1, 2, 5
_BIT_64 = 1 << 64

Read = TypeVar("Read", bound=Wire)


class ProtobufCodec(Codec):
    """
    Binary frames.
    """

    name = "protobuf"
    is_text = False

    def decode_commands(self, data: bytes) -> list[Command | Pong]:
        """
        Read a frame of one or more commands.
        """
        if data == b"\x00":
            return [PONG]
        return [checked_command(command) for command in _messages(Command, data)]

    def encode_reply(self, reply: Reply) -> bytes:
        """
        Write one reply with its length.
        """
        return _delimited(_write(reply))

    def join(self, parts: Iterable[bytes]) -> bytes:
        """
        Put messages into one frame.
        """
        return b"".join(parts)

    def ping(self) -> bytes:
        """
        The message of length zero.
        """
        return b"\x00"

    def decode_emulation(self, body: bytes) -> EmulationRequest:
        """
        Read the body of POST /emulation.
        """
        return _read(EmulationRequest, body, 0, len(body), 0)

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
        pub = b"\x22" + _delimited(data) if data else b""
        if info is not None:
            pub += b"\x2a" + _delimited(_write(info))
        if offset:
            pub += b"\x30" + _varint(offset)
        if tags:
            pub += b"".join([b"\x3a" + _delimited(_string_entry(item)) for item in tags.items()])
        if delta:
            pub += b"\x40\x01"
        if epoch:
            pub += b"\x72" + _delimited(epoch.encode())
        push = b"\x12" + _delimited(channel.encode()) + b"\x22" + _delimited(pub)
        return _delimited(b"\x22" + _delimited(push))

    def payload(self, data: bytes) -> bytes:
        """
        The payload or patch itself.
        """
        return data

    def encode_command(self, command: Command) -> bytes:
        """
        Write one command with its length.
        """
        return _delimited(_write(command))

    def decode_replies(self, data: bytes) -> list[Reply]:
        """
        Read a frame of one or more replies.
        """
        return _messages(Reply, data)

    def encode_emulation(self, request: EmulationRequest) -> bytes:
        """
        Write the body of POST /emulation.
        """
        return _write(request)


# Reading

Values = dict[str, Any]
Reader = Callable[[Values, str, bytes, int, int, int], int]
"""(values, name, data, start, end, depth) -> where the next field starts."""


def _messages(message: type[Read], data: bytes) -> list[Read]:
    messages: list[Read] = []
    at, end = 0, len(data)
    if not end:
        raise MalformedFrame("a frame is empty")
    while at < end:
        if len(messages) == COMMANDS_PER_FRAME_MAX:
            raise MalformedFrame(f"a frame holds more than {COMMANDS_PER_FRAME_MAX} messages")
        start, at = _span(data, at, end)
        messages.append(_read(message, data, start, at, 0))
    return messages


def _read(message: type[Read], data: bytes, at: int, end: int, depth: int) -> Read:
    if depth > DEPTH_MAX:
        raise MalformedFrame(f"messages are nested deeper than {DEPTH_MAX} levels")
    readers = _READERS[message]
    values: Values = {}
    while at < end:
        tag = data[at]
        if tag < 0x80:
            at += 1
        else:
            tag, at = _read_varint(data, at, end)
        known = readers.get(tag)
        if known is None:
            at = _skip(message, tag, data, at, end)
        else:
            name, read = known
            at = read(values, name, data, at, end, depth)
    try:
        return message(**values)
    except ValueError as error:
        raise MalformedFrame(str(error)) from error


def _skip(message: type[Wire], tag: int, data: bytes, at: int, end: int) -> int:
    number, wire_type = tag >> 3, tag & 7
    if number == 0 or number in _NUMBERS[message]:
        raise MalformedFrame(f"field {number} of {message.__name__} has wire type {wire_type}")
    if wire_type == VARINT:
        return _read_varint(data, at, end)[1]
    if wire_type == DELIMITED:
        return _span(data, at, end)[1]
    if wire_type not in (FIXED32, FIXED64):
        raise MalformedFrame(f"unknown wire type {wire_type}")
    at += 8 if wire_type == FIXED64 else 4
    if at > end:
        raise MalformedFrame("a message ends inside of a field")
    return at


def _read_varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >= _BIT_64:
                break
            return value, at
        shift += 7
        if shift == 70:
            break
    raise MalformedFrame("a number has no end, or more than 64 bits")


def _span(data: bytes, at: int, end: int) -> tuple[int, int]:
    if at < end and data[at] < 0x80:
        size, start = data[at], at + 1
    else:
        size, start = _read_varint(data, at, end)
    if start + size > end:
        raise MalformedFrame(f"a field of {size} bytes does not fit into its message")
    return start, start + size


def _text(data: bytes, start: int, end: int) -> str:
    try:
        return data[start:end].decode()
    except UnicodeDecodeError as error:
        raise MalformedFrame(f"a string is not UTF-8: {error}") from error


def _read_string(values: Values, name: str, data: bytes, at: int, end: int, depth: int) -> int:
    start, at = _span(data, at, end)
    values[name] = _text(data, start, at)
    return at


def _read_strings(values: Values, name: str, data: bytes, at: int, end: int, depth: int) -> int:
    start, at = _span(data, at, end)
    values.setdefault(name, []).append(_text(data, start, at))
    return at


def _read_payload(values: Values, name: str, data: bytes, at: int, end: int, depth: int) -> int:
    start, at = _span(data, at, end)
    values[name] = data[start:at]
    return at


def _read_bool(values: Values, name: str, data: bytes, at: int, end: int, depth: int) -> int:
    number, at = _read_varint(data, at, end)
    values[name] = number != 0
    return at


def _unsigned_reader(bits: int) -> Reader:
    def read(values: Values, name: str, data: bytes, at: int, end: int, depth: int) -> int:
        number, at = _read_varint(data, at, end)
        if number >> bits:
            raise MalformedFrame(f"{name} is {number}, which has more than {bits} bits")
        values[name] = number
        return at

    return read


def _signed_reader(bits: int) -> Reader:
    limit = 1 << (bits - 1)

    def read(values: Values, name: str, data: bytes, at: int, end: int, depth: int) -> int:
        number, at = _read_varint(data, at, end)
        if number >> 63:
            number -= _BIT_64
        if not -limit <= number < limit:
            raise MalformedFrame(f"{name} is {number}, which has more than {bits} bits")
        values[name] = number
        return at

    return read


def _read_zigzag(values: Values, name: str, data: bytes, at: int, end: int, depth: int) -> int:
    number, at = _read_varint(data, at, end)
    values[name] = number >> 1 ^ -(number & 1)
    return at


def _read_string_map(values: Values, name: str, data: bytes, at: int, end: int, depth: int) -> int:
    start, at = _span(data, at, end)
    entry: Values = {"key": "", "value": ""}
    while start < at:
        tag, start = _read_varint(data, start, at)
        if tag not in _ENTRY:
            raise MalformedFrame(f"{name} has an entry with the unknown tag {tag}")
        start = _read_string(entry, _ENTRY[tag], data, start, at, depth)
    values.setdefault(name, {})[entry["key"]] = entry["value"]
    return at


_ENTRY = {1 << 3 | DELIMITED: "key", 2 << 3 | DELIMITED: "value"}


def _message_reader(message: type[Wire]) -> Reader:
    def read(values: Values, name: str, data: bytes, at: int, end: int, depth: int) -> int:
        start, at = _span(data, at, end)
        values[name] = _read(message, data, start, at, depth + 1)
        return at

    return read


def _messages_reader(message: type[Wire]) -> Reader:
    def read(values: Values, name: str, data: bytes, at: int, end: int, depth: int) -> int:
        start, at = _span(data, at, end)
        values.setdefault(name, []).append(_read(message, data, start, at, depth + 1))
        return at

    return read


def _message_map_reader(message: type[Wire]) -> Reader:
    read_value = _message_reader(message)

    def read(values: Values, name: str, data: bytes, at: int, end: int, depth: int) -> int:
        start, at = _span(data, at, end)
        entry: Values = {"key": "", "value": None}
        while start < at:
            tag, start = _read_varint(data, start, at)
            if tag not in _ENTRY:
                raise MalformedFrame(f"{name} has an entry with the unknown tag {tag}")
            read_member = _read_string if _ENTRY[tag] == "key" else read_value
            start = read_member(entry, _ENTRY[tag], data, start, at, depth)
        values.setdefault(name, {})[entry["key"]] = entry["value"] or message()
        return at

    return read


_SIMPLE_READERS: Mapping[Kind, tuple[int, Reader]] = {
    Kind.STRING: (DELIMITED, _read_string),
    Kind.STRINGS: (DELIMITED, _read_strings),
    Kind.PAYLOAD: (DELIMITED, _read_payload),
    Kind.STRING_MAP: (DELIMITED, _read_string_map),
    Kind.BOOL: (VARINT, _read_bool),
    Kind.UINT32: (VARINT, _unsigned_reader(32)),
    Kind.UINT64: (VARINT, _unsigned_reader(63)),
    Kind.INT32: (VARINT, _signed_reader(32)),
    Kind.INT64: (VARINT, _signed_reader(64)),
    Kind.SINT64: (VARINT, _read_zigzag),
}
_MESSAGE_READERS: Mapping[Kind, Callable[[type[Wire]], Reader]] = {
    Kind.MESSAGE: _message_reader,
    Kind.MESSAGES: _messages_reader,
    Kind.MESSAGE_MAP: _message_map_reader,
}


def _reader(field: Field) -> tuple[int, tuple[str, Reader]]:
    if field.message is None:
        wire_type, read = _SIMPLE_READERS[field.kind]
    else:
        wire_type, read = DELIMITED, _MESSAGE_READERS[field.kind](field.message)
    return field.number << 3 | wire_type, (field.name, read)


_READERS = {message: dict(map(_reader, fields)) for message, fields in TABLE.items()}
_NUMBERS = {message: {field.number for field in fields} for message, fields in TABLE.items()}


# Writing

Writer = Callable[[bytes, Any], bytes]
"""(tag, value that is not zero) -> the field."""


def _write(message: Wire) -> bytes:
    parts: list[bytes] = []
    for value_of, tag, write in _WRITERS[type(message)]:
        value = value_of(message)
        if value:
            parts.append(write(tag, value))
    return b"".join(parts)


def _varint(number: int) -> bytes:
    if number < 0x80:
        return _ONE_BYTE[number]
    if number < 0x4000:
        return bytes((number & 0x7F | 0x80, number >> 7))
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


_ONE_BYTE = [bytes((number,)) for number in range(0x80)]


def _delimited(data: bytes) -> bytes:
    size = len(data)
    return (_ONE_BYTE[size] if size < 0x80 else _varint(size)) + data


def _write_string(tag: bytes, value: str) -> bytes:
    return tag + _delimited(value.encode())


def _write_payload(tag: bytes, value: bytes) -> bytes:
    return tag + _delimited(value)


def _write_bool(tag: bytes, value: bool) -> bytes:
    return tag + b"\x01"


def _write_int(tag: bytes, value: int) -> bytes:
    return tag + _varint(value % _BIT_64)


def _write_zigzag(tag: bytes, value: int) -> bytes:
    return tag + _varint(value << 1 if value >= 0 else ~(value << 1))


def _write_message(tag: bytes, value: Wire) -> bytes:
    return tag + _delimited(_write(value))


def _write_strings(tag: bytes, values: Iterable[str]) -> bytes:
    return b"".join([tag + _delimited(value.encode()) for value in values])


def _write_messages(tag: bytes, values: Iterable[Wire]) -> bytes:
    return b"".join([tag + _delimited(_write(value)) for value in values])


def _string_entry(item: tuple[str, str]) -> bytes:
    key, value = item
    return b"\x0a" + _delimited(key.encode()) + b"\x12" + _delimited(value.encode())


def _write_string_map(tag: bytes, values: Mapping[str, str]) -> bytes:
    return b"".join([tag + _delimited(_string_entry(item)) for item in values.items()])


def _message_entry(item: tuple[str, Wire]) -> bytes:
    key, value = item
    return b"\x0a" + _delimited(key.encode()) + b"\x12" + _delimited(_write(value))


def _write_message_map(tag: bytes, values: Mapping[str, Wire]) -> bytes:
    return b"".join([tag + _delimited(_message_entry(item)) for item in values.items()])


_BY_KIND: Mapping[Kind, tuple[int, Writer]] = {
    Kind.STRING: (DELIMITED, _write_string),
    Kind.PAYLOAD: (DELIMITED, _write_payload),
    Kind.BOOL: (VARINT, _write_bool),
    Kind.UINT32: (VARINT, _write_int),
    Kind.UINT64: (VARINT, _write_int),
    Kind.INT32: (VARINT, _write_int),
    Kind.INT64: (VARINT, _write_int),
    Kind.SINT64: (VARINT, _write_zigzag),
    Kind.MESSAGE: (DELIMITED, _write_message),
    Kind.STRINGS: (DELIMITED, _write_strings),
    Kind.MESSAGES: (DELIMITED, _write_messages),
    Kind.STRING_MAP: (DELIMITED, _write_string_map),
    Kind.MESSAGE_MAP: (DELIMITED, _write_message_map),
}


def _writer(field: Field) -> tuple[Callable[[Wire], Any], bytes, Writer]:
    wire_type, write = _BY_KIND[field.kind]
    return attrgetter(field.name), _varint(field.number << 3 | wire_type), write


_WRITERS = {message: tuple(map(_writer, fields)) for message, fields in TABLE.items()}
