"""
Reading what a request brings into frozen structs.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request

from avance.edge.http.limits import HttpLimits
from avance.errors import InvalidRequest

T = TypeVar("T", bound=msgspec.Struct)
JSON_DEPTH_MAX = 64
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NO_BRACKET = re.compile(rb"[^\[\]{}]+")
_ONE_KIND = bytes.maketrans(b"{}", b"[]")


class UnsupportedMediaType(InvalidRequest):
    code = "unsupported_media_type"
    status = 415


async def read_json(request: Request, kind: type[T]) -> T:
    """
    Decode and check a JSON body; a request without a body counts as `{}`.

    Raises:
        InvalidRequest: It is not JSON, or not of this shape; the message names the place.
    """
    body = await request.body()
    content_type = request.headers.get("content-type", "application/json")
    media_type = content_type.partition(";")[0].strip().lower()
    # Curl's default type is let in; a form is not, which a foreign page could send without asking.
    if body and media_type != "application/json" and not media_type.endswith("+json"):
        raise UnsupportedMediaType(
            f"the body is {media_type or 'of no type'}; send application/json",
            content_type=media_type,
        )
    return decode_json(body or b"{}", kind)


def decode_json(body: bytes, kind: type[T]) -> T:
    """
    Decode strictly: UTF-8, no unknown fields, bounded depth, numbers that every client can read back.
    """
    try:
        body.decode("utf-8")
        value = msgspec.json.decode(body, type=kind)
        _check_depth(body)
    except UnicodeDecodeError as error:
        raise InvalidRequest(
            f"the body is not UTF-8: byte {error.start}", code="invalid_json"
        ) from error
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"the body does not fit: {error}", code="invalid_request") from error
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"the body is not JSON: {error}", code="invalid_json") from error
    return value


def read_query(request: Request, kind: type[T], limits: HttpLimits) -> T:
    """
    Check the query string; a name may come once.

    Raises:
        InvalidRequest: It names a parameter that is not known, repeats one, or does not fit.
    """
    try:
        pairs = parse_qsl(
            request.scope["query_string"].decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=limits.query_fields_max,
        )
    except (UnicodeDecodeError, ValueError) as error:
        raise InvalidRequest(f"the query cannot be read: {error}", code="invalid_query") from error
    fields: dict[str, Any] = {}
    known = {field.encode_name for field in msgspec.structs.fields(kind)}
    for name, text in pairs:
        if name == "token":
            continue
        if name not in known:
            raise InvalidRequest(
                f"there is no query parameter {name!r}; known are: {', '.join(sorted(known))}",
                code="invalid_query",
                parameter=name,
            )
        if name in fields:
            raise InvalidRequest(
                f"the query parameter {name!r} is given twice", code="invalid_query", parameter=name
            )
        fields[name] = text
    return _convert(fields, kind)


def _convert(fields: Mapping[str, str], kind: type[T]) -> T:
    try:
        return msgspec.convert(fields, kind, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"the query does not fit: {error}", code="invalid_query") from error


def _check_depth(body: bytes) -> None:
    """
    Refuse nesting that some reader further on could not take. Each round takes away the innermost pairs of brackets.
    """
    brackets = _NO_BRACKET.sub(b"", _TEXT.sub(b"", body)).translate(_ONE_KIND)
    for _ in range(JSON_DEPTH_MAX):
        if not brackets:
            return
        brackets = brackets.replace(b"[]", b"")
    if brackets:
        raise InvalidRequest(
            f"the body is nested over {JSON_DEPTH_MAX} levels", code="invalid_json"
        )
