"""
`POST /api/<method>`: what back ends ask, in the words of Centrifugo's HTTP API, so that its client libraries work here.
"""

import base64
import binascii
import fnmatch
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from avance.edge.http import problem
from avance.edge.http.access import caller_of
from avance.edge.http.authenticate import identify, read_credentials
from avance.edge.session.access import is_reserved
from avance.edge.session.body import read_body
from avance.edge.session.gateway import Gateway
from avance.edge.session.payload import kept_payload
from avance.errors import AvanceError, InvalidRequest, NotFound, Unauthenticated, Unavailable
from avance.hub import letters
from avance.hub.namespaces import Namespace
from avance.model.stream import Position
from avance.ports.auth import TokenExpired
from avance.protocol import messages as m
from avance.protocol.channel import is_valid
from avance.protocol.codes import (
    DISCONNECT_FORCE,
    ERROR_BAD_REQUEST,
    ERROR_INTERNAL,
    ERROR_METHOD_NOT_FOUND,
    ERROR_NOT_AVAILABLE,
    ERROR_PERMISSION_DENIED,
    ERROR_UNKNOWN_CHANNEL,
    UNSUBSCRIBE_SERVER,
    DisconnectCode,
    ErrorCode,
    ReplyError,
)

BODY_BYTES_MAX = 1_048_576
BATCH_MAX = 1_000
CHANNELS_MAX = 1_000
"""In one broadcast."""


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    pass


class _Publish(_Asked, frozen=True, kw_only=True):
    channel: str = ""
    data: msgspec.Raw = msgspec.Raw()
    b64data: str = ""
    skip_history: bool = False
    tags: dict[str, str] = {}
    idempotency_key: str = ""


class _Broadcast(_Publish, frozen=True, kw_only=True):
    channels: list[str] = []


class _Disconnection(msgspec.Struct, frozen=True, kw_only=True):
    code: int = 0
    reason: str = ""


class _OfUser(_Asked, frozen=True, kw_only=True):
    user: str = ""
    client: str = ""
    session: str = ""


class _Disconnect(_OfUser, frozen=True, kw_only=True):
    whitelist: list[str] = []
    disconnect: _Disconnection = _Disconnection()


class _Subscription(_OfUser, frozen=True, kw_only=True):
    channel: str = ""
    data: msgspec.Raw = msgspec.Raw()
    b64data: str = ""


class _Refresh(_OfUser, frozen=True, kw_only=True):
    expired: bool = False
    expire_at: int = 0


class _Channel(_Asked, frozen=True, kw_only=True):
    channel: str = ""


class _Pattern(_Asked, frozen=True, kw_only=True):
    pattern: str = ""


class _Batch(_Asked, frozen=True, kw_only=True):
    commands: list[dict[str, msgspec.Raw]] = []
    parallel: bool = False


Wanted = TypeVar("Wanted", bound=msgspec.Struct)
Result = Mapping[str, Any]
Method = Callable[[bytes], Awaitable[Result]]


class ServerApi:
    """
    The methods, and the door in front of them: an API key or token with the role admin.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._hub = gateway.hub
        self._methods: Mapping[str, Method] = {
            "publish": self.publish,
            "broadcast": self.broadcast,
            "subscribe": self.subscribe,
            "unsubscribe": self.unsubscribe,
            "disconnect": self.disconnect,
            "refresh": self.refresh,
            "presence": self.presence,
            "presence_stats": self.presence_stats,
            "history": self.history,
            "history_remove": self.history_remove,
            "channels": self.channels,
            "info": self.info,
        }

    async def endpoint(self, request: Request) -> Response:
        """
        Answer one request; errors of a method are answers too.
        """
        try:
            await self._authorize(request)
            body = await read_body(request, BODY_BYTES_MAX)
        except TokenExpired as error:
            return problem.expired(error)
        except AvanceError as error:
            return problem.of_error(error)
        except ClientDisconnect:
            return Response(status_code=204)
        method = request.path_params["method"]
        answer = await (self._batch(body) if method == "batch" else self._call(method, body))
        return Response(msgspec.json.encode(answer), media_type="application/json")

    async def publish(self, body: bytes) -> Result:
        wanted = _read(body, _Publish)
        (answer,) = await self._publish([wanted.channel], wanted)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def broadcast(self, body: bytes) -> Result:
        wanted = _read(body, _Broadcast)
        if not 0 < len(wanted.channels) <= CHANNELS_MAX:
            raise InvalidRequest(f"{len(wanted.channels)} channels; send 1 to {CHANNELS_MAX}")
        answers = await self._publish(wanted.channels, wanted)
        return {
            "responses": [
                {"error": _error(answer)} if isinstance(answer, Exception) else {"result": answer}
                for answer in answers
            ]
        }

    async def subscribe(self, body: bytes) -> Result:
        wanted = _read(body, _Subscription)
        self._namespace(wanted.channel)
        data = _payload(wanted.data, wanted.b64data) if wanted.data or wanted.b64data else b""
        self._hub.nodes.ask(
            letters.Subscribe(
                user=wanted.user,
                client=wanted.client,
                session=wanted.session,
                channel=wanted.channel,
                data=data,
            )
        )
        return {}

    async def unsubscribe(self, body: bytes) -> Result:
        wanted = _read(body, _Subscription)
        self._hub.nodes.ask(
            letters.Unsubscribe(
                user=wanted.user,
                client=wanted.client,
                session=wanted.session,
                channel=wanted.channel,
                code=UNSUBSCRIBE_SERVER.code,
                reason=UNSUBSCRIBE_SERVER.reason,
            )
        )
        return {}

    async def disconnect(self, body: bytes) -> Result:
        wanted = _read(body, _Disconnect)
        code = _disconnection(wanted.disconnect)
        self._hub.nodes.ask(
            letters.Disconnect(
                user=wanted.user,
                client=wanted.client,
                session=wanted.session,
                code=code.code,
                reason=code.reason,
                spared=tuple(wanted.whitelist),
            )
        )
        return {}

    async def refresh(self, body: bytes) -> Result:
        wanted = _read(body, _Refresh)
        self._hub.nodes.ask(
            letters.Refresh(
                user=wanted.user,
                client=wanted.client,
                session=wanted.session,
                is_expired=wanted.expired,
                expires_at_s=wanted.expire_at or None,
            )
        )
        return {}

    async def presence(self, body: bytes) -> Result:
        members = await self._members(_read(body, _Channel).channel)
        return {
            "presence": {
                client: {
                    "client": member.client,
                    "user": member.user,
                    **({"conn_info": msgspec.Raw(member.conn_info)} if member.conn_info else {}),
                    **({"chan_info": msgspec.Raw(member.chan_info)} if member.chan_info else {}),
                }
                for client, member in members.items()
            }
        }

    async def presence_stats(self, body: bytes) -> Result:
        members = await self._members(_read(body, _Channel).channel)
        users = {member.user for member in members.values()}
        return {"num_clients": len(members), "num_users": len(users)}

    async def history(self, body: bytes) -> Result:
        wanted = _read(body, m.HistoryRequest)
        namespace = self._namespace(wanted.channel)
        if namespace.is_ephemeral:
            raise ReplyError(ERROR_NOT_AVAILABLE)
        found = await self._gateway.histories.read(
            wanted, namespace, limit_max=self._gateway.settings.history_limit_max
        )
        return {
            "publications": [_shown(publication) for publication in found.publications],
            "epoch": found.epoch,
            "offset": found.offset,
        }

    async def history_remove(self, body: bytes) -> Result:
        """
        Not possible: a stream without a gap is what clients rely on; it ends by its size and time.
        """
        self._namespace(_read(body, _Channel).channel)
        raise ReplyError(ERROR_NOT_AVAILABLE)

    async def channels(self, body: bytes) -> Result:
        """
        The channels with subscribers on this node.
        """
        pattern = _read(body, _Pattern).pattern
        return {
            "channels": {
                channel: {"num_clients": count}
                for channel, count in self._hub.subscriber_counts().items()
                if not pattern or fnmatch.fnmatchcase(channel, pattern)
            }
        }

    async def info(self, body: bytes) -> Result:
        _read(body, _Asked)
        return {
            "nodes": [
                {
                    "uid": pulse.node,
                    "name": pulse.node,
                    "version": self._gateway.settings.version,
                    "num_clients": pulse.connections,
                    "num_users": pulse.users,
                    "num_channels": pulse.channels,
                    "num_subs": pulse.subscriptions,
                    "uptime": int(pulse.uptime_s),
                }
                for pulse in self._hub.nodes.alive()
            ]
        }

    async def _authorize(self, request: Request) -> None:
        gateway = self._gateway
        credentials = read_credentials(request.headers, {})
        identity = await identify(gateway.auth, credentials, gateway.clock, gateway.http_limits)
        if not caller_of(identity).is_admin:
            # As for an unknown key: client libraries know no other refusal.
            raise Unauthenticated("the server API needs a key with the role admin")

    async def _call(self, name: str, body: bytes) -> Result:
        method = self._methods.get(name)
        try:
            if method is None:
                raise ReplyError(ERROR_METHOD_NOT_FOUND)
            return {"result": await method(body)}
        except (AvanceError, ReplyError) as error:
            return {"error": _error(error)}

    async def _batch(self, body: bytes) -> Result:
        try:
            wanted = _read(body, _Batch)
            if len(wanted.commands) > BATCH_MAX:
                raise InvalidRequest(f"{len(wanted.commands)} commands; send at most {BATCH_MAX}")
        except AvanceError as error:
            return {"error": _error(error)}
        return {"replies": [await self._one_of_batch(command) for command in wanted.commands]}

    async def _one_of_batch(self, command: Mapping[str, msgspec.Raw]) -> Result:
        if len(command) != 1:
            return {"error": _error(ReplyError(ERROR_BAD_REQUEST))}
        ((name, body),) = command.items()
        answer = await self._call(name, bytes(body))
        return {name: answer["result"]} if "result" in answer else answer

    async def _publish(
        self, channels: Sequence[str], wanted: _Publish
    ) -> list[Result | AvanceError | ReplyError]:
        ours = {channel for channel in channels if is_reserved(channel)}
        positions = iter(
            await self._gateway.publisher.broadcast(
                [channel for channel in channels if channel not in ours] if ours else channels,
                _payload(wanted.data, wanted.b64data),
                tags=wanted.tags,
                skip_history=wanted.skip_history,
                idempotency_key=wanted.idempotency_key or None,
            )
        )
        return [
            ReplyError(ERROR_PERMISSION_DENIED, f"only avance writes to {channel}")
            if channel in ours
            else _placed(next(positions))
            for channel in channels
        ]

    async def _members(self, channel: str) -> Mapping[str, Any]:
        if not self._namespace(channel).presence:
            raise ReplyError(ERROR_NOT_AVAILABLE)
        return await self._hub.watchers(channel)

    def _namespace(self, channel: str) -> Namespace:
        if not is_valid(channel):
            raise InvalidRequest(f"{channel!r} is no name of a channel")
        namespace = self._hub.namespaces.of(channel)
        if namespace is None:
            raise ReplyError(ERROR_UNKNOWN_CHANNEL)
        return namespace


def _placed(answer: Position | AvanceError) -> Result | AvanceError:
    if isinstance(answer, AvanceError):
        return answer
    return {"offset": answer.offset, "epoch": answer.epoch}


def _read(body: bytes, kind: type[Wanted]) -> Wanted:
    try:
        body.decode()
        return msgspec.json.decode(body or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"the request does not fit: {error}") from error


def _payload(data: msgspec.Raw, b64data: str) -> bytes:
    if b64data:
        try:
            return kept_payload(base64.b64decode(b64data, validate=True))
        except binascii.Error as error:
            raise InvalidRequest(f"b64data is not base64: {error}") from error
    if not bytes(data):
        raise InvalidRequest("there is no data")
    return kept_payload(bytes(data))


def _disconnection(wanted: _Disconnection) -> DisconnectCode:
    if not wanted.code:
        return DISCONNECT_FORCE
    if not 3000 <= wanted.code <= 4999:
        raise InvalidRequest(f"disconnect code {wanted.code}; use 3000 to 4999")
    try:
        return DisconnectCode(code=wanted.code, reason=wanted.reason)
    except ValueError as error:
        raise InvalidRequest(str(error)) from error


def _shown(publication: m.Publication) -> Mapping[str, Any]:
    shown: dict[str, Any] = {
        "data": msgspec.Raw(publication.data),
        "offset": publication.offset,
    }
    if publication.tags:
        shown["tags"] = publication.tags
    if publication.info is not None:
        shown["info"] = {"user": publication.info.user, "client": publication.info.client}
    return shown


def _error(error: AvanceError | ReplyError) -> Mapping[str, Any]:
    code: ErrorCode
    if isinstance(error, ReplyError):
        code = error.error
    elif isinstance(error, Unavailable):
        code = ERROR_INTERNAL
    elif isinstance(error, NotFound):
        code = ERROR_UNKNOWN_CHANNEL
    else:
        return {"code": ERROR_BAD_REQUEST.code, "message": error.message}
    return {"code": code.code, "message": code.message}
