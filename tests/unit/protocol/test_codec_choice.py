import pytest

from avance.protocol.codec import (
    JSON,
    JSON_ASCII,
    PROTOBUF,
    Codec,
    codec_for,
    codec_for_content_type,
)


@pytest.mark.parametrize(
    ("subprotocols", "query", "codec", "echoed"),
    [
        ((), {}, JSON, None),
        ((), None, JSON, None),
        (("centrifuge-protobuf",), {}, PROTOBUF, "centrifuge-protobuf"),
        (("centrifuge-json",), {}, JSON, "centrifuge-json"),
        (("graphql", "centrifuge-protobuf"), {}, PROTOBUF, "centrifuge-protobuf"),
        (("graphql",), {}, JSON, None),
        ((), {"format": "protobuf"}, PROTOBUF, None),
        ((), {"cf_protocol": "protobuf"}, PROTOBUF, None),
        ((), {"format": "json"}, JSON, None),
    ],
)
def test_a_websocket_chooses_by_subprotocol_then_by_query(
    subprotocols: tuple[str, ...], query: dict[str, str] | None, codec: Codec, echoed: str | None
) -> None:
    assert codec_for(subprotocols, query) == (codec, echoed)


@pytest.mark.parametrize(
    ("content_type", "codec"),
    [
        ("application/json", JSON_ASCII),
        ("application/json; charset=utf-8", JSON_ASCII),
        ("", JSON_ASCII),
        ("application/octet-stream", PROTOBUF),
        ("Application/Octet-Stream; x=y", PROTOBUF),
    ],
)
def test_an_http_stream_chooses_by_content_type(content_type: str, codec: Codec) -> None:
    assert codec_for_content_type(content_type) is codec


def test_the_codecs_say_what_they_are() -> None:
    assert [(c.name, c.is_text) for c in (JSON, JSON_ASCII, PROTOBUF)] == [
        ("json", True),
        ("json", True),
        ("protobuf", False),
    ]
