"""
One client: what comes is executed in order, what goes out leaves through the hub's outlet.
"""

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from avance.edge.link import Frame, Handshake, Link
from avance.edge.session.commands import HANDLERS
from avance.edge.session.subscribing import subscribe_by_server
from avance.errors import AvanceError, Unavailable
from avance.hub.roster import ConnectionInfo
from avance.hub.subscription import Subscription
from avance.ports.auth import Identity
from avance.ports.presence import Member
from avance.protocol import messages as m
from avance.protocol.codec import JSON, JSON_ASCII, PROTOBUF, Codec
from avance.protocol.codes import (
    DISCONNECT_EXPIRED,
    DISCONNECT_INSUFFICIENT_STATE,
    DISCONNECT_NO_PONG,
    DISCONNECT_SLOW,
    DISCONNECT_STALE,
    DISCONNECT_TOO_MANY_REQUESTS,
    ERROR_INTERNAL,
    UNSUBSCRIBE_EXPIRED,
    UNSUBSCRIBE_INSUFFICIENT,
    DisconnectCode,
    ErrorCode,
    ProtocolDisconnect,
    ReplyError,
    UnsubscribeCode,
)
from avance.protocol.session import Session, State

if TYPE_CHECKING:
    from avance.edge.session.gateway import Gateway

log = logging.getLogger(__name__)

NEVER = float("inf")
PINGS = {
    codec: Frame(codec.ping(), is_text=codec.is_text) for codec in (JSON, JSON_ASCII, PROTOBUF)
}

Work = Callable[[], Awaitable[None] | None]


class Sub:
    """
    One subscription of a connection.
    """

    __slots__ = ("expires_s", "is_server_side", "subscription")

    def __init__(
        self, subscription: Subscription, *, is_server_side: bool, expires_s: float
    ) -> None:
        self.subscription = subscription
        self.is_server_side = is_server_side
        self.expires_s = expires_s
        """On the monotonic clock, with the grace."""


class Connection:
    """
    Called by its driver (`Peer`), by the hub (`Owner`) and by others through the roster (`Resident`).

    Commands run one after the other. As long as none has to wait, no task is needed; the first that waits takes the rest of
    the queue with it into one task, which ends when the queue is empty.
    """

    __slots__ = (
        "_bucket",
        "_is_over",
        "_link",
        "_ping_s",
        "_pong_s",
        "_queue",
        "_said",
        "_stale_s",
        "client",
        "connected_ms",
        "expires_s",
        "gateway",
        "handshake",
        "identity",
        "info",
        "name",
        "outlet",
        "scope",
        "sdk_version",
        "server_side",
        "session",
        "state",
        "subs",
    )

    def __init__(self, gateway: "Gateway", handshake: Handshake, link: Link, codec: Codec) -> None:
        self.gateway = gateway
        self.handshake = handshake
        self.state = Session(codec)
        self.outlet = gateway.hub.outlet(link, self)
        self.client = ""
        self.session = ""
        self.identity = Identity(user="")
        self.info = b""
        self.scope: str | None = None
        self.name = ""
        self.sdk_version = ""
        self.connected_ms = 0
        self.expires_s = NEVER
        self.server_side: frozenset[str] = frozenset()
        """The server-side channels that the token named."""
        self.subs: dict[str, Sub] = {}
        self._link = link
        self._is_over = False
        self._said: list[bytes] = []
        self._queue: deque[Work] | None = None
        self._bucket = gateway.bucket()
        self._stale_s = gateway.clock.monotonic_s() + gateway.settings.stale_s
        self._ping_s = NEVER
        self._pong_s = NEVER
        gateway.wheel.schedule(self, gateway.settings.stale_s)

    @property
    def user(self) -> str:
        return self.identity.user

    @property
    def token_id(self) -> str | None:
        return self.identity.token_id

    @property
    def address(self) -> str:
        return self.handshake.address

    @property
    def codec(self) -> Codec:
        return self.state.codec

    @property
    def is_over(self) -> bool:
        return self._is_over

    @property
    def is_emulated(self) -> bool:
        """
        Whether commands come by another way than replies go.
        """
        return self.handshake.transport != "websocket"

    def member(self, chan_info: bytes = b"") -> Member:
        """
        How others see this client in a channel.
        """
        return Member(
            client=self.client,
            user=self.user,
            conn_info=self.info or None,
            chan_info=chan_info or None,
        )

    # Peer

    def receive(self, data: bytes) -> None:
        if self._is_over:
            return
        if self._bucket is not None and not self._bucket.take():
            self.disconnect(DISCONNECT_TOO_MANY_REQUESTS)
            return
        try:
            commands = self.state.receive(data)
        except ProtocolDisconnect as broken:
            self._break(broken)
            return
        for command in commands:
            self.do(partial(self._execute, command))
        self.flush()

    def pong(self) -> None:
        """
        The protocol has pings of its own.
        """

    def resume(self) -> None:
        self.outlet.resume()

    def lost(self, code: int) -> None:
        self._release()

    # Owner

    def too_slow(self) -> None:
        self.disconnect(DISCONNECT_SLOW)

    def out_of_step(self, channel: str) -> None:
        sub = self.subs.get(channel)
        if sub is None:
            return
        if sub.is_server_side:
            self.disconnect(DISCONNECT_INSUFFICIENT_STATE)
        else:
            self.unsubscribe(channel, UNSUBSCRIBE_INSUFFICIENT)

    # Resident

    def describe(self) -> ConnectionInfo:
        return ConnectionInfo(
            client=self.client,
            user=self.user,
            node=self.gateway.hub.node,
            transport=self.handshake.transport,
            codec=self.codec.name,
            address=self.address,
            name=self.name,
            version=self.sdk_version,
            connected_ms=self.connected_ms,
            channels=tuple(self.subs),
            is_waiting=self.outlet.is_waiting,
        )

    def disconnect(self, code: DisconnectCode) -> None:
        if self._is_over:
            return
        self.flush()
        self._release()
        self._link.close(code.code, code.reason)

    def unsubscribe(self, channel: str, code: UnsubscribeCode) -> None:
        """
        End a subscription and tell the client.
        """
        if self.end(channel):
            self.push(m.Push(channel=channel, unsubscribe=code.as_push()))

    def subscribe(self, channel: str, data: bytes) -> None:
        self.do(partial(subscribe_by_server, self, channel, data))
        self.flush()

    def refresh(self, *, is_expired: bool, expires_at_s: int | None) -> None:
        if is_expired:
            self.disconnect(DISCONNECT_EXPIRED)
            return
        ttl_s = self.expire_at(expires_at_s)
        self.push(m.Push(refresh=m.Refresh(expires=ttl_s is not None, ttl=ttl_s or 0)))

    # Timed

    def tick(self) -> float | None:
        now_s = self.gateway.clock.monotonic_s()
        if now_s >= self._stale_s:
            self.disconnect(DISCONNECT_STALE)
        elif now_s >= self._pong_s and self.state.pong_is_due:
            self.disconnect(DISCONNECT_NO_PONG)
        elif now_s >= self.expires_s:
            self.disconnect(DISCONNECT_EXPIRED)
        if self._is_over:
            return None
        if now_s >= self._pong_s:
            self._pong_s = NEVER
        if now_s >= self._ping_s:
            self._ping(now_s)
        for channel, sub in tuple(self.subs.items()):
            if now_s >= sub.expires_s:
                self.unsubscribe(channel, UNSUBSCRIBE_EXPIRED)
        return self._next_s() - now_s

    # For commands

    def do(self, work: Work) -> None:
        """
        Run this after what was asked before.
        """
        if self._queue is None:
            waiting = work()
            if waiting is not None:
                self._queue = deque()
                self.gateway.spawn(self._run(waiting))
        elif len(self._queue) < self.gateway.settings.commands_waiting_max:
            self._queue.append(work)
        else:
            self.disconnect(DISCONNECT_TOO_MANY_REQUESTS)

    def say(self, message: bytes) -> None:
        """
        Send an encoded message with the next flush.
        """
        self._said.append(message)

    def reply(self, command_id: int, result: m.Result) -> None:
        self.say(self.state.reply(command_id, result))

    def push(self, push: m.Push) -> None:
        """
        Send a push behind everything said before.
        """
        self.say(self.state.push(push))
        self.flush()

    def flush(self) -> None:
        """
        Send what was said, on a WebSocket in one frame.
        """
        if not self._said or self._is_over:
            return
        said, self._said = self._said, []
        codec = self.codec
        if not self.is_emulated:
            said = [codec.join(said)] if len(said) > 1 else said
        self.outlet.send([Frame(message, is_text=codec.is_text) for message in said])

    def connected(self, result: m.ConnectResult, command_id: int) -> None:
        """
        Connect was accepted: from here on the client is known to others.
        """
        settings, clock = self.gateway.settings, self.gateway.clock
        self.state.connected()
        self._stale_s = NEVER
        self.connected_ms = clock.now_ms()
        if result.ping:
            first_s = settings.ping_interval_s * self.gateway.random.uniform(0.5, 1.0)
            self._ping_s = clock.monotonic_s() + first_s
        self.gateway.hub.roster.add(self)
        self.reply(command_id, result)
        said, self._said = self._said, []
        self.outlet.release([Frame(message, is_text=self.codec.is_text) for message in said])
        self.reschedule()

    def keep(
        self, subscription: Subscription | None, *, is_server_side: bool, expires_s: float = NEVER
    ) -> None:
        """
        Have a subscription that the hub has made; without a wait after that.
        """
        if subscription is None:
            return
        if self._is_over:
            self.gateway.hub.unsubscribe(subscription)
            return
        self.subs[subscription.channel] = Sub(
            subscription, is_server_side=is_server_side, expires_s=expires_s
        )
        if expires_s != NEVER:
            self.reschedule()

    def end(self, channel: str) -> bool:
        """
        End a subscription without a word; False when there is none.
        """
        sub = self.subs.pop(channel, None)
        if sub is None:
            return False
        self.gateway.hub.unsubscribe(sub.subscription)
        return True

    def expire_at(self, expires_at_s: int | None) -> int | None:
        """
        Set the end of the connection's credentials; the seconds until then, None when there is no end.
        """
        ttl_s, self.expires_s = self.gateway.term(expires_at_s)
        self.reschedule()
        return ttl_s

    def reschedule(self) -> None:
        """
        Something is due at another time than before.
        """
        next_s = self._next_s()
        if next_s == NEVER or self._is_over:
            self.gateway.wheel.cancel(self)
        else:
            now_s = self.gateway.clock.monotonic_s()
            self.gateway.wheel.schedule(self, max(0.0, next_s - now_s))

    def _next_s(self) -> float:
        next_s = min(self._stale_s, self._ping_s, self._pong_s, self.expires_s)
        for sub in self.subs.values():
            next_s = min(next_s, sub.expires_s)
        return next_s

    def _ping(self, now_s: float) -> None:
        settings = self.gateway.settings
        self.state.ping_sent()
        self.outlet.send((PINGS[self.codec],))
        self._pong_s = now_s + settings.pong_timeout_s
        self._ping_s = now_s + settings.ping_interval_s

    async def _run(self, waiting: Awaitable[None]) -> None:
        try:
            await waiting
            self.flush()
            while self._queue:
                following = self._queue.popleft()()
                if following is not None:
                    await following
                self.flush()
        finally:
            self._queue = None

    def _execute(self, command: m.Command) -> Awaitable[None] | None:
        if self._is_over:
            return None
        try:
            self.state.admit(command)
            waiting = HANDLERS[command.method](self, command.id, command.request)
        except Exception as error:  # noqa: BLE001 - each is answered or ends the connection
            self._fail(command, error)
            return None
        return None if waiting is None else self._finish(command, waiting)

    async def _finish(self, command: m.Command, waiting: Awaitable[None]) -> None:
        try:
            await waiting
        except Exception as error:  # noqa: BLE001 - each is answered or ends the connection
            self._fail(command, error)

    def _fail(self, command: m.Command, error: Exception) -> None:
        if isinstance(error, ProtocolDisconnect):
            self._break(error)
            return
        if command.method == "connect" and self.state.state is State.CONNECTING:
            self.state.refused()
            for channel in tuple(self.subs):
                self.end(channel)
            self.outlet.release(())
        self.say(self.state.error(command.id, _error_of(command, error)))

    def _break(self, broken: ProtocolDisconnect) -> None:
        log.info("connection %s of %s is closed: %s", self.client or "-", self.address, broken)
        self.disconnect(broken.disconnect)

    def _release(self) -> None:
        """
        Leave everything; once.
        """
        if self._is_over:
            return
        self._is_over = True
        self.outlet.die()
        self.gateway.wheel.cancel(self)
        self.gateway.hub.roster.remove(self)
        self.gateway.gone(self)
        for channel in tuple(self.subs):
            self.end(channel)


def _error_of(command: m.Command, error: Exception) -> ErrorCode:
    if isinstance(error, ReplyError):
        return error.error
    if isinstance(error, Unavailable):
        log.warning("%s cannot be answered now: %s", command.method, error)
        return ERROR_INTERNAL
    if isinstance(error, AvanceError):
        return ErrorCode(code=error.status, message=error.message)
    log.error("%s failed", command.method, exc_info=error)
    return ERROR_INTERNAL
