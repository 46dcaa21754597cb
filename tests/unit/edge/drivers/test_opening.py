import pytest

from avance.edge.drivers.opening import (
    Opening,
    Rejection,
    Request,
    accepted_head,
    read_head,
    read_opening,
    rejected_answer,
)

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
HEADERS = {
    b"host": b"example.com",
    b"upgrade": b"websocket",
    b"connection": b"Upgrade",
    b"sec-websocket-key": KEY,
    b"sec-websocket-version": b"13",
}


def request(*, method: str = "GET", version: str = "HTTP/1.1", **changes: bytes | None) -> Request:
    headers = HEADERS | {
        name.replace("_", "-").encode(): value
        for name, value in changes.items()
        if value is not None
    }
    for name, value in changes.items():
        if value is None:
            del headers[name.replace("_", "-").encode()]
    return Request(method=method, target="/", version=version, headers=tuple(headers.items()))


def test_a_head_is_taken_apart() -> None:
    head = read_head(b"GET /a?b=c HTTP/1.1\r\nHost: x\r\nX-Empty:\r\n\r\n")
    assert head == Request(
        method="GET",
        target="/a?b=c",
        version="HTTP/1.1",
        headers=((b"host", b"x"), (b"x-empty", b"")),
    )


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: x\r\n",
        b"GET /\r\n\r\n",
        b"GET  / HTTP/1.1\r\n\r\n",
        b"GET / x HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\n: no name\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad name: x\r\n\r\n",
    ],
)
def test_a_malformed_head_is_a_bad_request(head: bytes) -> None:
    answer = read_head(head)
    assert isinstance(answer, Rejection)
    assert answer.status == 400


def test_the_example_of_section_1_3_is_accepted() -> None:
    opening = read_opening(request(sec_websocket_protocol=b"chat, superchat"))
    assert opening == Opening(key=KEY.decode(), subprotocols=("chat", "superchat"))
    head = accepted_head(opening, subprotocol="chat", headers=[(b"date", b"now")])
    assert head == (
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
        b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        b"sec-websocket-protocol: chat\r\ndate: now\r\n\r\n"
    )


@pytest.mark.parametrize("connection", [b"upgrade", b"keep-alive, Upgrade", b"UPGRADE ,x"])
def test_upgrade_may_be_one_of_many_tokens_in_any_case(connection: bytes) -> None:
    assert isinstance(read_opening(request(connection=connection, upgrade=b"WebSocket")), Opening)


def test_extensions_are_declined() -> None:
    opening = read_opening(request(sec_websocket_extensions=b"permessage-deflate"))
    assert isinstance(opening, Opening)
    assert b"extensions" not in accepted_head(opening, subprotocol=None)


def test_a_subprotocol_that_was_not_offered_is_refused() -> None:
    opening = read_opening(request(sec_websocket_protocol=b"chat"))
    assert isinstance(opening, Opening)
    with pytest.raises(ValueError, match="'other' was not offered"):
        accepted_head(opening, subprotocol="other")


@pytest.mark.parametrize(
    ("bad", "status"),
    [
        (request(method="POST"), 405),
        (request(version="HTTP/1.0"), 505),
        (request(host=None), 400),
        (request(upgrade=None), 426),
        (request(upgrade=b"h2c"), 426),
        (request(connection=None), 426),
        (request(connection=b"keep-alive"), 426),
        (request(sec_websocket_key=None), 400),
        (request(sec_websocket_key=b"c2hvcnQ="), 400),
        (request(sec_websocket_key=b"\xff not base64"), 400),
        (request(sec_websocket_version=None), 426),
        (request(sec_websocket_version=b"8"), 426),
        (request(sec_websocket_version=b"13, 8"), 426),
        (request(sec_websocket_protocol=b"a b"), 400),
    ],
)
def test_what_is_no_valid_handshake_is_refused(bad: Request, status: int) -> None:
    answer = read_opening(bad)
    assert isinstance(answer, Rejection)
    assert answer.status == status


def test_an_old_version_is_told_which_one_is_served() -> None:
    answer = read_opening(request(sec_websocket_version=b"8"))
    assert isinstance(answer, Rejection)
    assert (b"sec-websocket-version", b"13") in answer.headers


def test_a_repeated_key_is_refused() -> None:
    once = request()
    twice = Request(
        method="GET",
        target="/",
        version="HTTP/1.1",
        headers=(*once.headers, (b"sec-websocket-key", KEY)),
    )
    assert isinstance(read_opening(twice), Rejection)


def test_a_refusal_has_a_body_of_known_length_and_ends_the_connection() -> None:
    answer = rejected_answer(403, b"{}", content_type=b"application/problem+json")
    assert answer == (
        b"HTTP/1.1 403 Forbidden\r\ncontent-type: application/problem+json\r\n"
        b"content-length: 2\r\nconnection: close\r\n\r\n{}"
    )
