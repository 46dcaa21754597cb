"""
What was revoked, in memory; and a view of any memory that is quick to ask.
"""

import logging
from collections.abc import Sequence

import anyio

from avance.errors import Unavailable
from avance.ports.auth import Revocation, Revocations, TokenLimits
from avance.ports.clock import Clock

logger = logging.getLogger("avance.tokens")


class MemoryRevocations(Revocations):
    """
    Forgets with the process.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Revocation] = {}

    async def add(self, revocation: Revocation) -> None:
        key = (revocation.kind, revocation.value)
        self._kept[key] = later(self._kept.get(key), revocation)

    async def active(self, now_ms: int, *, limit: int) -> Sequence[Revocation]:
        self._kept = {key: one for key, one in self._kept.items() if one.until_ms > now_ms}
        newest = sorted(self._kept.values(), key=lambda one: one.since_ms, reverse=True)
        return newest[:limit]


class RevokedNow:
    """
    What this node knows of the revocations: its own at once, those of other nodes within `revocations_ttl_s`.
    """

    def __init__(self, kept: Revocations, clock: Clock, limits: TokenLimits) -> None:
        self._kept = kept
        self._clock = clock
        self._limits = limits
        self._known: dict[tuple[str, str], Revocation] = {}
        self._read_s: float | None = None
        self._lock = anyio.Lock()

    async def add(self, revocation: Revocation) -> None:
        await self._kept.add(revocation)
        self._note(revocation)

    async def refresh(self) -> None:
        """
        Read again what is older than its time to live.

        Raises:
            Unavailable: It was never read, so that a revoked token could pass.
        """
        if self._is_fresh() or (self._read_s is not None and self._lock.locked()):
            return
        async with self._lock:
            if self._is_fresh():
                return
            now_s = self._clock.monotonic_s()
            try:
                active = await self._kept.active(
                    self._clock.now_ms(), limit=self._limits.revocations_max
                )
            except Unavailable:
                if self._read_s is None:
                    raise
                logger.warning("revocations could not be read; those known so far stay in force")
            else:
                self._known = {(one.kind, one.value): one for one in active}
            self._read_s = now_s

    def has_token(self, token_id: str) -> bool:
        return self._find("token", token_id) is not None

    def has_user(self, user: str, issued_s: float | None) -> bool:
        """
        Whether a token of this user, issued then, is refused; one that does not say when it was issued is.
        """
        found = self._find("user", user)
        return found is not None and (issued_s is None or issued_s * 1000 <= found.since_ms)

    def _find(self, kind: str, value: str) -> Revocation | None:
        found = self._known.get((kind, value))
        return found if found is not None and found.until_ms > self._clock.now_ms() else None

    def _is_fresh(self) -> bool:
        return (
            self._read_s is not None
            and self._clock.monotonic_s() - self._read_s < self._limits.revocations_ttl_s
        )

    def _note(self, revocation: Revocation) -> None:
        key = (revocation.kind, revocation.value)
        self._known[key] = later(self._known.get(key), revocation)


def later(known: Revocation | None, new: Revocation) -> Revocation:
    """
    Of two revocations of the same thing, what refuses the most.
    """
    if known is None:
        return new
    return Revocation(
        kind=new.kind,
        value=new.value,
        since_ms=max(known.since_ms, new.since_ms),
        until_ms=max(known.until_ms, new.until_ms),
    )
