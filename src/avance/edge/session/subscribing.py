"""
Subscriptions: whether a client may have one, and what it is told first.
"""

from typing import TYPE_CHECKING

import msgspec

from avance.edge.session.form import form_of
from avance.errors import Unauthenticated
from avance.hub.item import Item
from avance.hub.namespaces import Namespace
from avance.hub.subscription import Joined, Unrecovered, Wish
from avance.model.stream import Position
from avance.ports.auth import TokenExpired
from avance.protocol import messages as m
from avance.protocol.channel import check_channel
from avance.protocol.claims import Override, SubscribeClaims, SubscriptionClaims, subscribe_claims
from avance.protocol.codes import (
    DISCONNECT_BAD_REQUEST,
    DISCONNECT_INVALID_TOKEN,
    ERROR_ALREADY_SUBSCRIBED,
    ERROR_BAD_REQUEST,
    ERROR_LIMIT_EXCEEDED,
    ERROR_NOT_AVAILABLE,
    ERROR_PERMISSION_DENIED,
    ERROR_TOKEN_EXPIRED,
    ERROR_UNKNOWN_CHANNEL,
    ERROR_UNRECOVERABLE_POSITION,
    UNSUBSCRIBE_EXPIRED,
    ProtocolDisconnect,
    ReplyError,
)
from avance.protocol.recovery import FLAG_REJECT_UNRECOVERED

if TYPE_CHECKING:
    from avance.edge.session.connection import Connection

DELTA = "fossil"


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a subscription is, settled between the namespace, the token and the request.
    """

    wish: Wish
    is_delta: bool = False
    is_recoverable: bool = False
    is_positioned: bool = False
    ttl_s: int | None = None
    data: bytes = b""


async def subscribe(c: "Connection", command_id: int, request: m.SubscribeRequest) -> None:
    namespace = _check_request(c, request)
    claims = await _permit(c, request, namespace)
    ttl_s, expires_s = c.gateway.term(None if claims is None else claims.expires_at_s)
    if ttl_s is not None and ttl_s <= 0:
        raise ReplyError(ERROR_TOKEN_EXPIRED, "the token's expire_at is over")
    terms = _terms(c, request, namespace, claims, ttl_s)

    def tell(joined: Joined) -> None:
        c.reply(command_id, _result(c, terms, joined))
        c.flush()

    try:
        subscription = await c.gateway.hub.subscribe(
            request.channel, c.outlet, form_of(c.codec, is_delta=terms.is_delta), terms.wish, tell
        )
    except Unrecovered as error:
        raise ReplyError(ERROR_UNRECOVERABLE_POSITION, str(error)) from error
    c.keep(subscription, is_server_side=False, expires_s=expires_s)


async def refresh_subscription(
    c: "Connection", command_id: int, request: m.SubRefreshRequest
) -> None:
    if request.type:
        raise ReplyError(ERROR_NOT_AVAILABLE, "there is no shared poll here")
    if not request.token:
        raise ReplyError(ERROR_BAD_REQUEST, "sub_refresh came without a token")
    sub = c.subs.get(request.channel)
    if sub is None:
        raise ReplyError(ERROR_PERMISSION_DENIED, f"{request.channel} is not subscribed")
    try:
        claims = await _claims(c, request.channel, request.token)
    except TokenExpired:
        c.reply(command_id, m.SubRefreshResult())
        c.unsubscribe(request.channel, UNSUBSCRIBE_EXPIRED)
        return
    except Unauthenticated as error:
        raise ProtocolDisconnect(DISCONNECT_INVALID_TOKEN, error.message) from error
    ttl_s, sub.expires_s = c.gateway.term(claims.expires_at_s)
    c.reschedule()
    c.reply(command_id, m.SubRefreshResult(expires=ttl_s is not None, ttl=max(ttl_s or 0, 0)))


async def subscribe_at_connect(
    c: "Connection",
    channel: str,
    claims: SubscriptionClaims,
    request: m.SubscribeRequest | None,
) -> m.SubscribeResult | None:
    """
    Make a server-side subscription whose beginning is told in the connect reply.
    """
    results: list[m.SubscribeResult] = []
    request = request or m.SubscribeRequest()
    terms = _terms(c, request, _known(c, channel), claims, None)

    def tell(joined: Joined) -> None:
        result = _result(c, terms, joined)
        if result.publications:
            # Clients deliver what comes with a server-side subscription only when it counts as recovered.
            result = msgspec.structs.replace(result, recovered=True)
        results.append(result)

    subscription = await c.gateway.hub.subscribe(
        channel, c.outlet, form_of(c.codec, is_delta=False), terms.wish, tell
    )
    c.keep(subscription, is_server_side=True)
    return results[0] if results else None


async def subscribe_by_server(c: "Connection", channel: str, data: bytes) -> None:
    """
    Make a server-side subscription and tell the client by a push.
    """
    if channel in c.subs or c.is_over:
        return
    terms = _terms(c, m.SubscribeRequest(), _known(c, channel), SubscriptionClaims(), None)

    def tell(joined: Joined) -> None:
        result = _result(c, terms, joined)
        c.push(
            m.Push(
                channel=channel,
                subscribe=m.Subscribe(
                    recoverable=result.recoverable,
                    positioned=result.positioned,
                    epoch=result.epoch,
                    offset=result.offset,
                    data=data,
                ),
            )
        )
        for publication in result.publications:
            c.push(m.Push(channel=channel, pub=publication))

    subscription = await c.gateway.hub.subscribe(
        channel, c.outlet, form_of(c.codec, is_delta=False), terms.wish, tell
    )
    c.keep(subscription, is_server_side=True)


def _check_request(c: "Connection", request: m.SubscribeRequest) -> Namespace:
    namespace = _known(c, request.channel)
    if len(c.subs) >= c.gateway.settings.subscriptions_max:
        raise ReplyError(ERROR_LIMIT_EXCEEDED, f"{len(c.subs)} channels are subscribed already")
    if request.channel in c.subs:
        raise ReplyError(ERROR_ALREADY_SUBSCRIBED, f"{request.channel} is subscribed already")
    if request.delta not in ("", DELTA):
        raise ProtocolDisconnect(DISCONNECT_BAD_REQUEST, f"unknown delta type {request.delta!r}")
    return namespace


def _known(c: "Connection", channel: str) -> Namespace:
    check_channel(channel)
    namespace = c.gateway.hub.namespaces.of(channel)
    if namespace is None:
        raise ReplyError(ERROR_UNKNOWN_CHANNEL, f"{channel} is in no known namespace")
    return namespace


async def _permit(
    c: "Connection", request: m.SubscribeRequest, namespace: Namespace
) -> SubscribeClaims | None:
    """
    Let the caller pass, by its token or else by the rules of the namespace.
    """
    gateway = c.gateway
    claims: SubscribeClaims | None = None
    if gateway.settings.is_insecure:
        pass
    elif request.token:
        try:
            claims = await _claims(c, request.channel, request.token)
        except TokenExpired as error:
            raise ReplyError(ERROR_TOKEN_EXPIRED, str(error)) from error
        except Unauthenticated as error:
            raise ReplyError(ERROR_PERMISSION_DENIED, error.message) from error
    elif not await gateway.access.may_subscribe(
        c.identity, request.channel, namespace, scope=c.scope
    ):
        raise ReplyError(ERROR_PERMISSION_DENIED, f"{c.user!r} may not see {request.channel}")
    if request.type:
        raise ReplyError(ERROR_NOT_AVAILABLE, "there are no maps here")
    if request.tf is not None:
        raise ReplyError(ERROR_BAD_REQUEST, "publications are not filtered by tags here")
    return claims


async def _claims(c: "Connection", channel: str, token: str) -> SubscribeClaims:
    identity = await c.gateway.auth.token(token)
    claims = subscribe_claims(identity.claims)
    if claims.channel != channel or claims.sub != c.user or claims.client not in ("", c.client):
        raise ProtocolDisconnect(
            DISCONNECT_INVALID_TOKEN, f"the token for {channel} is of another channel or client"
        )
    return claims


def _terms(
    c: "Connection",
    request: m.SubscribeRequest,
    namespace: Namespace,
    claims: SubscriptionClaims | None,
    ttl_s: int | None,
) -> Terms:
    if claims is not None and claims.override is not None:
        namespace = _overridden(namespace, claims.override)
    has_history = not namespace.is_ephemeral
    is_recoverable = has_history and (
        namespace.force_recovery
        or (namespace.allow_recovery and (request.recoverable or request.recover))
    )
    is_positioned = is_recoverable or (
        has_history and (namespace.force_positioning or request.positioned)
    )
    since = (
        Position(epoch=request.epoch, offset=request.offset)
        if request.recover and is_recoverable
        else None
    )
    chan_info = b"" if claims is None else claims.info
    return Terms(
        wish=Wish(
            since=since,
            only_recovered=bool(request.flag & FLAG_REJECT_UNRECOVERED),
            wants_joins=namespace.join_leave
            and (namespace.force_push_join_leave or request.join_leave),
            member=c.member(chan_info),
            is_present=namespace.presence,
            is_announced=namespace.join_leave,
        ),
        is_delta=request.delta == DELTA and namespace.delta and has_history,
        is_recoverable=is_recoverable,
        is_positioned=is_positioned,
        ttl_s=ttl_s,
        data=b"" if claims is None else claims.data,
    )


def _overridden(namespace: Namespace, override: Override) -> Namespace:
    changes = {
        name: flag.value
        for name in override.__struct_fields__
        if (flag := getattr(override, name)) is not None
    }
    return msgspec.structs.replace(namespace, **changes)


def _result(c: "Connection", terms: Terms, joined: Joined) -> m.SubscribeResult:
    publications = [_publication(item) for item in joined.publications]
    if terms.is_delta:
        publications = c.codec.recovered(publications)
    return m.SubscribeResult(
        expires=terms.ttl_s is not None,
        ttl=terms.ttl_s or 0,
        recoverable=terms.is_recoverable,
        epoch=joined.position.epoch if terms.is_positioned else "",
        publications=publications,
        recovered=joined.is_recovered,
        offset=joined.position.offset if terms.is_positioned else 0,
        positioned=terms.is_positioned,
        data=terms.data,
        was_recovering=joined.was_recovering,
        delta=terms.is_delta,
    )


def _publication(item: Item) -> m.Publication:
    return m.Publication(
        data=item.data,
        info=item.info,
        offset=item.offset,
        tags=dict(item.tags) if item.tags else {},
    )
