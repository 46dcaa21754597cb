"""
One connection of a dialect: it carries out effects, in order, over the hub and a link.
"""

import logging
from collections import deque
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from avance.edge.dialect.dialect import (
    CLOSE_INTERNAL,
    CLOSE_SLOW,
    Close,
    Dialect,
    Do,
    Effect,
    Send,
    Visit,
    Wake,
    Watch,
    thin,
)
from avance.edge.link import Frame, Handshake, Link
from avance.hub.forms import ITEMS
from avance.hub.item import Item
from avance.hub.outbox import Outbox
from avance.hub.subscription import Joined, Subscription, Wish
from avance.model.stream import Position

if TYPE_CHECKING:
    from avance.edge.dialect.socket import DialectSockets

log = logging.getLogger("avance.dialect")

REPLAY_PAGE = 500
GOING_AWAY = (1001, "server stops")


class Connection:
    """
    Called by its driver (`Peer`) and, as its link and owner, by the hub.
    """

    def __init__(
        self,
        sockets: "DialectSockets",
        dialect: Dialect,
        handshake: Handshake,
        link: Link,
        path: dict[str, str],
    ) -> None:
        self._sockets = sockets
        self._dialect = dialect
        self._handshake = handshake
        self._link = link
        self._path = path
        self._queue: deque[Effect] = deque()
        self._is_working = False
        self._is_over = False
        self._outbox: Outbox | None = None
        self._subscriptions: dict[str, Subscription] = {}
        self._outlet = sockets.hub.outlet(self, self)
        self._timers: dict[str, Timer] = {}

    def begin(self) -> None:
        """
        Find out who is there, then tell the dialect.
        """
        self._put([Do(self._identify)])

    # Peer

    def receive(self, data: bytes) -> None:
        if not self._is_over:
            self._put(self._dialect.heard(data.decode(errors="replace")))

    def pong(self) -> None:
        """
        The driver keeps the time of pings.
        """

    def resume(self) -> None:
        outbox = self._outbox
        while outbox is not None and len(outbox) and self._link.is_writable:
            self._link.write(outbox.take())
        if outbox is not None and not len(outbox):
            self._outbox = None

    def lost(self, code: int) -> None:
        self._release()

    # Link and owner of the hub's outlet, which hands over items

    @property
    def is_writable(self) -> bool:
        return True

    def write(self, items: Sequence[Item], /) -> None:
        try:
            for item in items:
                self._hear(item)
        except (
            Exception
        ):  # the hub serves others in the same turn, whom a mistake of this dialect must not reach
            log.exception("a dialect at %s failed at an event", self._handshake.path)
            self.close(*CLOSE_INTERNAL)

    def close(self, code: int, reason: str, /) -> None:
        """
        End with a code, after what was sent.
        """
        if not self._is_over:
            self._release()
            self._link.close(code, reason)

    def abort(self) -> None:
        self._release()
        self._link.abort()

    def too_slow(self) -> None:
        self.close(*CLOSE_SLOW)

    def out_of_step(self, channel: str) -> None:
        # The client comes back and is told everything anew.
        self.close(*GOING_AWAY)

    # Effects

    def rang(self, name: str) -> None:
        self._timers.pop(name, None)
        self._put(self._dialect.rang(name))

    def _put(self, effects: Iterable[Effect]) -> None:
        self._queue.extend(effects)
        if not self._is_working:
            self._work()

    def _work(self) -> None:
        while self._queue and not self._is_over:
            effect = self._queue.popleft()
            match effect:
                case Send():
                    self._send(Frame(effect.text))
                case Close():
                    self.close(effect.code, effect.reason)
                case Wake():
                    self._wake(effect)
                case Watch() | Do():
                    self._is_working = True
                    self._sockets.spawn(self._wait_for(effect))
                    return

    async def _wait_for(self, effect: Watch | Do) -> None:
        try:
            more = await (effect.work() if isinstance(effect, Do) else self._watch(effect))
        except Exception:  # whatever a dialect does wrong ends its own connection, and is told
            log.exception("a dialect at %s failed", self._handshake.path)
            self._is_working = False
            self.close(*CLOSE_INTERNAL)
            return
        self._queue.extendleft(reversed(list(more)))
        self._is_working = False
        self._work()

    async def _identify(self) -> Iterable[Effect]:
        identity = await self._sockets.identify(self._handshake)
        return self._dialect.opened(
            Visit(identity=identity, path=self._path, query=self._handshake.query)
        )

    async def _watch(self, watch: Watch) -> Iterable[Effect]:
        effects, position = await self._replay(watch.channel) if watch.from_start else ([], None)
        # Told at the moment from which everything is delivered, so that the dialect hears what was missed before what is live.
        joined = partial(self._joined, effects, is_replay=watch.from_start)
        wish = Wish(since=position, wants_snapshot=not watch.from_start)
        hub = self._sockets.hub
        subscription = await hub.subscribe(watch.channel, self._outlet, ITEMS, wish, joined)
        if subscription is not None and self._is_over:
            hub.unsubscribe(subscription)
        elif subscription is not None:
            self._subscriptions[watch.channel] = subscription
        return thin(effects) if watch.from_start else effects

    def _joined(self, effects: list[Effect], joined: Joined, *, is_replay: bool) -> None:
        if is_replay and not joined.is_recovered:
            # The stream was cut or begun anew between the replay and now.
            effects.append(Close(*GOING_AWAY))
            return
        for item in joined.publications:
            effects += self._happened(item)

    async def _replay(self, channel: str) -> tuple[list[Effect], Position]:
        effects: list[Effect] = []
        since = 0
        while True:
            page = await self._sockets.hub.store.stream(channel, since=since, limit=REPLAY_PAGE)
            for publication in page.publications:
                since = publication.offset
                effects += self._dialect.happened(channel, msgspec.json.decode(publication.data))
            if not page.publications:
                return effects, Position(epoch=page.top.epoch, offset=page.top.offset)

    def _hear(self, item: Item) -> None:
        if not self._is_over:
            self._put(self._happened(item))

    def _happened(self, item: Item) -> list[Effect]:
        event: dict[str, Any] = msgspec.json.decode(item.data)
        return list(self._dialect.happened(item.channel, event))

    def _wake(self, wake: Wake) -> None:
        known = self._timers.pop(wake.name, None)
        if known is not None:
            self._sockets.wheel.cancel(known)
        timer = self._timers[wake.name] = Timer(self, wake.name)
        self._sockets.wheel.schedule(timer, wake.after_s)

    def _send(self, frame: Frame) -> None:
        if self._outbox is None and self._link.is_writable:
            self._link.write((frame,))
            return
        if self._outbox is None:
            self._outbox = Outbox(self._sockets.hub.limits)
        self._outbox.add(frame)
        if self._outbox.is_over:
            self.close(*CLOSE_SLOW)

    def _release(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._queue.clear()
        for timer in self._timers.values():
            self._sockets.wheel.cancel(timer)
        for subscription in self._subscriptions.values():
            self._sockets.hub.unsubscribe(subscription)
        self._outlet.die()
        self._sockets.gone(self)


class Timer:
    """
    A named wake-up on the shared wheel.
    """

    __slots__ = ("_connection", "_name")

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    def tick(self) -> float | None:
        self._connection.rang(self._name)
        return None
