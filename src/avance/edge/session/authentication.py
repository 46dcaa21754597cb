"""
Who a client is, from what it brought to connect.
"""

from typing import TYPE_CHECKING

from avance.edge.http.access import caller_of
from avance.edge.http.authenticate import Credentials, identify, read_credentials
from avance.errors import Unauthenticated
from avance.ports.auth import OPEN_IDENTITY, Identity, TokenExpired
from avance.protocol import messages as m
from avance.protocol.claims import ConnectClaims, connect_claims
from avance.protocol.codes import (
    DISCONNECT_BAD_REQUEST,
    DISCONNECT_INVALID_TOKEN,
    ERROR_TOKEN_EXPIRED,
    ProtocolDisconnect,
    ReplyError,
)

if TYPE_CHECKING:
    from avance.edge.session.connection import Connection

ANONYMOUS = Identity(user="")


async def authenticate(c: "Connection", request: m.ConnectRequest) -> Identity:
    """
    Verify what the command, or else the handshake, brought.

    Raises:
        ProtocolDisconnect: Nothing, or nothing good.
        ReplyError: The token has expired (109).
    """
    try:
        credentials = _credentials(c, request)
        if credentials is None:
            return _without(c)
        identity = await _verify(c, credentials)
    except TokenExpired as error:
        raise ReplyError(ERROR_TOKEN_EXPIRED, str(error)) from error
    except Unauthenticated as error:
        raise ProtocolDisconnect(DISCONNECT_INVALID_TOKEN, error.message) from error
    return identity


def claims_of(identity: Identity) -> ConnectClaims:
    """
    The claims of a connection token; those of an API key are empty.
    """
    try:
        return connect_claims(identity.claims)
    except Unauthenticated as error:
        raise ProtocolDisconnect(DISCONNECT_INVALID_TOKEN, error.message) from error


def scope_of(identity: Identity) -> str | None:
    """
    The one channel that the token is for, or None for a token of the user.
    """
    try:
        return caller_of(identity).channel
    except Unauthenticated as error:
        raise ProtocolDisconnect(DISCONNECT_INVALID_TOKEN, error.message) from error


async def _verify(c: "Connection", credentials: Credentials) -> Identity:
    gateway = c.gateway
    if credentials.key is not None or credentials.is_from_query:
        return await identify(gateway.auth, credentials, gateway.clock, gateway.http_limits)
    identity = await gateway.auth.token(credentials.token or "")
    settings = gateway.settings
    if not identity.user and not (settings.has_anonymous or settings.is_insecure):
        raise Unauthenticated("the token names no user (sub)", code="invalid_token")
    return identity


def _credentials(c: "Connection", request: m.ConnectRequest) -> Credentials | None:
    if request.token:
        return Credentials(token=request.token)
    if c.gateway.settings.is_insecure:
        return None
    headers = {name.lower(): value for name, value in request.headers.items()}
    return read_credentials({**c.handshake.headers, **headers}, c.handshake.query)


def _without(c: "Connection") -> Identity:
    settings = c.gateway.settings
    if settings.is_insecure:
        return ANONYMOUS
    if c.gateway.auth.is_open:
        return OPEN_IDENTITY
    if settings.has_anonymous:
        return ANONYMOUS
    raise ProtocolDisconnect(DISCONNECT_BAD_REQUEST, "there is no token")
