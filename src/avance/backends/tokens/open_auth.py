"""
Open mode: on loopback everybody is `dev`.
"""

from avance.backends.tokens.token_auth import TokenAuth
from avance.errors import Unauthenticated
from avance.ports.auth import OPEN_IDENTITY, Auth, Identity


class OpenAuth(Auth):
    """
    Whoever brings nothing, or a key that nobody knows, is `dev` with role admin; a token, where one is brought, must be good.
    """

    def __init__(self, tokens: TokenAuth) -> None:
        self._tokens = tokens

    @property
    def is_open(self) -> bool:
        return True

    async def token(self, token: str) -> Identity:
        return await self._tokens.token(token)

    async def key(self, key: str) -> Identity:
        try:
            return await self._tokens.key(key)
        except Unauthenticated:
            return OPEN_IDENTITY

    def issue(self, user: str, *, ttl_s: float, claims: dict[str, object] | None = None) -> str:
        return self._tokens.issue(user, ttl_s=ttl_s, claims=claims)

    async def revoke(
        self, *, token_id: str | None = None, user: str | None = None, until_ms: int
    ) -> None:
        await self._tokens.revoke(token_id=token_id, user=user, until_ms=until_ms)
