"""
What API Gateway (both payload forms) or a Function URL hands to a function, and what it takes back. Who is calling comes from the authorizer alone.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from avance.apps.ocr.errors import BadDocument
from avance.errors import InvalidRequest, Unauthenticated

Answer = Mapping[str, Any]
Event = Mapping[str, Any]


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    user: str
    role: str = "user"

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"

    @property
    def is_trusted(self) -> bool:
        return self.role in ("sender", "admin")

    def may_see(self, owner: str) -> bool:
        return self.is_admin or owner == self.user


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """
    A request.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By names in lower case."""
    body: bytes
    who: Caller | None

    @property
    def caller(self) -> Caller:
        return self.require_caller()

    def require_caller(self) -> Caller:
        """
        Raises:
            Unauthenticated: The authorizer has named nobody.
        """
        if self.who is None:
            raise Unauthenticated("this needs a caller; the authorizer has named none")
        return self.who

    def json(self) -> Mapping[str, Any]:
        """
        Raises:
            InvalidRequest: The body is no JSON object.
        """
        try:
            found = msgspec.json.decode(self.body or b"null")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidRequest(f"the body is not JSON: {error}", code="invalid_json") from error
        if not isinstance(found, dict):
            raise InvalidRequest("the body is no JSON object", code="invalid_json")
        return found


def read_event(event: Event) -> Asked:
    context = event["requestContext"]
    http = context.get("http") or {}
    path = unquote(event.get("rawPath") or event.get("path") or "/")
    # A stage of its own name stands before the path; `$default` does not.
    stage = f"/{context.get('stage', '')}"
    if path.startswith(f"{stage}/api/"):
        path = path.removeprefix(stage)
    return Asked(
        method=http.get("method") or event.get("httpMethod") or "GET",
        path=path,
        query=event.get("queryStringParameters") or {},
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
        body=_body(event),
        who=_caller(context.get("authorizer") or {}),
    )


def _body(event: Event) -> bytes:
    text = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(text).encode()
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise BadDocument(f"the body is no base64: {error}") from error


def _caller(authorizer: Mapping[str, Any]) -> Caller | None:
    told = authorizer.get("lambda") or (authorizer.get("jwt") or {}).get("claims") or authorizer
    user = told.get("principalId") or told.get("user") or told.get("sub")
    return Caller(user=str(user), role=str(told.get("role", "user"))) if user else None


def answered(body: Any, status: int = 200) -> Answer:
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json", "cache-control": "no-store"},
        "body": msgspec.json.encode(body).decode(),
    }


def led_to(url: str) -> Answer:
    return {"statusCode": 302, "headers": {"location": url, "cache-control": "no-store"}}
