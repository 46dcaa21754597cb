"""
From verified claims to an identity: times, audience, issuer, role.
"""

import base64
import binascii
from typing import Annotated

import msgspec

from avance.backends.tokens.jws import refused
from avance.ports.auth import Identity, Role, TokenExpired, TokenLimits, TokenRules

USER_CHARS_MAX = 256
# Up to the year 9999, so that no moment of a token overflows what we compute with it.
Moment = Annotated[float, msgspec.Meta(ge=0, le=253_402_300_799)]


class Claims(msgspec.Struct, frozen=True):
    sub: str = ""
    exp: Moment | None = None
    nbf: Moment | None = None
    iat: Moment | None = None
    jti: str | None = None
    aud: str | list[str] | None = None
    iss: str | None = None
    role: str | None = None
    tenant: str | None = None
    info: msgspec.Raw = msgspec.Raw()
    b64info: str | None = None
    expire_at: Moment | None = None


_claims = msgspec.json.Decoder(Claims)


def read_claims(payload: bytes) -> Claims:
    """
    Decode the claims of a token whose signature is good.
    """
    try:
        payload.decode()
        return _claims.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise refused(f"a claim cannot be used ({error})") from error


def check_claims(claims: Claims, rules: TokenRules, limits: TokenLimits, now_s: float) -> None:
    """
    Refuse a token that is not meant for us or not for now.

    Raises:
        TokenExpired: All else is good.
        Unauthenticated: Anything else.
    """
    for name, moment in (("nbf", claims.nbf), ("iat", claims.iat)):
        if moment is not None and moment > now_s + limits.leeway_s:
            raise refused(f"its {name} lies in the future; compare the clocks")
    audiences = [claims.aud] if isinstance(claims.aud, str) else claims.aud or []
    if rules.audience is not None and rules.audience not in audiences:
        raise refused(f"its audience is not {rules.audience!r}")
    if rules.issuer is not None and claims.iss != rules.issuer:
        raise refused(f"its issuer is not {rules.issuer!r}")
    if len(claims.sub) > USER_CHARS_MAX or not claims.sub.isprintable():
        raise refused(f"its sub is over {USER_CHARS_MAX} characters or holds control characters")
    if claims.exp is not None and claims.exp + limits.leeway_s <= now_s:
        raise TokenExpired("the token has expired; fetch a fresh one")


def identity_of(claims: Claims, payload: bytes) -> Identity:
    """
    Who the token speaks for.
    """
    try:
        role = Role(claims.role or "user")
    except ValueError as error:
        allowed = ", ".join(Role)
        raise refused(f"its role {claims.role!r} is none of {allowed}") from error
    until_s = claims.exp if claims.expire_at is None else claims.expire_at
    return Identity(
        user=claims.sub,
        role=role,
        tenant=claims.tenant or None,
        expires_ms=round(until_s * 1000) if until_s else None,
        token_id=claims.jti,
        info=_info(claims),
        claims=payload,
    )


def _info(claims: Claims) -> bytes | None:
    if claims.b64info is None:
        return bytes(claims.info) or None
    try:
        return base64.b64decode(claims.b64info, validate=True)
    except (binascii.Error, ValueError) as error:
        raise refused("its b64info is not base64") from error
