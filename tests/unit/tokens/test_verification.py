"""
Which tokens are good: algorithms and keys, times, audience and issuer, and the known tricks.
"""

import base64
import hashlib
import hmac
import json
import warnings
from typing import Any

import jwt
import pytest

from avance.backends.tokens import MemoryRevocations, TokenAuth
from avance.errors import ConfigError, Unauthenticated, Unavailable
from avance.ports.auth import Revocation, Revocations, TokenExpired, TokenLimits, TokenRules
from avance.testing.clock import FIRST_MS, FakeClock

SECRET = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
OLD = b"fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
NOW_S = FIRST_MS // 1000


def make(clock: FakeClock | None = None, **rules: Any) -> TokenAuth:
    return TokenAuth(
        TokenRules(**{"secrets": (SECRET,), **rules}), clock or FakeClock(), MemoryRevocations()
    )


def hs(claims: dict[str, Any], secret: bytes = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, secret, algorithm)


def b64(data: bytes | dict[str, Any]) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def handmade(header: bytes | dict[str, Any], payload: bytes | dict[str, Any], key: bytes) -> str:
    """
    A token with a true HS256 signature over whatever stands before it.
    """
    head = f"{b64(header)}.{b64(payload)}"
    return f"{head}.{b64(hmac.digest(key, head.encode(), hashlib.sha256))}"


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
async def test_shared_secrets_verify(algorithm: str) -> None:
    identity = await make().token(hs({"sub": "ana", "exp": NOW_S + 60}, SECRET, algorithm))
    assert identity.user == "ana"


@pytest.mark.parametrize(
    "algorithm", ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "ES512", "EdDSA"]
)
async def test_public_keys_verify_and_strangers_do_not(pairs, algorithm: str) -> None:
    pair = pairs[algorithm]
    auth = make(public_keys=(pair.pem,))
    assert (await auth.token(pair.sign({"sub": "ana"}))).user == "ana"
    with pytest.raises(Unauthenticated):
        await make().token(pair.sign({"sub": "ana"}))


async def test_the_secret_before_is_still_accepted_but_signs_nothing() -> None:
    auth = make(secrets=(SECRET, OLD))
    assert (await auth.token(hs({"sub": "ana"}, OLD))).user == "ana"
    with pytest.raises(Unauthenticated):
        await make(secrets=(OLD,)).token(auth.issue("ana", ttl_s=60))


async def test_a_public_key_is_never_taken_for_a_shared_secret(pairs) -> None:
    pem = pairs["RS256"].pem
    auth = make(public_keys=(pem,))
    for key in (pem, pem.strip(), b"", pem.decode().encode("utf-16")):
        for algorithm in ("HS256", "RS256"):
            with pytest.raises(Unauthenticated):
                await auth.token(handmade({"alg": algorithm}, {"sub": "root"}, key))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", "hs256", "HS1", "ES256K", "RSA"])
async def test_other_algorithms_are_refused(algorithm: str) -> None:
    for signature in ("", "AA"):
        with pytest.raises(Unauthenticated):
            await make().token(f"{b64({'alg': algorithm})}.{b64({'sub': 'root'})}.{signature}")
    with pytest.raises(Unauthenticated):
        await make().token(handmade({"alg": algorithm}, {"sub": "root"}, SECRET))


@pytest.mark.parametrize(
    "header",
    [
        b"{}",
        b"[]",
        b'"HS256"',
        b"{",
        b"\xff",
        b'{"alg":["HS256"]}',
        b'{"alg":"HS256","crit":["exp"]}',
        b'{"alg":"HS256","b64":false,"crit":["b64"]}',
        b'{"alg":"HS256","kid":7}',
        b'{"alg":"HS256","x":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    ],
)
async def test_a_strange_header_is_refused(header: bytes) -> None:
    with pytest.raises(Unauthenticated):
        await make().token(handmade(header, {"sub": "ana"}, SECRET))


async def test_keys_inside_the_token_are_not_looked_at(pairs) -> None:
    pair = pairs["RS256"]
    for header in (
        {"jwk": pair.jwk()},
        {"jku": "http://127.0.0.1:1/keys"},
        {"x5u": "http://127.0.0.1:1/x"},
    ):
        with pytest.raises(Unauthenticated):
            await make().token(pair.sign({"sub": "root"}, **header))


@pytest.mark.parametrize(
    "payload",
    [
        b"[]",
        b"null",
        b"{",
        b"\xff\xfe",
        b'{"sub":7}',
        b'{"sub":"ana","exp":"soon"}',
        b'{"sub":"ana","exp":-1}',
        b'{"sub":"ana","exp":1e300}',
        b'{"sub":"ana","exp":NaN}',
        b'{"sub":"ana","role":"king"}',
        b'{"sub":"ana","b64info":"%%"}',
        b'{"sub":"ana","tenant":[]}',
        b'{"sub":"a\\u0000b"}',
        b'{"sub":"a\\nb"}',
        b'{"sub":"' + b"a" * 257 + b'"}',
        b"[" * 2_000 + b"]" * 2_000,
    ],
)
async def test_unusable_claims_are_refused(payload: bytes) -> None:
    with pytest.raises(Unauthenticated):
        await make().token(handmade({"alg": "HS256"}, payload, SECRET))


async def test_a_longer_token_than_the_limit_is_refused_unread() -> None:
    token = hs({"sub": "ana", "pad": "x" * TokenLimits().token_bytes_max})
    with pytest.raises(Unauthenticated, match="the limit is"):
        await make().token(token)


@pytest.mark.parametrize(
    ("claims", "is_good"),
    [
        ({"exp": NOW_S - 9}, True),
        ({"nbf": NOW_S + 9}, True),
        ({"nbf": NOW_S + 11}, False),
        ({"iat": NOW_S + 9}, True),
        ({"iat": NOW_S + 11}, False),
        ({"aud": "avance"}, True),
        ({"aud": ["x", "avance"]}, True),
    ],
)
async def test_times_are_compared_with_a_little_leeway(
    claims: dict[str, Any], is_good: bool
) -> None:
    token = hs({"sub": "ana", **claims})
    if is_good:
        assert (await make().token(token)).user == "ana"
    else:
        with pytest.raises(Unauthenticated):
            await make().token(token)


async def test_after_the_leeway_it_has_expired() -> None:
    with pytest.raises(TokenExpired):
        await make().token(hs({"sub": "ana", "exp": NOW_S - 10}))


async def test_an_expired_token_with_another_fault_is_just_bad() -> None:
    auth = make(audience="avance")
    with pytest.raises(Unauthenticated):
        await auth.token(hs({"sub": "ana", "exp": NOW_S - 60, "aud": "other"}))


@pytest.mark.parametrize(
    ("claims", "is_good"),
    [
        ({"aud": "avance", "iss": "https://id"}, True),
        ({"aud": ["avance", "b"], "iss": "https://id"}, True),
        ({"aud": "other", "iss": "https://id"}, False),
        ({"aud": [], "iss": "https://id"}, False),
        ({"iss": "https://id"}, False),
        ({"aud": "avance"}, False),
        ({"aud": "avance", "iss": "https://other"}, False),
    ],
)
async def test_audience_and_issuer_must_be_ours(claims: dict[str, Any], is_good: bool) -> None:
    auth = make(audience="avance", issuer="https://id")
    if is_good:
        await auth.token(hs({"sub": "ana", **claims}))
        await auth.token(auth.issue("ana", ttl_s=60))
    else:
        with pytest.raises(Unauthenticated):
            await auth.token(hs({"sub": "ana", **claims}))


async def test_expire_at_overrides_the_end_of_the_connection_alone() -> None:
    auth = make()
    token = hs({"sub": "ana", "exp": NOW_S + 60, "expire_at": NOW_S + 600})
    assert (await auth.token(token)).expires_ms == (NOW_S + 600) * 1000
    token = hs({"sub": "ana", "exp": NOW_S + 60, "expire_at": 0})
    assert (await auth.token(token)).expires_ms is None
    with pytest.raises(TokenExpired):
        await auth.token(hs({"sub": "ana", "exp": NOW_S - 60, "expire_at": NOW_S + 600}))


async def test_a_short_secret_works_without_a_word_of_the_library() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        auth = make(secrets=(b"secret",))
        assert (await auth.token(auth.issue("ana", ttl_s=60))).user == "ana"


@pytest.mark.parametrize(
    "pem", [b"", b"x", b"-----BEGIN PUBLIC KEY-----\nAA\n-----END PUBLIC KEY-----"]
)
def test_a_file_that_is_no_public_key_is_refused_with_its_setting(pem: bytes) -> None:
    with pytest.raises(ConfigError) as refused:
        make(public_keys=(pem,))
    assert refused.value.params["setting"] == "token_public_keys"


def test_a_private_key_in_place_of_a_public_one_is_refused(pairs) -> None:
    with pytest.raises(ConfigError):
        make(public_keys=(pairs["RS256"].private_pem,))


class Broken(Revocations):
    """
    A memory that can be switched off.
    """

    def __init__(self) -> None:
        self.is_down = False
        self.kept: list[Revocation] = []

    async def add(self, revocation: Revocation) -> None:
        if self.is_down:
            raise Unavailable("down")
        self.kept.append(revocation)

    async def active(self, now_ms: int, *, limit: int) -> list[Revocation]:
        if self.is_down:
            raise Unavailable("down")
        return self.kept


async def test_what_another_node_revoked_is_refused_after_a_while() -> None:
    clock, kept = FakeClock(), Broken()
    here, there = (TokenAuth(TokenRules(secrets=(SECRET,)), clock, kept) for _ in range(2))
    token = here.issue("ana", ttl_s=600)
    identity = await here.token(token)
    await there.revoke(token_id=identity.token_id, until_ms=clock.now_ms() + 600_000)
    clock.advance(TokenLimits().revocations_ttl_s)
    with pytest.raises(Unauthenticated):
        await here.token(token)


async def test_revocations_that_were_read_hold_while_their_memory_is_down() -> None:
    clock, kept = FakeClock(), Broken()
    auth = TokenAuth(TokenRules(secrets=(SECRET,)), clock, kept)
    bad, good = auth.issue("ana", ttl_s=600), auth.issue("bob", ttl_s=600)
    identity = await auth.token(bad)
    await auth.revoke(token_id=identity.token_id, until_ms=clock.now_ms() + 600_000)
    kept.is_down = True
    clock.advance(60)
    with pytest.raises(Unauthenticated):
        await auth.token(bad)
    assert (await auth.token(good)).user == "bob"
    with pytest.raises(Unavailable):
        await auth.revoke(user="bob", until_ms=clock.now_ms() + 1)


async def test_before_revocations_were_ever_read_no_token_passes() -> None:
    kept = Broken()
    kept.is_down = True
    auth = TokenAuth(TokenRules(secrets=(SECRET,)), FakeClock(), kept)
    with pytest.raises(Unavailable):
        await auth.token(auth.issue("ana", ttl_s=60))


async def test_a_token_that_does_not_say_when_it_was_issued_falls_with_its_user() -> None:
    clock = FakeClock()
    auth = make(clock)
    token = hs({"sub": "ana", "exp": NOW_S + 600})
    await auth.token(token)
    await auth.revoke(user="ana", until_ms=clock.now_ms() + 600_000)
    clock.advance(1)
    with pytest.raises(Unauthenticated):
        await auth.token(token)
