"""
Every error leaves as problem+json (RFC 9457) with a stable `code`.
"""

import logging
import math
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

import msgspec
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from avance.errors import AvanceError, InvalidRequest, RateLimited
from avance.ports.auth import TokenExpired

logger = logging.getLogger("avance.http")

TYPE_PREFIX = "urn:avance:error:"
MEDIA_TYPE = "application/problem+json"
UNAVAILABLE_RETRY_S = 2

CODES = {
    400: "bad_request",
    401: "unauthenticated",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid_request",
    429: "rate_limited",
    503: "unavailable",
}
"""For answers that the framework gives; our own errors bring their code."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """
    What went wrong, for a program (`code`, `params`) and for a reader (`detail`).
    """

    type: str
    title: str
    status: int
    code: str
    detail: str
    params: dict[str, Any] = {}


def problem(
    status: int,
    code: str,
    detail: str,
    params: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """
    The answer for an error.
    """
    body = Problem(
        type=TYPE_PREFIX + code,
        title=_phrase(status),
        status=status,
        code=code,
        detail=detail,
        params={name: _plain(value) for name, value in (params or {}).items()},
    )
    return Response(
        msgspec.json.encode(body),
        status,
        headers={"cache-control": "no-store", **(headers or {})},
        media_type=MEDIA_TYPE,
    )


def of_error(error: AvanceError) -> Response:
    """
    The answer for one of our own errors. One that blames the server is logged and answered without its message.
    """
    if error.status == 500:
        return unexpected(error)
    headers: dict[str, str] = {}
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    if isinstance(error, RateLimited):
        headers["retry-after"] = str(max(1, math.ceil(error.retry_after_s)))
    if error.status == 503:
        headers["retry-after"] = str(UNAVAILABLE_RETRY_S)
    return problem(error.status, error.code, error.message, error.params, headers)


def unexpected(error: BaseException) -> Response:
    """
    The answer for a fault of ours: an id to find it in the log, nothing else.
    """
    error_id = uuid.uuid4().hex
    logger.error("request failed, error_id=%s", error_id, exc_info=error)
    return problem(
        500,
        "internal",
        f"the server failed at this request; its log tells more under {error_id}",
        {"error_id": error_id},
    )


def install(app: FastAPI) -> None:
    """
    Answer everything that handlers and the framework raise.
    """
    handlers: Mapping[Any, Callable[[Request, Any], Awaitable[Response]]] = {
        AvanceError: _own,
        TokenExpired: _expired,
        HTTPException: _framework,
        RequestValidationError: _validation,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


async def _own(_: Request, error: AvanceError) -> Response:
    return of_error(error)


async def _expired(_: Request, error: TokenExpired) -> Response:
    return expired(error)


def expired(error: TokenExpired) -> Response:
    """
    The answer to a token that was good: the client fetches a fresh one and tries again.
    """
    return problem(401, "token_expired", str(error), headers={"www-authenticate": "Bearer"})


async def _framework(request: Request, error: HTTPException) -> Response:
    code = CODES.get(error.status_code, "http_error")
    detail = str(error.detail)
    if detail == _phrase(error.status_code):
        detail = f"{detail}: {request.method} {request.url.path}"
    if error.status_code < 400 or error.status_code in (204, 304):
        return Response(None, error.status_code, headers=error.headers)
    return problem(error.status_code, code, detail, headers=error.headers)


async def _validation(_: Request, error: RequestValidationError) -> Response:
    """
    Of routes that an app declares with pydantic types.
    """
    places = [_finding(one) for one in cast(Sequence[Mapping[str, Any]], error.errors())]
    detail = "; ".join(f"{one['where']}: {one['what']}" for one in places[:5])
    return of_error(InvalidRequest(detail or "the request is not valid", errors=places[:50]))


def _finding(error: Mapping[str, Any]) -> Mapping[str, str]:
    where = ".".join(str(part) for part in error.get("loc", ()))
    return {"where": where, "what": str(error.get("msg", "is not valid"))}


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _plain(value: object) -> object:
    """
    A parameter of an error as JSON; what is none becomes its text, since an error must always be answerable.
    """
    try:
        msgspec.json.encode(value)
    except (TypeError, ValueError, RecursionError):
        return str(value)
    return value
