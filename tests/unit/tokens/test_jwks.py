"""
Keys that an issuer publishes: fetched when needed, kept, never fetched in floods.
"""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import anyio
import pytest

from avance.backends.tokens import MemoryRevocations, TokenAuth
from avance.backends.tokens.jwks import fetch_document
from avance.errors import ConfigError, Unauthenticated, Unavailable
from avance.ports.auth import TokenLimits, TokenRules
from avance.testing.clock import FakeClock

SECRET = b"0123456789abcdef0123456789abcdef"
URL = "https://id.example/keys"


class Issuer:
    """
    Answers what it is told, and counts.
    """

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.keys = list(keys)
        self.fetches = 0
        self.failure: Exception | None = None

    def __call__(self, url: str, limits: TokenLimits) -> bytes:
        self.fetches += 1
        if self.failure is not None:
            raise self.failure
        return json.dumps({"keys": self.keys}).encode()


def make(issuer: Issuer, clock: FakeClock | None = None) -> TokenAuth:
    return TokenAuth(
        TokenRules(secrets=(SECRET,), jwks_url=URL),
        clock or FakeClock(),
        MemoryRevocations(),
        fetch=issuer,
    )


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "ES512", "EdDSA"])
async def test_a_published_key_verifies(pairs, algorithm: str) -> None:
    pair = pairs[algorithm]
    auth = make(Issuer(pair.jwk(kid="1")))
    assert (await auth.token(pair.sign({"sub": "ana"}, kid="1"))).user == "ana"
    assert (await auth.token(pair.sign({"sub": "ana"}))).user == "ana"


async def test_own_tokens_need_no_issuer(pairs) -> None:
    issuer = Issuer()
    issuer.failure = OSError("down")
    auth = make(issuer)
    assert (await auth.token(auth.issue("ana", ttl_s=60))).user == "ana"
    assert issuer.fetches == 0


async def test_many_tokens_at_once_make_one_fetch(pairs) -> None:
    pair = pairs["ES256"]
    issuer = Issuer(pair.jwk(kid="1"))
    auth = make(issuer)
    token = pair.sign({"sub": "ana"}, kid="1")
    users: list[str] = []

    async def verify() -> None:
        users.append((await auth.token(token)).user)

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(verify)
    assert users == ["ana"] * 20
    assert issuer.fetches == 1


async def test_a_new_key_is_found_and_invented_ones_do_not_flood_the_issuer(pairs) -> None:
    clock, old, new = FakeClock(), pairs["ES256"], pairs["RS256"]
    issuer = Issuer(old.jwk(kid="old"))
    auth = make(issuer, clock)
    await auth.token(old.sign({"sub": "ana"}, kid="old"))
    clock.advance(TokenLimits().jwks_interval_s)
    issuer.keys.append(new.jwk(kid="new"))
    assert (await auth.token(new.sign({"sub": "bob"}, kid="new"))).user == "bob"
    for number in range(50):
        with pytest.raises(Unauthenticated):
            await auth.token(new.sign({"sub": "eve"}, kid=f"invented-{number}"))
    assert issuer.fetches == 2


async def test_a_key_that_was_withdrawn_is_forgotten_after_its_time(pairs) -> None:
    clock, pair = FakeClock(), pairs["ES256"]
    issuer = Issuer(pair.jwk(kid="1"))
    auth = make(issuer, clock)
    token = pair.sign({"sub": "ana"}, kid="1")
    await auth.token(token)
    issuer.keys[:] = [pairs["RS256"].jwk(kid="2")]
    await auth.token(token)
    clock.advance(TokenLimits().jwks_ttl_s + 1)
    with pytest.raises(Unauthenticated):
        await auth.token(token)


async def test_keys_serve_on_while_the_issuer_is_down_but_not_for_ever(pairs) -> None:
    clock, pair = FakeClock(), pairs["ES256"]
    issuer = Issuer(pair.jwk(kid="1"))
    auth = make(issuer, clock)
    token = pair.sign({"sub": "ana"}, kid="1")
    await auth.token(token)
    issuer.failure = OSError("down")
    clock.advance(TokenLimits().jwks_ttl_s + 1)
    assert (await auth.token(token)).user == "ana"
    clock.advance(TokenLimits().jwks_stale_s)
    with pytest.raises(Unavailable):
        await auth.token(token)


@pytest.mark.parametrize("failure", [OSError("down"), ValueError("no JSON"), TimeoutError()])
async def test_without_any_key_the_answer_is_unavailable(pairs, failure: Exception) -> None:
    issuer = Issuer()
    issuer.failure = failure
    with pytest.raises(Unavailable):
        await make(issuer).token(pairs["ES256"].sign({"sub": "ana"}))


async def test_symmetric_encryption_and_broken_entries_are_passed_over(pairs) -> None:
    pair = pairs["RS256"]
    oct_key = {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I", "kid": "o"}
    issuer = Issuer(
        oct_key,
        {"kty": "RSA", "n": "x", "e": "!"},
        {"kty": "EC", "crv": "P-0"},
        {"nothing": True},
        pair.jwk(kid="enc", use="enc"),
        pairs["ES256"].jwk(kid="es", alg="ES384"),
        pair.jwk(kid="good", use="sig", alg="RS256"),
    )
    auth = make(issuer)
    assert (await auth.token(pair.sign({"sub": "ana"}, kid="good"))).user == "ana"
    for token in (
        pair.sign({"sub": "ana"}, kid="enc"),
        pairs["RS512"].sign({"sub": "ana"}, kid="good"),
        pairs["ES256"].sign({"sub": "ana"}, kid="es"),
    ):
        with pytest.raises(Unauthenticated):
            await auth.token(token)


@pytest.mark.parametrize("url", ["", "keys", "file:///etc/passwd", "ftp://x/keys", "http://"])
def test_an_address_that_is_not_http_is_refused_with_its_setting(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        TokenAuth(TokenRules(secrets=(SECRET,), jwks_url=url), FakeClock(), MemoryRevocations())
    assert refused.value.params["setting"] == "jwks_url"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/redirect":
            self.send_response(302)
            self.send_header("Location", "/keys")
            self.end_headers()
            return
        body = b"x" * 5_000 if self.path == "/long" else b'{"keys":[]}'
        self.send_response(500 if self.path == "/error" else 200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """
        Tests are quiet.
        """


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join(5)


def test_a_document_is_read_over_http_within_its_limits(address: str) -> None:
    limits = TokenLimits(jwks_bytes_max=1_000)
    assert fetch_document(f"{address}/keys", limits) == b'{"keys":[]}'
    with pytest.raises(ValueError, match="over 1000 bytes"):
        fetch_document(f"{address}/long", limits)
    for path in ("/error", "/redirect"):
        with pytest.raises(OSError, match="HTTP Error"):
            fetch_document(address + path, limits)
