"""
The parser against RFC 6455, in the order of its sections. Every case is fed whole and byte by byte.
"""

import struct
from collections.abc import Callable

import pytest

from avance.edge.drivers.rfc6455 import (
    Close,
    Event,
    Failure,
    Message,
    Parser,
    Ping,
    Pong,
    close_frame,
    is_close_code,
    ping_frame,
    pong_frame,
    unmask,
    unmask_slowly,
)

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
LIMIT = 100_000

Build = Callable[..., bytes]


def parse(data: bytes, *, limit: int = LIMIT) -> list[Event]:
    events = Parser(message_bytes_max=limit).feed(data)
    parser = Parser(message_bytes_max=limit)
    one_by_one = [event for byte in data for event in parser.feed(bytes((byte,)))]
    assert one_by_one == events
    return events


def failure_code(data: bytes, *, limit: int = LIMIT) -> int:
    last = parse(data, limit=limit)[-1]
    assert isinstance(last, Failure), last
    return last.code


# Section 5.2: sizes and their encodings


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 128, 65_535, 65_536, 65_537])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_a_message_of_any_size_arrives_whole(frame: Build, opcode: int, size: int) -> None:
    payload = bytes(b"*" * size)
    parser = Parser(message_bytes_max=LIMIT)
    assert parser.feed(frame(opcode, payload)) == [Message(payload, opcode == TEXT)]


def test_many_frames_in_one_read_arrive_in_order(frame: Build) -> None:
    data = frame(TEXT, b"a") + frame(PING, b"p") + frame(BINARY, b"\xff") + frame(PONG, b"q")
    assert parse(data) == [Message(b"a", True), Ping(b"p"), Message(b"\xff", False), Pong(b"q")]


@pytest.mark.parametrize(
    ("size", "length_bytes"), [(0, 2), (125, 2), (0, 8), (126, 8), (65_535, 8)]
)
def test_a_length_that_is_not_in_its_shortest_form_is_a_protocol_error(
    frame: Build, size: int, length_bytes: int
) -> None:
    assert failure_code(frame(BINARY, b"x" * size, length_bytes=length_bytes)) == 1002


def test_a_length_with_its_highest_bit_set_is_a_protocol_error() -> None:
    assert failure_code(b"\x82\xff" + struct.pack(">Q", 1 << 63)) == 1002


@pytest.mark.parametrize("rsv", range(1, 8))
@pytest.mark.parametrize("opcode", [TEXT, BINARY, CLOSE, PING, PONG])
def test_reserved_bits_are_a_protocol_error_because_no_extension_is_negotiated(
    frame: Build, opcode: int, rsv: int
) -> None:
    assert failure_code(frame(opcode, b"", rsv=rsv)) == 1002


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
def test_reserved_opcodes_are_a_protocol_error(frame: Build, opcode: int) -> None:
    assert failure_code(frame(opcode, b"x")) == 1002


# Section 5.3: masks


@pytest.mark.parametrize("opcode", [TEXT, BINARY, CLOSE, PING, PONG])
def test_a_frame_without_a_mask_is_a_protocol_error(frame: Build, opcode: int) -> None:
    assert failure_code(frame(opcode, b"", mask=None)) == 1002


def test_the_example_of_section_5_7_is_unmasked() -> None:
    assert parse(bytes.fromhex("818537fa213d7f9f4d5158")) == [Message(b"Hello", True)]


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 7, 8, 9, 1000])
def test_unmasking_is_the_xor_of_each_byte(size: int) -> None:
    payload, mask = bytes(at * 7 % 256 for at in range(size)), b"\x00\xff\x80\x01"
    masked = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
    assert unmask(payload, mask) == unmask_slowly(payload, mask) == masked


# Section 5.4: fragments


def test_fragments_are_joined(frame: Build) -> None:
    data = frame(TEXT, b"a", fin=False) + frame(CONT, b"b", fin=False) + frame(CONT, b"c")
    assert parse(data) == [Message(b"abc", True)]


def test_empty_fragments_make_an_empty_message(frame: Build) -> None:
    data = frame(BINARY, fin=False) + frame(CONT, fin=False) + frame(CONT)
    assert parse(data) == [Message(b"", False)]


def test_control_frames_may_stand_between_fragments(frame: Build) -> None:
    data = frame(TEXT, b"a", fin=False) + frame(PING, b"p") + frame(PONG, b"q") + frame(CONT, b"b")
    assert parse(data) == [Ping(b"p"), Pong(b"q"), Message(b"ab", True)]


def test_a_close_may_stand_between_fragments_and_ends_the_message(frame: Build) -> None:
    data = frame(TEXT, b"a", fin=False) + frame(CLOSE, b"\x03\xe8") + frame(CONT, b"b")
    assert parse(data) == [Close(1000, "")]


@pytest.mark.parametrize("fin", [True, False])
def test_a_continuation_of_nothing_is_a_protocol_error(frame: Build, fin: bool) -> None:
    assert failure_code(frame(CONT, b"x", fin=fin)) == 1002
    assert failure_code(frame(TEXT, b"whole") + frame(CONT, b"x", fin=fin)) == 1002


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("fin", [True, False])
def test_a_message_inside_a_fragmented_one_is_a_protocol_error(
    frame: Build, opcode: int, fin: bool
) -> None:
    assert failure_code(frame(TEXT, b"a", fin=False) + frame(opcode, b"b", fin=fin)) == 1002


def test_a_new_message_may_follow_a_fragmented_one(frame: Build) -> None:
    data = frame(BINARY, b"\xff", fin=False) + frame(CONT, b"\xfe") + frame(TEXT, b"t")
    assert parse(data) == [Message(b"\xff\xfe", False), Message(b"t", True)]


# Section 5.5: control frames


@pytest.mark.parametrize("size", [0, 8, 125])
def test_a_ping_of_up_to_125_bytes_arrives(frame: Build, size: int) -> None:
    assert parse(frame(PING, b"\xfe" * size)) == [Ping(b"\xfe" * size)]


@pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
def test_a_control_frame_above_125_bytes_is_a_protocol_error(frame: Build, opcode: int) -> None:
    assert failure_code(frame(opcode, b"\x03\xe8" + b"x" * 124)) == 1002


@pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
def test_a_fragmented_control_frame_is_a_protocol_error(frame: Build, opcode: int) -> None:
    assert failure_code(frame(opcode, b"", fin=False)) == 1002


@pytest.mark.parametrize(
    "code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014]
)
def test_assigned_close_codes_are_taken(frame: Build, code: int) -> None:
    assert parse(frame(CLOSE, struct.pack(">H", code))) == [Close(code, "")]


@pytest.mark.parametrize("code", [3000, 3499, 3999, 4000, 4404, 4999])
def test_close_codes_of_libraries_and_apps_are_taken(frame: Build, code: int) -> None:
    assert parse(frame(CLOSE, struct.pack(">H", code) + b"why")) == [Close(code, "why")]


@pytest.mark.parametrize(
    "code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535]
)
def test_codes_that_must_not_be_sent_are_a_protocol_error(frame: Build, code: int) -> None:
    assert not is_close_code(code)
    assert failure_code(frame(CLOSE, struct.pack(">H", code))) == 1002


def test_a_close_without_a_code_is_1005(frame: Build) -> None:
    assert parse(frame(CLOSE)) == [Close(1005, "")]


def test_a_close_of_one_byte_is_a_protocol_error(frame: Build) -> None:
    assert failure_code(frame(CLOSE, b"\x03")) == 1002


def test_a_close_reason_may_have_123_bytes_of_any_language(frame: Build) -> None:
    reason = "ñ" * 61 + "."
    assert parse(frame(CLOSE, b"\x03\xe8" + reason.encode())) == [Close(1000, reason)]


def test_a_close_reason_that_is_not_utf8_is_invalid_data(frame: Build) -> None:
    assert failure_code(frame(CLOSE, b"\x03\xe8\xff\xfe")) == 1007


def test_what_comes_after_a_close_is_ignored(frame: Build) -> None:
    parser = Parser(message_bytes_max=LIMIT)
    assert parser.feed(frame(CLOSE) + frame(TEXT, b"late")) == [Close(1005, "")]
    assert parser.feed(frame(TEXT, b"later")) == []


def test_what_comes_after_a_failure_is_ignored(frame: Build) -> None:
    parser = Parser(message_bytes_max=LIMIT)
    events = parser.feed(frame(TEXT, b"good") + frame(3) + frame(TEXT, b"late"))
    assert events[0] == Message(b"good", True)
    assert [type(event) for event in events] == [Message, Failure]
    assert parser.feed(frame(TEXT, b"later")) == []


# Section 8.1: UTF-8

GREEK = "κόσμε".encode()


def test_a_character_may_be_cut_by_a_fragment_border(frame: Build) -> None:
    for cut in range(len(GREEK) + 1):
        data = frame(TEXT, GREEK[:cut], fin=False) + frame(CONT, GREEK[cut:])
        assert parse(data) == [Message(GREEK, True)]


@pytest.mark.parametrize(
    "text",
    [
        "\x00",
        "\x7f",
        "\x80",
        "\u07ff",
        "\u0800",
        "\ud7ff",
        "\ue000",
        "\ufffd",
        "\uffff",
        "\U0010ffff",
    ],
)
def test_the_borders_of_utf8_are_valid(frame: Build, text: str) -> None:
    assert parse(frame(TEXT, text.encode())) == [Message(text.encode(), True)]


INVALID = [
    b"\x80",
    b"\xbf",
    b"\xc0\xaf",
    b"\xc1\xbf",
    b"\xe0\x9f\xbf",
    b"\xed\xa0\x80",
    b"\xed\xbf\xbf",
    b"\xf0\x8f\xbf\xbf",
    b"\xf4\x90\x80\x80",
    b"\xf8\x88\x80\x80\x80",
    b"\xfe",
    b"\xff",
    GREEK + b"\xf4",
    GREEK[:-1],
]


@pytest.mark.parametrize("data", INVALID)
def test_text_that_is_not_utf8_is_invalid_data(frame: Build, data: bytes) -> None:
    assert failure_code(frame(TEXT, data)) == 1007
    assert failure_code(frame(TEXT, b"ok", fin=False) + frame(CONT, data)) == 1007


def test_a_bad_fragment_fails_before_the_last_one_comes(frame: Build) -> None:
    assert failure_code(frame(TEXT, b"\xf4\x90", fin=False)) == 1007


def test_a_text_that_ends_inside_a_character_is_invalid_data(frame: Build) -> None:
    data = frame(TEXT, GREEK[:-1], fin=False)
    assert parse(data) == []
    assert failure_code(data + frame(CONT)) == 1007


def test_binary_need_not_be_utf8(frame: Build) -> None:
    assert parse(frame(BINARY, b"\xff\xfe")) == [Message(b"\xff\xfe", False)]


# Section 10.4: limits


def test_a_message_at_the_limit_passes_and_one_byte_more_is_too_big(frame: Build) -> None:
    assert parse(frame(TEXT, b"x" * 1000), limit=1000) == [Message(b"x" * 1000, True)]
    assert failure_code(frame(TEXT, b"x" * 1001), limit=1000) == 1009


def test_the_limit_is_that_of_the_whole_message(frame: Build) -> None:
    data = frame(TEXT, b"x" * 600, fin=False) + frame(CONT, b"x" * 401)
    assert failure_code(data, limit=1000) == 1009


def test_a_message_that_is_too_big_fails_by_its_header_alone(frame: Build) -> None:
    assert failure_code(frame(BINARY, b"x" * 70_000)[:10], limit=65_536) == 1009


# What the server sends


def test_control_frames_of_the_server_are_not_masked() -> None:
    assert close_frame(1001, "shutdown") == b"\x88\x0a\x03\xe9shutdown"
    assert close_frame(1005) == b"\x88\x00"
    assert ping_frame() == b"\x89\x00"
    assert pong_frame(b"abc") == b"\x8a\x03abc"


def test_a_long_close_reason_is_cut_between_characters() -> None:
    frame = close_frame(3000, "é" * 100)
    assert frame[1] == len(frame) - 2 <= 125
    assert frame[4:].decode() == "é" * 61


@pytest.mark.parametrize("code", [0, 999, 1004, 1006, 1015, 2000, 5000])
def test_a_close_code_that_must_not_be_sent_is_refused(code: int) -> None:
    with pytest.raises(ValueError, match=str(code)):
        close_frame(code)
