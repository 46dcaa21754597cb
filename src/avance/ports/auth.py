"""
Who is calling.
"""

from abc import ABC, abstractmethod
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
