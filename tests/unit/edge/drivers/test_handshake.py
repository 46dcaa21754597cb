from avance.edge.drivers.handshake import asgi_handshake, build_handshake, read_query


def test_the_last_value_of_a_query_field_wins_and_is_decoded() -> None:
    assert read_query(b"a=1&a=2&b=%C3%B1+x&empty=&flag") == {
        "a": "2",
        "b": "ñ x",
        "empty": "",
        "flag": "",
    }


def test_a_query_of_more_than_64_fields_is_not_read() -> None:
    assert len(read_query(b"&".join(b"f%d=1" % n for n in range(64)))) == 64
    assert read_query(b"&".join(b"f%d=1" % n for n in range(65))) == {}


def test_repeated_headers_are_joined() -> None:
    handshake = build_handshake(
        transport="websocket",
        path="/",
        query=b"",
        headers=[(b"X-A", b"1"), (b"x-a", b"2"), (b"cookie", b"a=1"), (b"cookie", b"b=2")],
        address="",
        scheme="ws",
    )
    assert handshake.headers == {"x-a": "1, 2", "cookie": "a=1; b=2"}


def test_the_path_of_a_mounted_app_is_without_its_root() -> None:
    scope = {
        "type": "websocket",
        "path": "/live/connection/websocket",
        "root_path": "/live",
        "query_string": b"token=t",
        "headers": [(b"origin", b"https://a")],
        "client": ("10.0.0.9", 5),
        "scheme": "wss",
        "subprotocols": ["centrifuge-protobuf"],
    }
    handshake = asgi_handshake(scope, "websocket")
    assert handshake.path == "/connection/websocket"
    assert handshake.query == {"token": "t"}
    assert handshake.headers == {"origin": "https://a"}
    assert handshake.address == "10.0.0.9"
    assert handshake.scheme == "wss"
    assert handshake.subprotocols == ("centrifuge-protobuf",)


def test_a_root_path_is_taken_off_at_a_slash_only() -> None:
    scope = {"type": "http", "path": "/livestream", "root_path": "/live", "headers": []}
    handshake = asgi_handshake(scope, "sse")
    assert handshake.path == "/livestream"
    assert handshake.address == ""
    assert handshake.scheme == "http"
