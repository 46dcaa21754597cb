"""
What may enter as a payload: the JSON codec puts it into its frames as it stands.
"""

import msgspec

from avance.errors import InvalidRequest


def checked_payload(data: bytes) -> bytes:
    """
    Return the JSON value on one line. For payloads from outside of the JSON codec, such as Protobuf or an HTTP body.

    Raises:
        InvalidRequest: not a JSON value in UTF-8.
    """
    try:
        data.decode()
        msgspec.json.decode(data)
        return msgspec.json.format(data, indent=-1)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest(
            f"a payload of {len(data)} bytes is not JSON: {error}", code="invalid_payload"
        ) from error
