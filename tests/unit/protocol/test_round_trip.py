import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import centrifuge.protocol.client_pb2 as stock
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message as GoogleMessage
from hypothesis import given, settings
from hypothesis import strategies as st

from avance.protocol import messages as m
from avance.protocol.codec import JSON, JSON_ASCII, PROTOBUF, Codec
from avance.protocol.table import TABLE, Field, Kind

FEW = settings(max_examples=60, deadline=None)
CODECS = pytest.mark.parametrize(
    "codec", [JSON, JSON_ASCII, PROTOBUF], ids=["json", "ascii", "protobuf"]
)

# Strategies, made from the table

text = st.text(max_size=12)
json_payload = st.sampled_from(
    [
        b"",
        b"0",
        b"null",
        b"[]",
        b'{"p":10}',
        b'"text"',
        '"é→𝄞"'.encode(),
        b'{"a":[1,2.5e3,{"b":"\\n"}]}',
    ]
)
SCALARS: Mapping[Kind, st.SearchStrategy[Any]] = {
    Kind.STRING: text,
    Kind.PAYLOAD: json_payload,
    Kind.BOOL: st.booleans(),
    Kind.UINT32: st.integers(0, 2**32 - 1),
    Kind.UINT64: st.integers(0, 2**63 - 1),
    Kind.INT32: st.integers(-(2**31), 2**31 - 1),
    Kind.INT64: st.integers(-(2**63), 2**63 - 1),
    Kind.SINT64: st.integers(-(2**63), 2**63 - 1),
    Kind.STRINGS: st.lists(text, max_size=3),
    Kind.STRING_MAP: st.dictionaries(text, text, max_size=3),
}


@cache
def values(field: Field, depth: int) -> st.SearchStrategy[Any]:
    if field.message is None:
        return SCALARS[field.kind]
    inner = messages(field.message, depth + 1)
    if field.kind is Kind.MESSAGES:
        return st.lists(inner, max_size=2) if depth < 5 else st.just([])
    if field.kind is Kind.MESSAGE_MAP:
        return st.dictionaries(text, inner, max_size=2)
    return inner


@cache
def messages(message: type[m.Wire], depth: int = 0) -> st.SearchStrategy[Any]:
    fields = TABLE[message]
    fields_max = 5 if depth in (1, 2) else 2

    @st.composite
    def build(draw: st.DrawFn) -> m.Wire:
        chosen = draw(st.sets(st.sampled_from(fields), max_size=fields_max)) if fields else set()
        return message(**{f.name: draw(values(f, depth)) for f in fields if f in chosen})

    return build()


@st.composite
def commands(draw: st.DrawFn) -> m.Command:
    request, method = draw(
        st.sampled_from(sorted(m.METHOD_OF_REQUEST.items(), key=lambda item: item[1]))
    )
    identity = draw(SCALARS[Kind.UINT32])
    return m.Command(**{"id": identity, method: draw(messages(request))})


replies = messages(m.Reply)


@CODECS
@FEW
@given(frame=st.lists(commands() | st.just(m.PONG), min_size=1, max_size=4))
def test_a_server_reads_the_commands_that_a_client_wrote(
    codec: Codec, frame: list[m.Command | m.Pong]
) -> None:
    parts = [codec.ping() if isinstance(c, m.Pong) else codec.encode_command(c) for c in frame]
    assert codec.decode_commands(codec.join(parts)) == frame


@pytest.mark.parametrize("codec", [JSON, PROTOBUF], ids=["json", "protobuf"])
@FEW
@given(frame=st.lists(replies, min_size=1, max_size=4))
def test_a_client_reads_the_replies_that_a_server_wrote(codec: Codec, frame: list[m.Reply]) -> None:
    assert codec.decode_replies(codec.join(map(codec.encode_reply, frame))) == frame


@FEW
@given(reply=replies)
def test_no_json_reply_has_a_line_break_and_the_ascii_form_means_the_same(reply: m.Reply) -> None:
    plain, escaped = JSON.encode_reply(reply), JSON_ASCII.encode_reply(reply)
    assert b"\n" not in plain
    assert b"\r" not in plain
    assert escaped.isascii()
    assert undone(JSON.decode_replies(escaped)) == undone(JSON.decode_replies(plain))


def undone(read: list[m.Reply]) -> list[Any]:
    return [json.loads(JSON.encode_reply(reply)) for reply in read]


@CODECS
@FEW
@given(
    channel=text.filter(bool),
    data=json_payload,
    offset=st.integers(0, 2**53),
    info=st.none() | messages(m.ClientInfo),
    tags=st.dictionaries(text, text, max_size=2),
    epoch=text,
    delta=st.booleans(),
    as_string=st.booleans(),
)
def test_the_fast_path_of_a_publication_writes_what_the_table_writes(
    codec: Codec,
    channel: str,
    data: bytes,
    offset: int,
    info: m.ClientInfo | None,
    tags: dict[str, str],
    epoch: str,
    delta: bool,
    as_string: bool,
) -> None:
    publication = m.Publication(
        data=codec.payload(data) if as_string else data,
        offset=offset,
        info=info,
        tags=tags,
        epoch=epoch,
        delta=delta,
    )
    fast = codec.encode_publication(
        channel, data, offset, info=info, tags=tags, epoch=epoch, delta=delta, as_string=as_string
    )
    assert fast == codec.encode_reply(m.Reply(push=m.Push(channel=channel, pub=publication)))


@CODECS
@FEW
@given(node=text, session=text, frame=st.lists(commands(), min_size=1, max_size=3))
def test_an_emulation_request_carries_a_frame(
    codec: Codec, node: str, session: str, frame: list[m.Command]
) -> None:
    data = codec.join(map(codec.encode_command, frame))
    body = codec.encode_emulation(m.EmulationRequest(node=node, session=session, data=data))
    read = codec.decode_emulation(body)
    assert (read.node, read.session) == (node, session)
    assert codec.decode_commands(read.data) == frame


# The Protobuf of others: Google's runtime, and the classes of the stock Python client

GOOGLE_TYPES = {
    Kind.STRING: 9,
    Kind.STRINGS: 9,
    Kind.PAYLOAD: 12,
    Kind.BOOL: 8,
    Kind.UINT32: 13,
    Kind.UINT64: 4,
    Kind.INT32: 5,
    Kind.INT64: 3,
    Kind.SINT64: 18,
    Kind.MESSAGE: 11,
    Kind.MESSAGES: 11,
    Kind.STRING_MAP: 11,
    Kind.MESSAGE_MAP: 11,
}
STOCK_NAMES = sorted(set(stock.DESCRIPTOR.message_types_by_name) & {t.__name__ for t in TABLE})


def test_every_message_of_the_stock_client_is_in_the_table() -> None:
    assert sorted(stock.DESCRIPTOR.message_types_by_name) == STOCK_NAMES


@pytest.mark.parametrize("name", STOCK_NAMES)
def test_the_table_has_the_numbers_and_types_of_the_stock_client(name: str) -> None:
    ours = {f.name: (f.number, GOOGLE_TYPES[f.kind]) for f in TABLE[getattr(m, name)]}
    for field in stock.DESCRIPTOR.message_types_by_name[name].fields:
        assert ours[field.name] == (field.number, field.type)


def google_classes() -> Mapping[str, type[GoogleMessage]]:
    """
    Google's own implementation over the whole table, with the fields that the stock client does not know yet.
    """
    file = descriptor_pb2.FileDescriptorProto(
        name="table.proto", package="avance_test", syntax="proto3"
    )
    for message, fields in TABLE.items():
        descriptor = file.message_type.add(name=message.__name__)
        for field in fields:
            add_google_field(descriptor, field)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        message.__name__: message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f"avance_test.{message.__name__}")
        )
        for message in TABLE
    }


def add_google_field(descriptor: descriptor_pb2.DescriptorProto, field: Field) -> None:
    is_map = field.kind in (Kind.STRING_MAP, Kind.MESSAGE_MAP)
    is_many = is_map or field.kind in (Kind.STRINGS, Kind.MESSAGES)
    made = descriptor.field.add(
        name=field.name,
        number=field.number,
        type=GOOGLE_TYPES[field.kind],
        label=3 if is_many else 1,
    )
    path = f".avance_test.{descriptor.name}"
    if is_map:
        entry = descriptor.nested_type.add(name=f"{field.name.title().replace('_', '')}Entry")
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, type=9, label=1)
        value = entry.field.add(name="value", number=2, type=11 if field.message else 9, label=1)
        if field.message:
            value.type_name = f".avance_test.{field.message.__name__}"
        made.type_name = f"{path}.{entry.name}"
    elif field.message:
        made.type_name = f".avance_test.{field.message.__name__}"


GOOGLE = google_classes()


def body_of(encoded: bytes) -> bytes:
    """
    Strip the varint length.
    """
    at = next(i for i, byte in enumerate(encoded) if byte < 0x80) + 1
    return encoded[at:]


def framed(body: bytes) -> bytes:
    size, head = len(body), bytearray()
    while size >= 0x80:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes(head) + bytes((size,)) + body


@FEW
@given(reply=replies)
def test_google_reads_our_replies_and_we_read_google(reply: m.Reply) -> None:
    body = body_of(PROTOBUF.encode_reply(reply))
    google = GOOGLE["Reply"].FromString(body)
    assert google.ByteSize() == len(body)
    assert PROTOBUF.decode_replies(framed(google.SerializeToString())) == [reply]


@FEW
@given(command=commands())
def test_google_reads_our_commands_and_we_read_google(command: m.Command) -> None:
    body = body_of(PROTOBUF.encode_command(command))
    google = GOOGLE["Command"].FromString(body)
    assert google.ByteSize() == len(body)
    assert PROTOBUF.decode_commands(framed(google.SerializeToString())) == [command]


@FEW
@given(reply=replies)
def test_the_stock_client_reads_our_replies_and_keeps_what_it_does_not_know(reply: m.Reply) -> None:
    read = stock.Reply.FromString(body_of(PROTOBUF.encode_reply(reply)))
    assert read.id == reply.id
    assert PROTOBUF.decode_replies(framed(read.SerializeToString())) == [reply]
