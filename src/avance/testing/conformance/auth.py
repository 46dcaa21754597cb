from collections.abc import Callable

import msgspec
import pytest

from avance.errors import AvanceError, Unauthenticated
from avance.ports.auth import Auth, Role, TokenExpired
from avance.ports.clock import Clock
from avance.testing.clock import FakeClock

KEYS = {"key-ana": ("ana", Role.USER), "key-root": ("root", Role.ADMIN)}
"""What `make_auth` must know."""


@pytest.mark.anyio
class AuthConformance:
    """
    For Auth backends. Subclass it and override `make_auth`.
    """

    @pytest.fixture
    def make_auth(self) -> Callable[[Clock], Auth]:
        """
        A function that makes an auth on a clock, with the API keys of `KEYS`.
        """
        raise NotImplementedError

    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture
    def auth(self, make_auth: Callable[[Clock], Auth], clock: FakeClock) -> Auth:
        return make_auth(clock)

    async def test_a_token_of_its_own_tells_who_it_was_made_for(
        self, auth: Auth, clock: FakeClock
    ) -> None:
        token = auth.issue("ana", ttl_s=60, claims={"role": "sender", "tenant": "north"})
        identity = await auth.token(token)
        assert (identity.user, identity.role, identity.tenant) == ("ana", Role.SENDER, "north")
        assert identity.token_id
        assert identity.expires_ms == clock.now_ms() + 60_000

    async def test_claims_come_back_as_they_were_given(self, auth: Auth) -> None:
        given = {"channel": "job:1", "channels": ["a"], "info": {"name": "Ána"}}
        identity = await auth.token(auth.issue("ana", ttl_s=60, claims=dict(given)))
        claims = msgspec.json.decode(identity.claims)
        assert {name: claims[name] for name in given} == given
        assert msgspec.json.decode(identity.info or b"null") == {"name": "Ána"}

    async def test_two_tokens_are_never_the_same(self, auth: Auth) -> None:
        assert auth.issue("ana", ttl_s=60) != auth.issue("ana", ttl_s=60)

    @pytest.mark.parametrize("name", ["sub", "exp", "iat", "jti", "aud", "iss"])
    async def test_what_the_server_writes_cannot_be_given(self, auth: Auth, name: str) -> None:
        with pytest.raises(AvanceError):
            auth.issue("ana", ttl_s=60, claims={name: "x"})

    @pytest.mark.parametrize("ttl_s", [0.0, -1.0, 1e12, float("inf"), float("nan")])
    async def test_a_life_without_bounds_is_refused(self, auth: Auth, ttl_s: float) -> None:
        with pytest.raises(AvanceError):
            auth.issue("ana", ttl_s=ttl_s)

    async def test_a_token_that_was_good_is_told_from_a_bad_one(
        self, auth: Auth, clock: FakeClock
    ) -> None:
        token = auth.issue("ana", ttl_s=60)
        clock.advance(3_600)
        with pytest.raises(TokenExpired):
            await auth.token(token)

    async def test_a_changed_token_is_refused_and_never_quoted(self, auth: Auth) -> None:
        head, payload, signature = auth.issue("ana", ttl_s=60).split(".")
        flipped = "A" if signature[0] != "A" else "B"
        for token in (
            f"{head}.{payload}.{flipped}{signature[1:]}",
            f"{head}.{payload[:-4]}AAAA.{signature}",
            f"{head}.{payload}.",
            f"{head}.{payload}",
            f"{head}..{signature}",
            f"{head}.{payload}.{signature}.",
            f" {head}.{payload}.{signature}",
            "",
            "...",
            "x" * 100_000,
            "\x00.\ud800.é",
        ):
            with pytest.raises(Unauthenticated) as refused:
                await auth.token(token)
            assert payload not in str(refused.value)

    async def test_a_key_tells_its_user_and_role(self, auth: Auth) -> None:
        for key, (user, role) in KEYS.items():
            identity = await auth.key(key)
            assert (identity.user, identity.role) == (user, role)

    async def test_a_revoked_token_is_refused_and_others_are_not(
        self, auth: Auth, clock: FakeClock
    ) -> None:
        bad, good = auth.issue("ana", ttl_s=60), auth.issue("ana", ttl_s=60)
        identity = await auth.token(bad)
        await auth.revoke(token_id=identity.token_id, until_ms=clock.now_ms() + 60_000)
        with pytest.raises(Unauthenticated):
            await auth.token(bad)
        assert (await auth.token(good)).user == "ana"

    async def test_revoking_a_user_refuses_what_was_issued_until_then(
        self, auth: Auth, clock: FakeClock
    ) -> None:
        old, foreign = auth.issue("ana", ttl_s=60), auth.issue("bob", ttl_s=60)
        await auth.revoke(user="ana", until_ms=clock.now_ms() + 60_000)
        with pytest.raises(Unauthenticated):
            await auth.token(old)
        clock.advance(0.001)
        assert (await auth.token(auth.issue("ana", ttl_s=60))).user == "ana"
        assert (await auth.token(foreign)).user == "bob"

    async def test_a_revocation_ends_when_it_was_said_to(
        self, auth: Auth, clock: FakeClock
    ) -> None:
        token = auth.issue("ana", ttl_s=3_600)
        identity = await auth.token(token)
        await auth.revoke(token_id=identity.token_id, until_ms=clock.now_ms() + 60_000)
        clock.advance(61)
        assert (await auth.token(token)).user == "ana"

    async def test_revoking_nothing_is_refused(self, auth: Auth) -> None:
        with pytest.raises(AvanceError):
            await auth.revoke(until_ms=1)
