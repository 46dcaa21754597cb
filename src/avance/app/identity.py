"""
Who may come in, by the settings.
"""

import secrets
from pathlib import Path

from avance.backends.tokens import OpenAuth, TokenAuth, load_secret
from avance.config import AuthMode, Settings
from avance.errors import ConfigError
from avance.ports.auth import Auth, Revocations, TokenRules
from avance.ports.clock import Clock

_SECRET_BYTES = 32


def open_auth(settings: Settings, clock: Clock, revocations: Revocations) -> Auth:
    """
    Token verification, and in open mode everybody beside it.

    Raises:
        ConfigError: A key file cannot be read.
    """
    rules = TokenRules(
        secrets=_secrets(settings),
        public_keys=tuple(_read_key(path) for path in settings.token_public_keys),
        jwks_url=settings.jwks_url,
        audience=settings.token_audience,
        issuer=settings.token_issuer,
    )
    tokens = TokenAuth(
        rules, clock, revocations, api_keys=settings.api_keys, limits=settings.tokens
    )
    return OpenAuth(tokens) if settings.auth is AuthMode.OPEN else tokens


def _secrets(settings: Settings) -> tuple[bytes, ...]:
    given = [
        one.reveal().encode()
        for one in (settings.token_secret, settings.token_secret_previous)
        if one is not None
    ]
    if settings.token_secret is not None:
        return tuple(given)
    if settings.store_url.endswith(":memory:"):
        # What is kept nowhere needs no tokens that outlive it.
        return (secrets.token_bytes(_SECRET_BYTES), *given)
    return (load_secret(Path(settings.data)), *given)


def _read_key(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(
            f"the public key {path} cannot be read: {error.strerror}; correct token_public_keys",
            setting="token_public_keys",
            value=path,
        ) from error
