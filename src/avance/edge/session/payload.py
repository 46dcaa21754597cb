import msgspec

from avance.errors import InvalidRequest
from avance.protocol.payload import checked_payload


def kept_payload(data: bytes) -> bytes:
    """
    A JSON value as it came, byte for byte; put on one line only where it has several, because frames hold no line breaks.

    Raises:
        InvalidRequest: It is not JSON in UTF-8.
    """
    if b"\n" in data or b"\r" in data:
        return checked_payload(data)
    try:
        data.decode()
        msgspec.json.decode(data)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest(
            f"a payload of {len(data)} bytes is not JSON: {error}", code="invalid_payload"
        ) from error
    return data
