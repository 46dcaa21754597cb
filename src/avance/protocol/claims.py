"""
The claims of connection and subscription tokens. The signature and the times were verified before.
"""

from base64 import b64decode
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from avance.errors import InvalidRequest, Unauthenticated
from avance.protocol.messages import Payload
from avance.protocol.payload import checked_payload


class Flag(msgspec.Struct, frozen=True, kw_only=True):
    """
    A setting that a token overrides.
    """

    value: bool = False


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a token changes about its subscription, against the namespace's settings.
    """

    presence: Flag | None = None
    join_leave: Flag | None = None
    force_recovery: Flag | None = None
    force_positioning: Flag | None = None
    force_push_join_leave: Flag | None = None


class _Informed(msgspec.Struct, frozen=True, kw_only=True):
    info: Payload = b""
    """JSON about the user; with `b64info` in a token, what that holds."""
    b64info: str = ""


class SubscriptionClaims(_Informed, frozen=True, kw_only=True):
    """
    One server-side subscription in a connection token.
    """

    data: Payload = b""
    b64data: str = ""
    override: Override | None = None

    def __post_init__(self) -> None:
        _settle(self, "info", "b64info")
        _settle(self, "data", "b64data")


class ConnectClaims(_Informed, frozen=True, kw_only=True):
    """
    Who connects, what others see of them and which channels the server subscribes them to.
    """

    sub: str = ""
    exp: float | None = None
    iat: float | None = None
    nbf: float | None = None
    jti: str = ""
    aud: str | list[str] | None = None
    iss: str = ""
    channels: list[str] = []
    subs: dict[str, SubscriptionClaims] = {}
    meta: Payload = b""
    """JSON for the server alone."""
    expire_at: float | None = None
    role: str = ""
    tenant: str = ""

    def __post_init__(self) -> None:
        _settle(self, "info", "b64info")
        _settle(self, "meta", "")

    @property
    def expires_at_s(self) -> int | None:
        """
        When the connection must be refreshed; None is never.
        """
        return _expiry(self.exp, self.expire_at)


class SubscribeClaims(SubscriptionClaims, frozen=True, kw_only=True):
    """
    Who may subscribe to which channel.
    """

    sub: str = ""
    channel: str = ""
    client: str = ""
    exp: float | None = None
    iat: float | None = None
    nbf: float | None = None
    jti: str = ""
    aud: str | list[str] | None = None
    iss: str = ""
    expire_at: float | None = None

    @property
    def expires_at_s(self) -> int | None:
        """
        When the subscription must be refreshed; None is never.
        """
        return _expiry(self.exp, self.expire_at)


def connect_claims(payload: bytes | Mapping[str, Any]) -> ConnectClaims:
    """
    Read the claims of a connection token.

    Raises:
        Unauthenticated: a claim has a wrong type.
    """
    return _decoded(_CONNECT, payload)


def subscribe_claims(payload: bytes | Mapping[str, Any]) -> SubscribeClaims:
    """
    Read the claims of a subscription token.

    Raises:
        Unauthenticated: a claim has a wrong type.
    """
    return _decoded(_SUBSCRIBE, payload)


Claims = TypeVar("Claims")
_CONNECT = msgspec.json.Decoder(ConnectClaims)
_SUBSCRIBE = msgspec.json.Decoder(SubscribeClaims)


def _decoded(decoder: msgspec.json.Decoder[Claims], payload: bytes | Mapping[str, Any]) -> Claims:
    try:
        text = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
        text.decode()
        return decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unauthenticated(
            f"a token has an unusable claim: {error}", code="invalid_token"
        ) from error


def _settle(claims: msgspec.Struct, name: str, b64_name: str) -> None:
    """
    Make the payload plain bytes on one line, from its base64 twin where a token has that.
    """
    encoded: str = getattr(claims, b64_name) if b64_name else ""
    value: bytes = b64decode(encoded, validate=True) if encoded else bytes(getattr(claims, name))
    try:
        settled = checked_payload(value) if value else b""
    except InvalidRequest as error:
        raise ValueError(f"{name}: {error}") from error
    msgspec.structs.force_setattr(claims, name, settled)


def _expiry(exp: float | None, expire_at: float | None) -> int | None:
    chosen = exp if expire_at is None else expire_at
    return int(chosen) if chosen else None
