"""
Verify signed tokens and API keys, and sign tokens of our own.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence

import msgspec

from avance.backends.tokens import jws
from avance.backends.tokens.claims import Claims, check_claims, identity_of, read_claims
from avance.backends.tokens.jwks import Fetch, RemoteKeys
from avance.backends.tokens.keys import KeyRing
from avance.backends.tokens.revocations import RevokedNow
from avance.errors import ConfigError, InvalidRequest, Unauthenticated
from avance.ports.auth import (
    ApiKey,
    Auth,
    Identity,
    Revocation,
    Revocations,
    TokenLimits,
    TokenRules,
)
from avance.ports.clock import Clock

RESERVED = frozenset({"sub", "exp", "iat", "jti", "aud", "iss"})


class TokenAuth(Auth):
    """
    HS, RS, PS, ES and EdDSA tokens, with secrets, public keys and a JWKS address, together or alone; API keys.
    """

    def __init__(
        self,
        rules: TokenRules,
        clock: Clock,
        revocations: Revocations,
        *,
        api_keys: Sequence[ApiKey] = (),
        limits: TokenLimits | None = None,
        fetch: Fetch | None = None,
    ) -> None:
        self._rules = rules
        self._clock = clock
        self._limits = limits or TokenLimits()
        if not rules.secrets:
            raise ConfigError(
                "there is no token secret; set AVANCE_TOKEN_SECRET, or let one be made in the data directory",
                setting="token_secret",
            )
        if len(api_keys) > self._limits.api_keys_max:
            raise ConfigError(
                f"there are {len(api_keys)} API keys; the limit is {self._limits.api_keys_max}",
                setting="api_keys",
            )
        self._ring = KeyRing(rules.secrets, rules.public_keys)
        self._remote = (
            None
            if rules.jwks_url is None
            else RemoteKeys(rules.jwks_url, clock, self._limits, fetch)
        )
        self._api_keys = tuple(api_keys)
        self._revoked = RevokedNow(revocations, clock, self._limits)

    @property
    def is_open(self) -> bool:
        return False

    async def token(self, token: str) -> Identity:
        signed = jws.parse(token, self._limits)
        if not await self._is_signed(signed):
            raise jws.refused("its signature is not by a key that is trusted here")
        claims = read_claims(signed.payload)
        check_claims(claims, self._rules, self._limits, self._clock.now_ms() / 1000)
        await self._check_revoked(claims)
        return identity_of(claims, signed.payload)

    async def key(self, key: str) -> Identity:
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
        found: ApiKey | None = None
        # Every key is compared, so that the time tells nothing of which one came close.
        for known in self._api_keys:
            if hmac.compare_digest(known.digest, digest):
                found = known
        if found is None:
            raise Unauthenticated("the API key is not known", code="invalid_key")
        return Identity(user=found.user, role=found.role)

    def issue(self, user: str, *, ttl_s: float, claims: dict[str, object] | None = None) -> str:
        clash = RESERVED.intersection(claims or ())
        if clash:
            raise InvalidRequest(f"the claim {sorted(clash)[0]!r} is written by the server itself")
        if not 0 < ttl_s <= self._limits.ttl_s_max:
            raise InvalidRequest(
                f"a token of {ttl_s} s is not issued; choose from 1 to {self._limits.ttl_s_max:.0f} s",
                code="invalid_ttl",
                ttl_s_max=self._limits.ttl_s_max,
            )
        now_ms = self._clock.now_ms()
        payload: dict[str, object] = {
            **(claims or {}),
            "sub": user,
            # To the millisecond, so that a token made right after a revocation is told from one made right before.
            "iat": now_ms / 1000,
            "exp": int(now_ms / 1000 + ttl_s),
            "jti": secrets.token_urlsafe(12),
        }
        if self._rules.audience is not None:
            payload["aud"] = self._rules.audience
        if self._rules.issuer is not None:
            payload["iss"] = self._rules.issuer
        return jws.sign(msgspec.json.encode(payload), self._rules.secrets[0])

    async def revoke(
        self, *, token_id: str | None = None, user: str | None = None, until_ms: int
    ) -> None:
        if token_id is None and user is None:
            raise InvalidRequest("name the token (its jti) or the user whose tokens to revoke")
        now_ms = self._clock.now_ms()
        for kind, value in (("token", token_id), ("user", user)):
            if value is not None:
                await self._revoked.add(
                    Revocation(kind=kind, value=value, since_ms=now_ms, until_ms=until_ms)
                )

    async def _is_signed(self, signed: jws.Signed) -> bool:
        algorithm, kid = signed.header.alg, signed.header.kid
        if jws.is_signed_by(signed, self._ring.candidates(algorithm, kid)):
            return True
        if self._remote is None or algorithm in jws.HMAC:
            return False
        return jws.is_signed_by(signed, await self._remote.candidates(algorithm, kid))

    async def _check_revoked(self, claims: Claims) -> None:
        await self._revoked.refresh()
        is_revoked = (
            claims.jti is not None and self._revoked.has_token(claims.jti)
        ) or self._revoked.has_user(claims.sub, claims.iat)
        if is_revoked:
            raise Unauthenticated("the token was revoked; sign in again", code="revoked_token")
