from typing import TypeVar

import pytest

from avance.protocol import codes
from avance.protocol.codes import (
    REASON_BYTES_MAX,
    DisconnectCode,
    ErrorCode,
    MalformedFrame,
    ProtocolDisconnect,
    ReplyError,
    UnsubscribeCode,
)

T = TypeVar("T")


def of_type(kind: type[T]) -> list[T]:
    return [value for value in vars(codes).values() if isinstance(value, kind)]


def test_every_code_of_the_protocol_stands_once_in_its_table() -> None:
    assert [e.code for e in of_type(ErrorCode)] == list(range(100, 114))
    assert [u.code for u in of_type(UnsubscribeCode)] == [2000, 2500, 2501, 2502]
    assert [d.code for d in of_type(DisconnectCode)] == [
        *(3000, 3001, 3004, 3005, 3006, 3008, 3009, 3010, 3011, 3012, 3013, 3014),
        *range(3500, 3510),
    ]


def test_only_the_errors_that_pass_by_themselves_are_temporary() -> None:
    assert [e.code for e in of_type(ErrorCode) if e.temporary] == [100, 111, 113]


@pytest.mark.parametrize(
    ("code", "is_reconnect"),
    [
        (2999, True),
        (3000, True),
        (3499, True),
        (3500, False),
        (3999, False),
        (4000, True),
        (4499, True),
        (4500, False),
        (4999, False),
        (5000, True),
    ],
)
def test_the_range_of_a_disconnect_tells_whether_clients_come_back(
    code: int, is_reconnect: bool
) -> None:
    assert DisconnectCode(code=code, reason="x y").is_reconnect is is_reconnect


def test_from_2500_on_clients_subscribe_again() -> None:
    assert [u.is_resubscribe for u in of_type(UnsubscribeCode)] == [False, True, True, True]


def test_a_reason_fits_into_a_close_frame() -> None:
    assert DisconnectCode(code=4000, reason="é" * 61 + "x").reason
    with pytest.raises(ValueError, match=f"124 bytes; a close frame takes {REASON_BYTES_MAX}"):
        DisconnectCode(code=4000, reason="é" * 62)


@pytest.mark.parametrize("reason", ["{}", "7", "null", '"shutdown"', '{"reconnect":false}'])
def test_a_reason_that_reads_as_json_is_refused(reason: str) -> None:
    with pytest.raises(ValueError, match="reads as JSON"):
        DisconnectCode(code=4000, reason=reason)


def test_codes_have_their_wire_forms() -> None:
    error = codes.ERROR_TOO_MANY_REQUESTS.as_error()
    assert (error.code, error.message, error.temporary) == (111, "too many requests", True)
    push = codes.DISCONNECT_SHUTDOWN.as_push()
    assert (push.code, push.reason) == (3001, "shutdown")
    unsubscribe = codes.UNSUBSCRIBE_SERVER.as_push()
    assert (unsubscribe.code, unsubscribe.reason) == (2000, "server unsubscribe")


def test_the_exceptions_say_the_code_and_keep_the_detail_apart() -> None:
    broken = MalformedFrame("an empty line")
    assert isinstance(broken, ProtocolDisconnect)
    assert str(broken) == "3501 bad request: an empty line"
    assert broken.detail == "an empty line"
    assert str(ProtocolDisconnect(codes.DISCONNECT_SLOW)) == "3008 slow"
    refused = ReplyError(codes.ERROR_UNKNOWN_CHANNEL, "no namespace x")
    assert refused.error is codes.ERROR_UNKNOWN_CHANNEL
    assert str(refused) == "102 unknown channel: no namespace x"
    assert str(ReplyError(codes.ERROR_EXPIRED)) == "110 expired"
