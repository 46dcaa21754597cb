import json

import pytest
from msgspec.structs import force_setattr

from avance.protocol.codec import COMMANDS_PER_FRAME_MAX, JSON, PROTOBUF, Codec
from avance.protocol.codes import DISCONNECT_BAD_REQUEST, MalformedFrame
from avance.protocol.messages import (
    FILTER_DEPTH_MAX,
    PONG,
    Command,
    FilterNode,
    PingRequest,
    PublishRequest,
    Reply,
    RPCRequest,
    SubscribeRequest,
    SubscribeResult,
)
from avance.protocol.protobuf_codec import DEPTH_MAX

CODECS = pytest.mark.parametrize("codec", [JSON, PROTOBUF], ids=["json", "protobuf"])


def framed(hexadecimal: str) -> bytes:
    body = bytes.fromhex(hexadecimal)
    assert len(body) < 0x80
    return bytes((len(body),)) + body


MALFORMED_JSON = {
    "an empty frame": b"",
    "only white space": b" \n",
    "an empty line between commands": b'{"id":1,"ping":{}}\n\n{"id":2,"ping":{}}',
    "half an object": b'{"id":1,"connect":{',
    "an array": b"[]",
    "a number": b"7",
    "two objects on a line": b'{"id":1,"ping":{}}{"id":2,"ping":{}}',
    "a string for an id": b'{"id":"1","ping":{}}',
    "a fraction for an id": b'{"id":1.5,"ping":{}}',
    "a negative id": b'{"id":-1,"ping":{}}',
    "an id beyond 32 bits": b'{"id":4294967296,"ping":{}}',
    "an offset beyond 63 bits": b'{"id":1,"subscribe":{"channel":"c","offset":9223372036854775808}}',
    "a number for a channel": b'{"id":1,"subscribe":{"channel":7}}',
    "a list for a request": b'{"id":1,"subscribe":[]}',
    "no request": b'{"id":1}',
    "an unknown request": b'{"id":1,"dance":{}}',
    "two requests": b'{"id":1,"ping":{},"refresh":{"token":"t"}}',
    "a broken payload": b'{"id":1,"rpc":{"method":"m","data":{"a":}}}',
    "a payload that is not UTF-8": b'{"id":1,"rpc":{"method":"m","data":"\xff"}}',
    "a payload deeper than the interpreter allows": (
        b'{"id":1,"rpc":{"data":' + b"[" * 30_000 + b"]" * 30_000 + b"}}"
    ),
    "a control character in a string": b'{"id":1,"rpc":{"method":"a\x01"}}',
}

MALFORMED_PROTOBUF = {
    "an empty frame": b"",
    "a length without a message": b"\x05",
    "a length beyond the frame": b"\x05\x08\x01",
    "a length without an end": b"\x80",
    "a length of eleven bytes": b"\x80" * 10 + b"\x01",
    "a length beyond 64 bits": b"\xff" * 9 + b"\x7f",
    "a field that ends too late": framed("0801 2205 0a01"),
    "a wrong wire type of a known field": framed("0a01 31"),
    "field number 0": framed("0001"),
    "a group": framed("0801 a306 a406"),
    "wire type 6": framed("0801 a606"),
    "a fixed 64 that is too short": framed("0801 a106 00"),
    "a fixed 32 that is too short": framed("0801 a506 00"),
    "an id beyond 32 bits": framed("08ffffffff7f 5a00"),
    "an offset beyond 63 bits": framed("0801 2a0e 0a0163 38ffffffffffffffffff01"),
    "a limit beyond 32 bits": framed("0801 5208 0a0163 388080808010"),
    "a string that is not UTF-8": framed("0801 3203 0a01ff"),
    "no request": framed("0801"),
    "an unknown request": framed("0801 a20600"),
    "two requests": framed("0801 5a00 7200"),
    "a map entry with an unknown member": framed("0801 2204 3202 1800"),
    "a map entry of messages with an unknown member": framed("0801 2204 1a02 1800"),
}


@pytest.mark.parametrize("frame", MALFORMED_JSON.values(), ids=MALFORMED_JSON.keys())
def test_a_malformed_json_frame_ends_the_connection_as_a_bad_request(frame: bytes) -> None:
    with pytest.raises(MalformedFrame) as raised:
        JSON.decode_commands(frame)
    assert raised.value.disconnect is DISCONNECT_BAD_REQUEST


@pytest.mark.parametrize("frame", MALFORMED_PROTOBUF.values(), ids=MALFORMED_PROTOBUF.keys())
def test_a_malformed_protobuf_frame_ends_the_connection_as_a_bad_request(frame: bytes) -> None:
    with pytest.raises(MalformedFrame) as raised:
        PROTOBUF.decode_commands(frame)
    assert raised.value.disconnect is DISCONNECT_BAD_REQUEST


@CODECS
def test_a_frame_of_the_most_commands_is_read_and_one_more_is_refused(codec: Codec) -> None:
    ping = codec.ping()
    assert codec.decode_commands(codec.join([ping] * COMMANDS_PER_FRAME_MAX)) == (
        [PONG] * COMMANDS_PER_FRAME_MAX
    )
    with pytest.raises(MalformedFrame, match=f"more than {COMMANDS_PER_FRAME_MAX}"):
        codec.decode_commands(codec.join([ping] * (COMMANDS_PER_FRAME_MAX + 1)))


def nested_filter(levels: int) -> FilterNode:
    node = FilterNode(key="a", cmp="ex")
    for _ in range(levels - 1):
        node = FilterNode(op="not", nodes=[node])
    return node


@CODECS
def test_a_filter_of_the_greatest_depth_is_read_and_a_deeper_one_is_refused(codec: Codec) -> None:
    command = Command(
        id=1, subscribe=SubscribeRequest(channel="c", tf=nested_filter(FILTER_DEPTH_MAX))
    )
    frame = codec.encode_command(command)
    assert codec.decode_commands(frame) == [command]
    for levels in (FILTER_DEPTH_MAX + 1, DEPTH_MAX + 1):
        tree = codec.encode_command(Command(id=1, subscribe=_unchecked(nested_filter(levels))))
        with pytest.raises(MalformedFrame, match="deeper than"):
            codec.decode_commands(tree)


def _unchecked(tf: FilterNode) -> SubscribeRequest:
    """
    A request that our own struct would refuse.
    """
    request = SubscribeRequest(channel="c")
    force_setattr(request, "tf", tf)
    return request


def test_unknown_fields_are_ignored_on_every_level() -> None:
    plain = JSON.decode_commands(b'{"id":1,"subscribe":{"channel":"c"}}')
    assert plain == JSON.decode_commands(
        b'{"id":1,"later":{"x":[1]},"subscribe":{"channel":"c","dict":7}}'
    )
    # Field 100 as a varint, as 64 bits, as bytes and as 32 bits; inside and outside of the request.
    unknown = "a00601 a1060000000000000000 a206027879 a50600000000"
    outside = framed(f"0801 2a03 0a0163 {unknown}")
    inside = framed(f"0801 2a1b 0a0163 {unknown}")
    assert PROTOBUF.decode_commands(outside) == PROTOBUF.decode_commands(inside) == plain


def test_a_payload_is_passed_on_as_it_stands() -> None:
    spaced = b'{"id":1,"rpc":{"method":"m","data": {"b" : 1.50, "a":"\\u00e9"} }}'
    assert JSON.decode_commands(spaced) == [
        Command(id=1, rpc=RPCRequest(method="m", data=b'{"b" : 1.50, "a":"\\u00e9"}'))
    ]
    opaque = Command(id=1, publish=PublishRequest(channel="c", data=b"\x00\xff not text"))
    assert PROTOBUF.decode_commands(PROTOBUF.encode_command(opaque)) == [opaque]


def test_a_payload_is_plain_bytes_that_do_not_hold_the_frame() -> None:
    [command] = JSON.decode_commands(b'{"id":1,"publish":{"channel":"c","data":{"a":1}}}')
    assert isinstance(command, Command)
    assert type(command.publish.data if command.publish else None) is bytes


def test_a_trailing_line_break_is_no_further_command() -> None:
    assert JSON.decode_commands(b"{}\n") == [PONG]
    assert JSON.decode_commands(b'{"id":1,"ping":{}}\r\n') == [Command(id=1, ping=PingRequest())]


def test_a_command_names_its_method_and_its_request() -> None:
    [command] = JSON.decode_commands(b'{"id":1,"sub_refresh":{"channel":"c","token":"t"}}')
    assert isinstance(command, Command)
    assert command.method == "sub_refresh"
    assert command.request is command.sub_refresh


def test_a_command_without_a_request_says_so() -> None:
    with pytest.raises(ValueError, match="command 7 has no request"):
        _ = Command(id=7).request


def test_zero_values_are_omitted_except_those_that_clients_read_without_a_default() -> None:
    for literal in (
        b'{"id":1,"presence":{"presence":{"c1":{"user":"","client":""}}}}',
        b'{"id":1,"presence":{"presence":{}}}',
        b'{"id":1,"presence_stats":{"num_clients":0,"num_users":0}}',
        b'{"id":1,"history":{"publications":[],"epoch":"","offset":0}}',
        b'{"id":1,"subscribe":{}}',
    ):
        assert JSON.encode_reply(JSON.decode_replies(literal)[0]) == literal


def test_a_proto_map_entry_may_lack_its_key_or_its_value() -> None:
    [reply] = PROTOBUF.decode_replies(framed("0801 2a06 3200 3202 1200"))
    assert reply.connect is not None
    assert reply.connect.subs == {"": SubscribeResult()}
    [command] = PROTOBUF.decode_commands(framed("0801 2202 3200"))
    assert isinstance(command, Command)
    assert command.connect is not None
    assert command.connect.headers == {"": ""}


@pytest.mark.parametrize(
    ("codec", "body"),
    [
        (JSON, b""),
        (JSON, b"\xff"),
        (JSON, b"[]"),
        (JSON, b'{"session":7}'),
        (JSON, b'{"data":{"id":1}}'),
        (PROTOBUF, b"\x0a\x05a"),
        (PROTOBUF, b"\xff"),
    ],
)
def test_an_emulation_body_that_is_not_one_is_refused(codec: Codec, body: bytes) -> None:
    with pytest.raises(MalformedFrame):
        codec.decode_emulation(body)


def test_an_emulation_request_of_a_stock_client_holds_its_lines() -> None:
    body = json.dumps(
        {"session": "s", "node": "n", "data": '{"id":1,"ping":{}}\n{"id":2,"ping":{}}'}
    )
    request = JSON.decode_emulation(body.encode())
    assert [c.id for c in JSON.decode_commands(request.data) if isinstance(c, Command)] == [1, 2]


def test_replies_that_are_not_replies_are_refused() -> None:
    for codec, frame in ((JSON, b'{"id":"x"}'), (PROTOBUF, b"\x02\x08")):
        with pytest.raises(MalformedFrame):
            codec.decode_replies(frame)
    assert JSON.decode_replies(b"{}") == PROTOBUF.decode_replies(b"\x00") == [Reply()]
