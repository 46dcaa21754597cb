"""
Who asks, and for whose notifications.
"""

from collections.abc import Mapping

import msgspec
from starlette.requests import Request

from avance.errors import InvalidRequest, NotFound, PermissionDenied
from avance.web import Caller, caller, decode_json


class _Anything(msgspec.Struct):
    """
    Any object at all.
    """


class BadRequest(InvalidRequest):
    """
    The contract answers 400 where the house answers 422.
    """

    status = 400


def whose(request: Request, wanted: object = None) -> str:
    """
    The user whose rows are meant: the caller, or another one that an admin names.

    Raises:
        PermissionDenied: Somebody else names another user.
    """
    who = whole(request)
    named = wanted if wanted is not None else request.query_params.get("user_id")
    if named is None or str(named) == who.user:
        return who.user
    if not who.is_admin:
        raise PermissionDenied(
            "user_id is not the caller; leave it out", code="role_missing", role="admin"
        )
    return str(named)


def whole(request: Request) -> Caller:
    who = caller(request)
    who.require_whole()
    return who


def sender(request: Request) -> Caller:
    """
    Raises:
        PermissionDenied: The caller may not send to others.
    """
    who = whole(request)
    if not who.is_trusted:
        raise PermissionDenied(
            "sending notifications needs the role sender", code="role_missing", role="sender"
        )
    return who


def notice_id(request: Request) -> int:
    """
    Raises:
        NotFound: No notification can have that id.
    """
    text = request.path_params["id"]
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise NotFound(f"there is no notification {text[:40]}", code="notification_not_found")
    return int(text)


def number(query: Mapping[str, str], name: str, default: int, *, least: int, most: int) -> int:
    """
    Raises:
        BadRequest: It is none, or out of bounds.
    """
    text = query.get(name)
    if text is None:
        return default
    is_number = text.isascii() and text.isdigit() and len(text) <= 12
    if not is_number or not least <= int(text) <= most:
        raise BadRequest(
            f"{name} is {text[:40]!r}; use a whole number from {least} to {most}",
            code="invalid_query",
            parameter=name,
        )
    return int(text)


def flag(query: Mapping[str, str], name: str, *, default: bool) -> bool:
    """
    Raises:
        BadRequest: It is neither true nor false.
    """
    text = query.get(name)
    if text is None:
        return default
    if text.lower() not in ("true", "false", "1", "0"):
        raise BadRequest(
            f"{name} is {text[:40]!r}; use true or false", code="invalid_query", parameter=name
        )
    return text.lower() in ("true", "1")


async def object_of(request: Request) -> dict[str, object]:
    """
    The body as a JSON object; without a body, the query.

    Raises:
        BadRequest: It is none.
    """
    body = await request.body()
    if not body:
        return {name: text for name, text in request.query_params.items() if name != "token"}
    try:
        decode_json(body, _Anything)
        value = msgspec.json.decode(body, type=dict[str, object])
    except (InvalidRequest, msgspec.DecodeError) as error:
        raise BadRequest(f"the body is no JSON object: {error}", code="invalid_json") from error
    return value
