import msgspec
from starlette.responses import Response

_HEADERS = {"cache-control": "no-store"}


def json_answer(value: msgspec.Struct, status: int = 200) -> Response:
    """
    An answer from a struct.
    """
    return raw_answer(msgspec.json.encode(value), status)


def raw_answer(body: bytes, status: int = 200) -> Response:
    """
    An answer of JSON that is already encoded.
    """
    return Response(body, status, headers=_HEADERS, media_type="application/json")
