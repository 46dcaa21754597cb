"""
Who is calling.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import StrEnum

import msgspec


class Role(StrEnum):
    USER = "user"
    SENDER = "sender"
    ADMIN = "admin"


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """
    Comes from a verified token or key, never from a message.
    """

    user: str
    role: Role = Role.USER
    tenant: str | None = None
    expires_ms: int | None = None
    """The connection or the request is good until then."""
    token_id: str | None = None
    """`jti`, for revocation."""
    info: bytes | None = None
    """Raw JSON that others see in presence."""
    claims: bytes = b"{}"
    """All verified claims as raw JSON, for what the protocol above reads (channels, subs, meta, channel of a subscription token)."""

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN


OPEN_IDENTITY = Identity(user="dev", role=Role.ADMIN)
"""Who everybody is in open mode."""


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """
    A key as it is kept: nobody can read it back.
    """

    digest: bytes
    """SHA-256 of the key."""
    user: str
    role: Role = Role.USER


class TokenRules(msgspec.Struct, frozen=True, kw_only=True):
    """
    Which tokens are good.
    """

    secrets: tuple[bytes, ...] = ()
    """For HS256, HS384 and HS512; the first one signs, the others are still accepted."""
    public_keys: tuple[bytes, ...] = ()
    """PEM, for RS, PS, ES and EdDSA."""
    jwks_url: str | None = None
    audience: str | None = None
    issuer: str | None = None


class TokenLimits(msgspec.Struct, frozen=True, kw_only=True):
    token_bytes_max: int = 8_192
    """A longer token is refused unread."""
    leeway_s: float = 10.0
    """How far the clock of an issuer may be off."""
    ttl_s_max: float = 366 * 86_400.0
    """The longest life of a token that we sign."""
    api_keys_max: int = 1_000
    """Every key is compared at every request that brings one."""
    jwks_bytes_max: int = 262_144
    """A larger document of keys is not taken."""
    jwks_keys_max: int = 100
    """Further keys of a document are not taken."""
    jwks_timeout_s: float = 5.0
    """For fetching the document."""
    jwks_ttl_s: float = 600.0
    """Fetched keys are used so long before they are fetched again."""
    jwks_stale_s: float = 86_400.0
    """Where that fails, they serve so long; then tokens cannot be verified."""
    jwks_interval_s: float = 30.0
    """Between two fetches, however many tokens name a key that is not known."""
    revocations_max: int = 100_000
    """Revocations in force at the same time; of more, the oldest are not enforced."""
    revocations_ttl_s: float = 5.0
    """A revocation on another node is seen after so long at the latest."""


class Revocation(msgspec.Struct, frozen=True, kw_only=True):
    """
    Refuses one token, or every token of a user that was issued up to a moment.
    """

    kind: str
    """`token` or `user`."""
    value: str
    """The `jti`, or the user."""
    since_ms: int
    until_ms: int
    """After it nothing is left to refuse."""


class Revocations(ABC):
    """
    Remembers revocations over a restart.
    """

    @abstractmethod
    async def add(self, revocation: Revocation) -> None:
        """
        Remember it when this returns. Of two for the same kind and value the later `since_ms` and `until_ms` hold.

        Raises:
            Unavailable: It is not remembered.
        """

    @abstractmethod
    async def active(self, now_ms: int, *, limit: int) -> Sequence[Revocation]:
        """
        Those whose `until_ms` is after now, the newest first; the others may be forgotten.
        """


class TokenExpired(Exception):
    """
    The token was good: its holder may bring a fresh one.
    """


class Auth(ABC):
    @property
    @abstractmethod
    def is_open(self) -> bool:
        """
        True where everybody on loopback is user `dev` with role admin.
        """

    @abstractmethod
    async def token(self, token: str) -> Identity:
        """
        Verify a JWT: signature, algorithm, times, audience, issuer, revocation.

        Raises:
            TokenExpired: It was good once.
            Unauthenticated: Anything else; the message never holds the token.
            Unavailable: The keys of the issuer cannot be fetched now.
        """

    @abstractmethod
    async def key(self, key: str) -> Identity:
        """
        Verify an API key in constant time.

        Raises:
            Unauthenticated: Nobody has it.
        """

    @abstractmethod
    def issue(self, user: str, *, ttl_s: float, claims: dict[str, object] | None = None) -> str:
        """
        Sign a token of our own (for a job, a channel, the console).
        """

    @abstractmethod
    async def revoke(
        self, *, token_id: str | None = None, user: str | None = None, until_ms: int
    ) -> None:
        """
        Refuse a token, or all tokens of a user that were issued before now, until they would have ended anyway.
        """
