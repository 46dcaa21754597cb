"""
A hub on real parts, and subscribers that read what it sends as a client library would.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from avance.backends.memory import MemoryBus, MemoryPresence
from avance.backends.sqlite import SqliteDatabase, SqliteStore
from avance.edge.link import Frame
from avance.edge.session.form import form_of
from avance.hub.hub import Hub
from avance.hub.limits import HubLimits
from avance.hub.namespaces import Namespace, Namespaces
from avance.hub.publish import Publisher
from avance.hub.subscription import Joined, SnapshotProvider, Subscription, Wish
from avance.model.stream import Position, Publication, StreamPage
from avance.ports.bus import Bus, Hint, Letter, Receive
from avance.ports.clock import Clock
from avance.protocol import delta
from avance.protocol.codec import JSON
from avance.testing.clock import FakeClock

KEPT = Namespace(name="kept", history_size=100, delta=True, presence=True, join_leave=True)
SMALL = Namespace(name="small", history_size=3)
AGED = Namespace(name="aged", history_size=100, history_ttl_s=60.0)
LIVE = Namespace(name="live")
SNAP = Namespace(name="snap", history_size=100, delta=True, snapshot="latest")
NAMESPACES = (KEPT, SMALL, AGED, LIVE, SNAP)


STEPS_MAX = 100_000


async def until(condition: Callable[[], object]) -> None:
    """
    Let the loop run until something is so. Threads of the store take their turn meanwhile.
    """
    for _ in range(STEPS_MAX):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError(f"it did not come about in {STEPS_MAX} steps of the loop")


async def tick() -> None:
    """
    Let the loop run what is due in its next step, the flush among it.
    """
    await asyncio.sleep(0)
    await asyncio.sleep(0)


class LossyBus(Bus):
    """
    A bus with faults that a test asks for.
    """

    def __init__(self) -> None:
        self._inner = MemoryBus()
        self.loses = False
        self.strips = False
        """Tells that something is new, without the publication."""
        self.watched: dict[str, bool] = {}

    def attach(self, receive: Receive) -> None:
        def pass_on(message: Hint | Letter) -> None:
            if isinstance(message, Hint):
                if self.loses:
                    return
                if self.strips:
                    message = Hint(channel=message.channel)
            receive(message)

        self._inner.attach(pass_on)

    def publish(self, publications: Sequence[Publication]) -> None:
        self._inner.publish(publications)

    def send(self, letter: Letter) -> None:
        self._inner.send(letter)

    def watch(self, channel: str, *, is_watched: bool) -> None:
        self.watched[channel] = is_watched


class CountingStore(SqliteStore):
    """
    The real store, which counts how often streams are read and can be made to wait or fail.
    """

    reads = 0
    failure: Exception | None = None

    async def stream(
        self, channel: str, *, since: int | None = None, limit: int = 0, is_reversed: bool = False
    ) -> StreamPage:
        self.reads += 1
        if self.failure is not None:
            raise self.failure
        return await super().stream(channel, since=since, limit=limit, is_reversed=is_reversed)


class Reader:
    """
    A connection: its link, its owner, and what a client library would make of the frames.
    """

    def __init__(self, hub: Hub, *, is_delta: bool = False) -> None:
        self.hub = hub
        self.form = form_of(JSON, is_delta=is_delta)
        self.outlet = hub.outlet(self, self)
        self.is_writable = True
        self.writes: list[Sequence[Frame]] = []
        self.pushes: list[dict[str, Any]] = []
        self.offsets: dict[str, list[int]] = {}
        self.values: dict[str, list[Any]] = {}
        self.joined: list[Joined] = []
        self.lost_channels: list[str] = []
        self.slow = False
        self.subscriptions: dict[str, Subscription] = {}
        self._bases: dict[str, bytes] = {}

    async def subscribe(self, channel: str, **wish: Any) -> Joined:
        subscription = await self.hub.subscribe(
            channel,
            self.outlet,
            self.form,
            Wish(**wish),
            lambda joined: self._begin(channel, joined),
        )
        assert subscription is not None
        self.subscriptions[channel] = subscription
        return self.joined[-1]

    def unsubscribe(self, channel: str) -> None:
        self.hub.unsubscribe(self.subscriptions.pop(channel))

    def leave(self) -> None:
        """
        The connection is gone.
        """
        self.outlet.die()
        for channel in tuple(self.subscriptions):
            self.unsubscribe(channel)

    def position(self, channel: str) -> int:
        return self.offsets[channel][-1] if self.offsets.get(channel) else 0

    # Link

    def write(self, frames: Sequence[Frame]) -> None:
        self.writes.append(frames)
        for frame in frames:
            for line in frame.payload.split(b"\n"):
                self._take(msgspec.json.decode(line)["push"])

    def close(self, code: int, reason: str) -> None:
        raise AssertionError("the hub closes no links")

    def abort(self) -> None:
        raise AssertionError("the hub aborts no links")

    # Owner

    def too_slow(self) -> None:
        self.slow = True

    def out_of_step(self, channel: str) -> None:
        self.lost_channels.append(channel)
        self.hub.unsubscribe(self.subscriptions.pop(channel))

    def _begin(self, channel: str, joined: Joined) -> None:
        self.joined.append(joined)
        for item in joined.publications:
            self._apply(channel, item.offset, msgspec.json.decode(item.data))
            # What the reply holds is, on a delta subscription, the client's base.
            self._bases[channel] = item.data

    def _take(self, push: dict[str, Any]) -> None:
        self.pushes.append(push)
        if "pub" not in push:
            return
        channel, publication = push["channel"], push["pub"]
        data = publication["data"]
        if self.form.is_delta:
            encoded = data.encode()
            if publication.get("delta"):
                encoded = delta.apply(self._bases[channel], encoded)
            self._bases[channel] = encoded
            data = msgspec.json.decode(encoded)
        self._apply(channel, publication.get("offset", 0), data)

    def _apply(self, channel: str, offset: int, value: Any) -> None:
        self.offsets.setdefault(channel, []).append(offset)
        self.values.setdefault(channel, []).append(value)


class World:
    """
    One node.
    """

    def __init__(
        self, hub: Hub, store: CountingStore, bus: LossyBus, clock: Clock, publisher: Publisher
    ) -> None:
        self.hub = hub
        self.store = store
        self.bus = bus
        self.clock = clock
        self.publisher = publisher

    async def publish(self, channel: str, value: Any, *, conflate: str | None = None) -> Position:
        return await self.publisher.publish(channel, msgspec.json.encode(value), conflate=conflate)

    def reader(self, *, is_delta: bool = False) -> Reader:
        return Reader(self.hub, is_delta=is_delta)


@asynccontextmanager
async def world(
    *,
    clock: Clock | None = None,
    limits: HubLimits | None = None,
    snapshots: dict[str, SnapshotProvider] | None = None,
    namespaces: Sequence[Namespace] = NAMESPACES,
) -> AsyncIterator[World]:
    clock = clock or FakeClock()
    bus = LossyBus()
    store = CountingStore(SqliteDatabase(":memory:", clock=clock))
    names = Namespaces(namespaces)
    async with (
        store,
        Hub(
            store,
            bus,
            clock,
            names,
            MemoryPresence(clock),
            limits,
            node="node-1",
            snapshots=snapshots,
        ) as hub,
    ):
        yield World(hub, store, bus, clock, Publisher(store, bus, clock, names, limits))
