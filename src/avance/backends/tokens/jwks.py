"""
The public keys of an issuer, fetched from its JWKS document (RFC 7517) and kept.
"""

import http.client
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import msgspec
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from avance.backends.tokens.keys import PublicKey, algorithms_of
from avance.errors import ConfigError, Unavailable
from avance.ports.auth import TokenLimits
from avance.ports.clock import Clock

logger = logging.getLogger("avance.tokens")

Fetch = Callable[[str, TokenLimits], bytes]
"""Runs in a thread; raises OSError where the document cannot be had."""
_CHUNK_BYTES = 16_384


class _Jwk(msgspec.Struct, frozen=True):
    kty: str
    kid: str | None = None
    use: str | None = None
    alg: str | None = None


class _Document(msgspec.Struct, frozen=True):
    keys: list[msgspec.Raw]


_document = msgspec.json.Decoder(_Document)
_jwk = msgspec.json.Decoder(_Jwk)


class RemoteKeys:
    """
    Fetches when a key is wanted: at most one fetch at a time, and never two within the interval, so that invented key ids
    cannot be used to flood the issuer.
    """

    def __init__(
        self, url: str, clock: Clock, limits: TokenLimits, fetch: Fetch | None = None
    ) -> None:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise ConfigError(
                f"jwks_url is {url!r}; it must be an http or https address", setting="jwks_url"
            )
        self._url = url
        self._clock = clock
        self._limits = limits
        self._fetch = fetch or fetch_document
        self._keys: Sequence[PublicKey] = ()
        self._fetched_s: float | None = None
        self._tried_s: float | None = None
        self._failure: str | None = None
        self._lock = anyio.Lock()

    async def candidates(self, algorithm: str, kid: str | None) -> Sequence[object]:
        """
        The keys that may have signed; fetched anew where they are old or none has this id.

        Raises:
            Unavailable: There are no keys that are fresh enough, and no fetch succeeds now.
        """
        found = self._fitting(algorithm, kid)
        if not found or self._is_older_than(self._limits.jwks_ttl_s):
            # With keys in hand nobody waits for somebody else's fetch.
            if found and self._lock.locked():
                return found
            await self._refresh(algorithm, kid)
            found = self._fitting(algorithm, kid)
        if self._is_older_than(self._limits.jwks_stale_s):
            raise Unavailable(
                f"the keys that verify tokens cannot be fetched from {self._url} ({self._failure}); try again",
                code="keys_unavailable",
            )
        return found

    def _fitting(self, algorithm: str, kid: str | None) -> Sequence[object]:
        return [key.key for key in self._keys if key.fits(algorithm, kid)]

    def _is_older_than(self, age_s: float) -> bool:
        return self._fetched_s is None or self._clock.monotonic_s() - self._fetched_s > age_s

    async def _refresh(self, algorithm: str, kid: str | None) -> None:
        async with self._lock:
            is_answered = self._fitting(algorithm, kid) and not self._is_older_than(
                self._limits.jwks_ttl_s
            )
            now_s = self._clock.monotonic_s()
            is_too_soon = (
                self._tried_s is not None and now_s - self._tried_s < self._limits.jwks_interval_s
            )
            if is_answered or is_too_soon:
                return
            self._tried_s = now_s
            try:
                with anyio.fail_after(self._limits.jwks_timeout_s):
                    body = await anyio.to_thread.run_sync(
                        self._fetch, self._url, self._limits, abandon_on_cancel=True
                    )
                self._keys = read_document(body, self._limits)
                self._fetched_s, self._failure = now_s, None
            except (OSError, ValueError, http.client.HTTPException) as error:
                self._failure = f"{type(error).__name__}: {error}"
                logger.warning(
                    "the token keys of %s were not fetched: %s", self._url, self._failure
                )


def read_document(body: bytes, limits: TokenLimits) -> Sequence[PublicKey]:
    """
    The signing keys of a document; entries of other kinds, symmetric ones among them, are passed over.

    Raises:
        ValueError: It is not a JWKS document, or holds no key that could verify a token.
    """
    raws = _document.decode(body).keys[: limits.jwks_keys_max]
    keys = [key for key in (_read_key(bytes(raw)) for raw in raws) if key is not None]
    if not keys:
        raise ValueError("the document holds no public signing key")
    return keys


def _read_key(raw: bytes) -> PublicKey | None:
    try:
        entry = _jwk.decode(raw)
        if entry.kty == "oct" or entry.use not in (None, "sig"):
            return None
        key = PyJWK.from_json(raw.decode()).key
    except (PyJWTError, ValueError, TypeError):
        return None
    algorithms = algorithms_of(key)
    if entry.alg is not None:
        algorithms &= {entry.alg}
    return PublicKey(key=key, algorithms=algorithms, kid=entry.kid) if algorithms else None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def fetch_document(url: str, limits: TokenLimits) -> bytes:
    """
    Read it over HTTP, without redirects, within the limits of size and time.
    """
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        _NoRedirects(),
    ):
        opener.add_handler(handler)
    request = urllib.request.Request(url, headers={"Accept": "application/json"})
    deadline_s = time.monotonic() + limits.jwks_timeout_s
    body = bytearray()
    with opener.open(request, timeout=limits.jwks_timeout_s) as response:
        while chunk := response.read1(_CHUNK_BYTES):
            body += chunk
            if len(body) > limits.jwks_bytes_max:
                raise ValueError(f"the document is over {limits.jwks_bytes_max} bytes")
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"the document took over {limits.jwks_timeout_s} s")
    return bytes(body)
