from collections.abc import Callable

import pytest

from avance.backends.tokens import MemoryRevocations, OpenAuth, TokenAuth
from avance.config.values import read_api_keys
from avance.ports.auth import OPEN_IDENTITY, Auth, TokenRules
from avance.ports.clock import Clock
from avance.testing.conformance.auth import KEYS, AuthConformance


def token_auth(clock: Clock) -> TokenAuth:
    keys = ",".join(f"{key}={user}:{role.value}" for key, (user, role) in KEYS.items())
    return TokenAuth(
        TokenRules(secrets=(b"0123456789abcdef0123456789abcdef",)),
        clock,
        MemoryRevocations(),
        api_keys=read_api_keys("api_keys", "test", keys),
    )


class TestTokenAuth(AuthConformance):
    @pytest.fixture
    def make_auth(self) -> Callable[[Clock], Auth]:
        return token_auth

    async def test_it_is_not_open(self, auth: Auth) -> None:
        assert not auth.is_open


class TestOpenAuth(AuthConformance):
    @pytest.fixture
    def make_auth(self) -> Callable[[Clock], Auth]:
        return lambda clock: OpenAuth(token_auth(clock))

    async def test_a_key_that_nobody_knows_is_the_admin_dev(self, auth: Auth) -> None:
        assert auth.is_open
        assert await auth.key("whatever") == OPEN_IDENTITY
