"""
How this contract answers, errors too.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from avance.errors import AvanceError, InvalidRequest

Endpoint = Callable[[Request], Awaitable[Response]]
BODY_BYTES_MAX = 16_777_216
_encode = msgspec.json.Encoder().encode

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "Content-Type, Authorization, X-Amz-Date, X-Api-Key, X-Amz-Security-Token, "
    "Sec-WebSocket-Protocol, Sec-WebSocket-Version, Sec-WebSocket-Key",
}
"""004-24. Without credentials: a foreign page can use what it was given a key for, and nothing else."""


def answered(body: Any, status: int = 200) -> Response:
    return Response(
        _encode(body),
        status,
        media_type="application/json",
        headers={"cache-control": "no-store", **CORS},
    )


def in_its_words(endpoint: Endpoint) -> Endpoint:
    """
    Errors as `{success: false, error}`, with the code beside it.
    """

    @wraps(endpoint)
    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except AvanceError as error:
            if error.status >= 500 and error.status != 503:
                raise
            status = 400 if error.status == 422 else error.status
            return answered({"success": False, "error": error.message, "code": error.code}, status)

    return guarded


async def json_object(request: Request) -> Mapping[str, Any]:
    """
    The body as an object; its names are read by whoever knows their spellings.

    Raises:
        InvalidRequest: It is none.
    """
    return decode_object(await request.body())


def decode_object(body: bytes) -> Mapping[str, Any]:
    try:
        found = msgspec.json.decode(body or b"null")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"the body is not JSON: {error}", code="invalid_json") from error
    if not isinstance(found, dict):
        raise InvalidRequest("the body is no JSON object", code="invalid_json")
    return found
