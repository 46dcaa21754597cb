"""
What every memory of revocations must do.
"""

from abc import abstractmethod
from contextlib import AbstractAsyncContextManager

from avance.ports.auth import Revocation, Revocations

NOW_MS = 4_102_444_800_000
"""Far ahead, because a backend may forget by its own clock what is over."""


def a_revocation(
    value: str, *, since_ms: int = NOW_MS, until_ms: int = NOW_MS + 60_000
) -> Revocation:
    return Revocation(kind="token", value=value, since_ms=since_ms, until_ms=until_ms)


class RevocationsConformance:
    """
    Subclass it and give `open`.
    """

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[Revocations]:
        """
        An empty memory.
        """

    async def test_what_was_added_is_active_until_its_time(self) -> None:
        async with self.open() as revocations:
            await revocations.add(a_revocation("a"))
            assert [one.value for one in await revocations.active(NOW_MS, limit=10)] == ["a"]
            assert await revocations.active(NOW_MS + 60_000, limit=10) == []

    async def test_of_two_for_the_same_token_the_later_times_hold(self) -> None:
        async with self.open() as revocations:
            await revocations.add(a_revocation("a", since_ms=NOW_MS + 5, until_ms=NOW_MS + 10))
            await revocations.add(a_revocation("a", since_ms=NOW_MS, until_ms=NOW_MS + 90))
            (one,) = await revocations.active(NOW_MS, limit=10)
        assert (one.since_ms, one.until_ms) == (NOW_MS + 5, NOW_MS + 90)

    async def test_the_newest_come_first_and_the_limit_holds(self) -> None:
        async with self.open() as revocations:
            for number in range(5):
                await revocations.add(a_revocation(str(number), since_ms=NOW_MS + number))
            found = await revocations.active(NOW_MS, limit=3)
        assert [one.value for one in found] == ["4", "3", "2"]

    async def test_a_value_with_a_colon_comes_back_whole(self) -> None:
        async with self.open() as revocations:
            await revocations.add(
                Revocation(kind="user", value="auth0:42", since_ms=NOW_MS, until_ms=NOW_MS + 9)
            )
            (one,) = await revocations.active(NOW_MS, limit=10)
        assert (one.kind, one.value) == ("user", "auth0:42")
