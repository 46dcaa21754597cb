"""
The connect command: who it is, whether there is room, which channels come with it.
"""

import secrets
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

from avance.edge.session.authentication import authenticate, claims_of, scope_of
from avance.edge.session.subscribing import subscribe_at_connect
from avance.errors import InvalidRequest
from avance.ports.auth import Identity
from avance.protocol import messages as m
from avance.protocol.channel import personal
from avance.protocol.claims import ConnectClaims, SubscriptionClaims
from avance.protocol.codes import (
    DISCONNECT_CONNECTION_LIMIT,
    ERROR_LIMIT_EXCEEDED,
    ERROR_TOKEN_EXPIRED,
    ProtocolDisconnect,
    ReplyError,
)

if TYPE_CHECKING:
    from avance.edge.session.connection import Connection

SECRET_BYTES = 24


async def connect(c: "Connection", command_id: int, request: m.ConnectRequest) -> None:
    identity = await authenticate(c, request)
    claims = claims_of(identity)
    _settle(c, identity, claims, request)
    _check_room(c)
    channels = dict(_server_side(c, claims))
    if len(channels) > c.gateway.settings.subscriptions_max:
        raise ReplyError(ERROR_LIMIT_EXCEEDED, f"the token lists {len(channels)} channels")
    ttl_s = c.expire_at(claims.expires_at_s)
    if ttl_s is not None and ttl_s <= 0:
        raise ReplyError(ERROR_TOKEN_EXPIRED, "the token's expire_at is over")
    subs: dict[str, m.SubscribeResult] = {}
    if channels:
        # What these channels publish from now on must not overtake the reply that tells of them.
        c.outlet.hold()
    for channel, sub_claims in channels.items():
        result = await subscribe_at_connect(c, channel, sub_claims, request.subs.get(channel))
        if result is not None:
            subs[channel] = result
    if not c.is_over:
        # Others may have come while this one waited.
        _check_room(c)
        c.connected(_result(c, subs, ttl_s), command_id)


def _settle(
    c: "Connection", identity: Identity, claims: ConnectClaims, request: m.ConnectRequest
) -> None:
    c.client = str(uuid.uuid4())
    c.identity = identity
    c.info = identity.info or claims.info
    c.scope = scope_of(identity)
    c.name = request.name[:64]
    c.sdk_version = request.version[:64]
    c.server_side = frozenset((*claims.channels, *claims.subs))
    if c.is_emulated:
        c.session = secrets.token_urlsafe(SECRET_BYTES)


def _check_room(c: "Connection") -> None:
    settings, roster = c.gateway.settings, c.gateway.hub.roster
    per_user, per_address = settings.connections_per_user_max, settings.connections_per_address_max
    is_full = (
        len(roster) >= settings.connections_max
        or (per_user is not None and c.user and roster.count_of_user(c.user) >= per_user)
        or (per_address is not None and roster.count_of_address(c.address) >= per_address)
    )
    if is_full:
        raise ProtocolDisconnect(
            DISCONNECT_CONNECTION_LIMIT, f"there is no room for {c.user!r} from {c.address}"
        )


def _server_side(
    c: "Connection", claims: ConnectClaims
) -> Iterator[tuple[str, SubscriptionClaims]]:
    for channel in claims.channels:
        yield channel, SubscriptionClaims()
    yield from claims.subs.items()
    settings = c.gateway.settings
    if settings.has_personal_channel and c.user and c.scope is None:
        try:
            yield (
                personal(c.user, namespace=settings.personal_namespace),
                SubscriptionClaims(info=c.info),
            )
        except InvalidRequest:
            # Some user ids cannot stand in a channel name; such a user has no personal channel.
            return


def _result(
    c: "Connection", subs: dict[str, m.SubscribeResult], ttl_s: int | None
) -> m.ConnectResult:
    settings = c.gateway.settings
    return m.ConnectResult(
        client=c.client,
        version=settings.version,
        expires=ttl_s is not None,
        ttl=ttl_s or 0,
        subs=subs,
        ping=max(1, round(settings.ping_interval_s)) if settings.ping_interval_s else 0,
        pong=settings.ping_interval_s > 0,
        session=c.session,
        node=c.gateway.hub.node if c.is_emulated else "",
        time=c.gateway.clock.now_ms(),
    )
