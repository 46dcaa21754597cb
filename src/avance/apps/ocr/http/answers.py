"""
How this contract answers, errors too.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from avance.apps.ocr import app
from avance.errors import AvanceError, InvalidRequest
from avance.web import offer_to_pages

Endpoint = Callable[[Request], Awaitable[Response]]
BODY_BYTES_MAX = 16_777_216
_encode = msgspec.json.Encoder().encode

JOBS_HEADER = "X-Job-Ids"
"""Of a start: the job of each document, in the order of the answer."""
ALLOW_ORIGIN = "Access-Control-Allow-Origin"
ALLOWED_HEADERS = (
    *("Content-Type", "Authorization", "X-Amz-Date", "X-Api-Key", "X-Amz-Security-Token"),
    *("Sec-WebSocket-Protocol", "Sec-WebSocket-Version", "Sec-WebSocket-Key"),
)
CORS = {
    ALLOW_ORIGIN: "*",
    "Access-Control-Allow-Headers": ", ".join(ALLOWED_HEADERS),
    "Access-Control-Expose-Headers": JOBS_HEADER,
}
"""004-24. Without credentials: a foreign page can use what it was given a key for, and nothing else."""


def cors(request: Request) -> Mapping[str, str]:
    """
    Which pages may read the answer. A list of origins replaces the star, and the server itself names the one that asks. In open mode there is no key that
    a page would have to know, so pages of other machines may read nothing.
    """
    if app.host.settings.origins:
        return {name: value for name, value in CORS.items() if name != ALLOW_ORIGIN}
    origin = request.headers.get("origin")
    if app.host.is_open_to_all and origin is not None and not _is_of_this_machine(origin):
        return {}
    return CORS


def _is_of_this_machine(origin: str) -> bool:
    try:
        name = urlsplit(origin).hostname or ""
    except ValueError:
        return False
    return name in ("localhost", "127.0.0.1", "::1") or name.endswith(".localhost")


def router_for_pages(prefix: str = "") -> APIRouter:
    """
    A router that pages of every origin may call with a key, until origins are listed.
    """
    router = APIRouter(prefix=prefix, tags=["ocr"])
    offer_to_pages(router, ALLOWED_HEADERS)
    return router


def answered(body: Any, status: int = 200) -> Response:
    return Response(
        _encode(body),
        status,
        media_type="application/json",
        headers={"cache-control": "no-store"},
    )


def in_its_words(endpoint: Endpoint) -> Endpoint:
    """
    Errors as `{success: false, error}`, with the code beside it; and which pages may read the answer.
    """

    @wraps(endpoint)
    async def guarded(request: Request) -> Response:
        try:
            answer = await endpoint(request)
        except AvanceError as error:
            if error.status >= 500 and error.status != 503:
                raise
            status = 400 if error.status == 422 else error.status
            body = {"success": False, "error": error.message, "code": error.code}
            answer = answered(body, status)
        answer.headers.update(cors(request))
        return answer

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
