import pytest

from avance.errors import InvalidRequest
from avance.protocol.payload import checked_payload


@pytest.mark.parametrize(
    ("data", "checked"),
    [
        (b'{"a":1}', b'{"a":1}'),
        (b'{\r\n  "a": [1, 2],\n "b": "x\\n y"\n}\n', b'{"a":[1,2],"b":"x\\n y"}'),
        ('"é"'.encode(), '"é"'.encode()),
        (b"1.50", b"1.50"),
        (b"null", b"null"),
    ],
)
def test_a_payload_from_outside_becomes_one_line_of_json(data: bytes, checked: bytes) -> None:
    assert checked_payload(data) == checked


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\x00\x01", b'"\xff"', b"{}{}", b"[" * 100_000, b'"\\ud800x"']
)
def test_a_payload_that_is_not_json_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidRequest, match="is not JSON") as raised:
        checked_payload(data)
    assert raised.value.code == "invalid_payload"
