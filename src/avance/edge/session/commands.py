"""
What each command of a client does. A handler answers itself; one that has to wait returns an awaitable.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from avance.edge.session.access import is_allowed, is_reserved
from avance.edge.session.authentication import claims_of
from avance.edge.session.connecting import connect
from avance.edge.session.payload import kept_payload
from avance.edge.session.subscribing import refresh_subscription, subscribe
from avance.errors import InvalidRequest, Unauthenticated
from avance.hub.namespaces import Allow, Namespace
from avance.ports.auth import Identity, TokenExpired
from avance.protocol import messages as m
from avance.protocol.channel import check_channel
from avance.protocol.codec import PROTOBUF
from avance.protocol.codes import (
    DISCONNECT_BAD_REQUEST,
    DISCONNECT_EXPIRED,
    DISCONNECT_INSUFFICIENT_STATE,
    DISCONNECT_INVALID_TOKEN,
    ERROR_BAD_REQUEST,
    ERROR_METHOD_NOT_FOUND,
    ERROR_NOT_AVAILABLE,
    ERROR_PERMISSION_DENIED,
    ERROR_UNKNOWN_CHANNEL,
    ProtocolDisconnect,
    ReplyError,
)

if TYPE_CHECKING:
    from avance.edge.session.connection import Connection

Handler = Callable[["Connection", int, Any], Awaitable[None] | None]
Rpc = Callable[[Identity, bytes], Awaitable[bytes]]
"""A method that clients may call: who calls, and JSON; the answer is JSON on one line. It may raise `ReplyError` with a code from 400."""


def unsubscribe(c: "Connection", command_id: int, request: m.UnsubscribeRequest) -> None:
    c.end(request.channel)
    c.reply(command_id, m.UnsubscribeResult())


async def publish(c: "Connection", command_id: int, request: m.PublishRequest) -> None:
    namespace = _namespace(c, request.channel)
    if request.type or request.key or request.removed:
        raise ReplyError(ERROR_NOT_AVAILABLE, "there are no maps here")
    if is_reserved(request.channel):
        raise ReplyError(ERROR_PERMISSION_DENIED, f"only avance writes to {request.channel}")
    _check(c, request.channel, namespace.allow_publish)
    member = c.member()
    sub = c.subs.get(request.channel)
    if sub is not None and sub.subscription.wish.member is not None:
        member = sub.subscription.wish.member
    await c.gateway.publisher.publish(
        request.channel,
        _payload(c, request.data),
        info=m.ClientInfo(
            user=member.user,
            client=member.client,
            conn_info=member.conn_info or b"",
            chan_info=member.chan_info or b"",
        ),
    )
    c.reply(command_id, m.PublishResult())


async def presence(c: "Connection", command_id: int, request: m.PresenceRequest) -> None:
    found = await _members(c, request.channel)
    c.reply(command_id, m.PresenceResult(presence=found))


async def presence_stats(c: "Connection", command_id: int, request: m.PresenceStatsRequest) -> None:
    found = await _members(c, request.channel)
    users = {info.user for info in found.values()}
    c.reply(command_id, m.PresenceStatsResult(num_clients=len(found), num_users=len(users)))


async def history(c: "Connection", command_id: int, request: m.HistoryRequest) -> None:
    namespace = _namespace(c, request.channel)
    if namespace.is_ephemeral:
        raise ReplyError(ERROR_NOT_AVAILABLE, f"{request.channel} keeps no history")
    _check(c, request.channel, namespace.allow_history)
    c.reply(
        command_id,
        await c.gateway.histories.read(
            request, namespace, limit_max=c.gateway.settings.history_limit_max
        ),
    )


async def rpc(c: "Connection", command_id: int, request: m.RPCRequest) -> None:
    methods = c.gateway.rpc
    if not methods:
        raise ReplyError(ERROR_NOT_AVAILABLE, "there are no methods to call")
    method = methods.get(request.method)
    if method is None:
        raise ReplyError(ERROR_METHOD_NOT_FOUND, f"there is no method {request.method!r}")
    if c.scope is not None:
        raise ReplyError(ERROR_PERMISSION_DENIED, f"the token is for {c.scope} alone")
    data = _payload(c, request.data) if request.data else b"null"
    c.reply(command_id, m.RPCResult(data=await method(c.identity, data)))


async def refresh(c: "Connection", command_id: int, request: m.RefreshRequest) -> None:
    if not request.token:
        raise ProtocolDisconnect(DISCONNECT_BAD_REQUEST, "refresh came without a token")
    try:
        identity = await c.gateway.auth.token(request.token)
    except TokenExpired as error:
        raise ProtocolDisconnect(DISCONNECT_EXPIRED, str(error)) from error
    except Unauthenticated as error:
        raise ProtocolDisconnect(DISCONNECT_INVALID_TOKEN, error.message) from error
    claims = claims_of(identity)
    if identity.user != c.user:
        raise ProtocolDisconnect(DISCONNECT_INVALID_TOKEN, "the new token is of another user")
    if frozenset((*claims.channels, *claims.subs)) != c.server_side:
        raise ProtocolDisconnect(DISCONNECT_INSUFFICIENT_STATE, "the new token has other channels")
    ttl_s = c.expire_at(claims.expires_at_s)
    c.reply(
        command_id,
        m.RefreshResult(
            client=c.client,
            version=c.gateway.settings.version,
            expires=ttl_s is not None,
            ttl=ttl_s or 0,
        ),
    )


async def _members(c: "Connection", channel: str) -> dict[str, m.ClientInfo]:
    namespace = _namespace(c, channel)
    if not namespace.presence:
        raise ReplyError(ERROR_NOT_AVAILABLE, f"{channel} has no presence")
    _check(c, channel, namespace.allow_presence)
    return {
        client: m.ClientInfo(
            user=member.user,
            client=member.client,
            conn_info=member.conn_info or b"",
            chan_info=member.chan_info or b"",
        )
        for client, member in (await c.gateway.hub.watchers(channel)).items()
    }


def _namespace(c: "Connection", channel: str) -> Namespace:
    check_channel(channel)
    namespace = c.gateway.hub.namespaces.of(channel)
    if namespace is None:
        raise ReplyError(ERROR_UNKNOWN_CHANNEL, f"{channel} is in no known namespace")
    return namespace


def _check(c: "Connection", channel: str, allow: Allow) -> None:
    if c.gateway.settings.is_insecure:
        return
    is_subscribed = channel in c.subs
    if (c.scope is not None and c.scope != channel) or not is_allowed(
        allow, c.identity, is_subscribed=is_subscribed
    ):
        raise ReplyError(ERROR_PERMISSION_DENIED, f"{c.user!r} may not do this in {channel}")


def _payload(c: "Connection", data: bytes) -> bytes:
    if not data:
        raise ReplyError(ERROR_BAD_REQUEST, "there is no data")
    try:
        # The JSON codec has read the value already, and frames hold no line breaks.
        return kept_payload(data) if c.codec is PROTOBUF else data
    except InvalidRequest as error:
        raise ReplyError(ERROR_BAD_REQUEST, error.message) from error


HANDLERS: Mapping[str, Handler] = {
    "connect": connect,
    "subscribe": subscribe,
    "unsubscribe": unsubscribe,
    "publish": publish,
    "presence": presence,
    "presence_stats": presence_stats,
    "history": history,
    "rpc": rpc,
    "refresh": refresh,
    "sub_refresh": refresh_subscription,
}
