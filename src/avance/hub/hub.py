import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from random import Random
from types import TracebackType
from typing import Self

from avance.errors import NotFound, Unavailable
from avance.hub.channel import Channel, State
from avance.hub.flights import Flights
from avance.hub.flusher import Flusher
from avance.hub.forms import Form, Link
from avance.hub.item import Item, unwrap
from avance.hub.limits import HubLimits
from avance.hub.namespaces import Namespace, Namespaces
from avance.hub.nodes import Nodes
from avance.hub.outlet import Outlet, Owner
from avance.hub.presence import Attendance
from avance.hub.ring import Budget
from avance.hub.roster import Roster
from avance.hub.subscription import (
    Joined,
    Snapshot,
    SnapshotProvider,
    Subscription,
    Unrecovered,
    Wish,
)
from avance.hub.tasks import Tasks
from avance.model.stream import Position
from avance.ports.bus import Bus, Hint, Letter
from avance.ports.clock import Clock
from avance.ports.outage import Outage
from avance.ports.presence import Member, Presence
from avance.ports.store import Store
from avance.protocol.codes import DISCONNECT_SHUTDOWN

log = logging.getLogger(__name__)


class Hub:
    """
    The live channels of this node.

    An async context manager: open it after the store and the bus, close it before them.
    """

    def __init__(
        self,
        store: Store,
        bus: Bus,
        clock: Clock,
        namespaces: Namespaces,
        presence: Presence,
        limits: HubLimits | None = None,
        *,
        node: str,
        snapshots: Mapping[str, SnapshotProvider] | None = None,
        random: Random | None = None,
    ) -> None:
        """
        Args:
            node: The name by which other nodes send letters to this one.
            snapshots: By the names that the namespaces use.
        """
        self.store = store
        self.bus = bus
        self.clock = clock
        self.limits = limits or HubLimits()
        self.namespaces = namespaces
        self.budget = Budget(self.limits.rings_bytes_max)
        self.outage = Outage(log, "channels wait for the store")
        self.roster = Roster()
        self._snapshots = dict(snapshots or {})
        self._random = random or Random()
        self._tasks = Tasks("the hub")
        self._flusher = Flusher(clock, self.limits)
        self._channels: dict[str, Channel] = {}
        self._flights: Flights[Snapshot | None] = Flights(self._tasks)
        self.attendance = Attendance(presence, bus, clock, self.limits, self._tasks)
        self.nodes = Nodes(node, bus, clock, self.roster, self.limits, self._count)
        bus.attach(self._receive)

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._tasks.spawn(self.attendance.keep())
        self._tasks.spawn(self._look_after())
        self._tasks.spawn(self.nodes.pulse())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._tasks.__aexit__(kind, error, traceback)
        self._flusher.close()
        for channel in tuple(self._channels.values()):
            self._forget(channel)

    @property
    def node(self) -> str:
        return self.nodes.name

    def outlet(self, link: Link, owner: Owner) -> Outlet:
        """
        Make the hub's end of a connection.
        """
        return Outlet(link, owner, self)

    async def subscribe(
        self,
        channel: str,
        outlet: Outlet,
        form: Form,
        wish: Wish,
        on_joined: Callable[[Joined], None],
    ) -> Subscription | None:
        """
        Begin to deliver a channel to an outlet, without a gap and without anything twice.

        Args:
            on_joined: Called once, synchronously, with what comes before everything that is delivered; it writes the reply.

        Returns:
            None when the connection went away meanwhile.

        Raises:
            NotFound: There is no such namespace.
            Unrecovered: The position cannot be recovered and the wish is for nothing less.
            Unavailable: The store or presence cannot be read now.
        """
        namespace = self.namespaces.of(channel)
        if namespace is None:
            raise NotFound(f"channel {channel!r} is in no known namespace")
        subscription = Subscription(channel, namespace, outlet, form, wish)
        await self.attendance.enter(subscription)
        try:
            is_joined = await self._join(subscription, on_joined)
        except BaseException:
            self.attendance.forget(subscription)
            raise
        if not is_joined:
            self.attendance.forget(subscription)
            return None
        self.attendance.begin(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """
        Stop delivering; once.
        """
        channel = self._channels.get(subscription.channel)
        if channel is not None:
            if not subscription.outlet.is_dead:
                # What was published before it left is still for it.
                self._flusher.flush()
            channel.remove(
                subscription.outlet, subscription.form, wants_joins=subscription.wish.wants_joins
            )
        self.attendance.end(subscription)

    async def watchers(self, channel: str) -> Mapping[str, Member]:
        """
        Who is in a channel, over all nodes, by client.
        """
        return await self.attendance.members(channel)

    def subscriber_counts(self) -> dict[str, int]:
        """
        The watched channels of this node and how many outlets each has.
        """
        return {name: len(channel) for name, channel in self._channels.items() if len(channel)}

    async def drain(self, spread_s: float) -> None:
        """
        Send every connection away so that it comes back to another node, spread over a time so that they do not all come at once.
        """
        residents = list(self.roster)
        self._random.shuffle(residents)
        if not residents:
            return
        pause_s = spread_s / len(residents)
        owed_s = 0.0
        for resident in residents:
            resident.disconnect(DISCONNECT_SHUTDOWN)
            owed_s += pause_s * self._random.uniform(0.5, 1.5)
            if owed_s >= 0.01:
                await self.clock.sleep(owed_s)
                owed_s = 0.0

    # For channels and outlets

    def mark(self, channel: Channel) -> None:
        self._flusher.mark(channel)

    def flush(self) -> None:
        self._flusher.flush()

    def defer(self, call: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_soon(call)

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        self._tasks.spawn(work)

    def lose(self, channel: Channel, why: str) -> None:
        """
        Give a channel up; its subscribers come back to a new one.
        """
        outlets = channel.outlets()
        if outlets:
            log.warning(
                "channel %s is given up with %d subscribers: %s", channel.name, len(outlets), why
            )
        self._flusher.flush()
        self._forget(channel)
        for outlet in outlets:
            outlet.owner.out_of_step(channel.name)

    # Joining

    async def _join(self, subscription: Subscription, on_joined: Callable[[Joined], None]) -> bool:
        wish = subscription.wish
        for _ in range(self.limits.join_attempts_max):
            channel = self._watched(subscription.channel, subscription.namespace, wish.since)
            channel.holds += 1
            try:
                if channel.state is State.OPENING:
                    await channel.settled()
                if channel.failure is not None:
                    raise channel.failure
                joined = await self._prepare(channel, wish)
                if subscription.outlet.is_dead:
                    return False
                if joined is not None:
                    self._enter(channel, subscription, joined, on_joined)
                    return True
            finally:
                channel.holds -= 1
        raise Unavailable(f"channel {subscription.channel} does not come to rest; try again")

    async def _prepare(self, channel: Channel, wish: Wish) -> Joined | None:
        """
        Read what a subscriber is told first; None when the channel moved away under it.
        """
        since = wish.since
        if since is not None and not channel.namespace.is_ephemeral:
            missed = await self._missed(channel, since)
            if not channel.is_live:
                return None
            if missed is not None:
                return Joined(
                    position=Position(epoch=channel.epoch, offset=since.offset),
                    publications=missed,
                    was_recovering=True,
                    is_recovered=True,
                )
            if wish.only_recovered:
                raise Unrecovered(f"channel {channel.name} goes no longer back to {since.offset}")
        snapshot = await self._snapshot(channel) if wish.wants_snapshot else None
        if not channel.is_live:
            return None
        if snapshot is None:
            return Joined(
                position=Position(epoch=channel.epoch, offset=channel.top),
                was_recovering=since is not None,
            )
        return Joined(
            position=Position(epoch=channel.epoch, offset=snapshot.offset),
            publications=(Item(channel.name, channel.epoch, snapshot.offset, snapshot.data),),
            was_recovering=since is not None,
        )

    def _enter(
        self,
        channel: Channel,
        subscription: Subscription,
        joined: Joined,
        on_joined: Callable[[Joined], None],
    ) -> None:
        # From here to the end nothing awaits: what is published up to now goes to the others, what comes later to all.
        self._flusher.flush()
        on_joined(joined)
        outlet, form = subscription.outlet, subscription.form
        told = joined.publications[-1].offset if joined.publications else joined.position.offset
        later = channel.ring.since(told) if not channel.namespace.is_ephemeral else ()
        if later:
            outlet.send(tuple([form.publication(item) for item in later]))
        channel.add(outlet, form, wants_joins=subscription.wish.wants_joins)

    async def _missed(self, channel: Channel, since: Position) -> tuple[Item, ...] | None:
        """
        Everything from a position up to `top`, or None when it cannot be given.
        """
        if since.epoch not in ("", channel.epoch):
            return None
        for _ in range(self.limits.join_attempts_max):
            if not channel.is_live or not 0 <= channel.top - since.offset <= channel.depth:
                return None
            kept = channel.ring.since(since.offset)
            if kept is not None:
                return self._unless_old(channel.namespace, tuple(kept))
            page = await self.store.stream(channel.name, since=since.offset, limit=channel.depth)
            items = tuple(unwrap(publication) for publication in page.publications)
            if page.top.epoch != channel.epoch or not items or items[0].offset != since.offset + 1:
                return None
            read = tuple(item for item in items if item.offset <= channel.top)
            rest = channel.ring.since(read[-1].offset) if read else None
            if rest is not None:
                if read[-1].offset + len(rest) == channel.top:
                    channel.ring.start(since.offset, (*read, *rest))
                return self._unless_old(channel.namespace, (*read, *rest))
        return None

    def _unless_old(self, namespace: Namespace, items: tuple[Item, ...]) -> tuple[Item, ...] | None:
        ttl_s = namespace.history_ttl_s
        if items and ttl_s is not None:
            oldest_ms = self.clock.now_ms() - ttl_s * 1000
            if 0 < items[0].time_ms < oldest_ms:
                return None
        return items

    async def _snapshot(self, channel: Channel) -> Snapshot | None:
        """
        Read the snapshot, and see to it that the channel is as far; who asks at the same time shares the read.
        """
        provider = self._snapshots.get(channel.namespace.snapshot or "")
        if provider is None:
            return None
        for _ in range(self.limits.join_attempts_max):
            snapshot = await self._flights.fly(channel.name, provider)
            if snapshot is None or channel.namespace.is_ephemeral or not channel.is_live:
                return snapshot
            if snapshot.offset > channel.top:
                channel.need(snapshot.offset)
                await channel.settled()
            if not channel.is_live or (
                snapshot.offset <= channel.top and channel.ring.since(snapshot.offset) is not None
            ):
                return snapshot
        raise Unavailable(f"the snapshot of {channel.name} does not come to rest; try again")

    # Channels

    def _watched(self, name: str, namespace: Namespace, since: Position | None) -> Channel:
        channel = self._channels.get(name)
        if channel is None:
            channel = self._channels[name] = Channel(name, namespace, self)
            # Before the first read, so that nothing falls between them.
            self.bus.watch(name, is_watched=True)
            channel.open(None if since is None else since.offset)
        return channel

    def _forget(self, channel: Channel) -> None:
        if self._channels.get(channel.name) is channel:
            del self._channels[channel.name]
            self.bus.watch(channel.name, is_watched=False)
        channel.close()

    def _count(self) -> tuple[int, int]:
        counts = self.subscriber_counts()
        return len(counts), sum(counts.values())

    def _receive(self, message: Hint | Letter) -> None:
        if isinstance(message, Letter):
            self.nodes.receive(message)
            return
        channel = self._channels.get(message.channel)
        if channel is not None:
            channel.hear(message.publication)

    async def _look_after(self) -> None:
        """
        Compare channels with the store and forget those that nobody watches.
        """
        while True:
            await self.clock.sleep(self.limits.upkeep_s)
            now_s = self.clock.monotonic_s()
            self._sweep(now_s)
            due = [
                channel
                for channel in self._channels.values()
                if channel.is_watched
                and channel.is_live
                and not channel.namespace.is_ephemeral
                and now_s - channel.checked_s >= self.limits.position_check_s
            ]
            for start in range(0, len(due), self.limits.position_checks_at_once):
                await self._check(due[start : start + self.limits.position_checks_at_once], now_s)

    async def _check(self, channels: Sequence[Channel], now_s: float) -> None:
        for channel in channels:
            channel.checked_s = now_s
        results = await asyncio.gather(
            *(channel.check() for channel in channels), return_exceptions=True
        )
        for channel, result in zip(channels, results, strict=True):
            if isinstance(result, Exception):
                log.warning("channel %s could not be checked: %s", channel.name, result)

    def _sweep(self, now_s: float) -> None:
        idle = [channel for channel in self._channels.values() if not channel.is_watched]
        idle.sort(key=_idle_since)
        excess = len(idle) - self.limits.lingering_channels_max
        for index, channel in enumerate(idle):
            if index < excess or now_s - channel.idle_since_s >= self.limits.linger_s:
                self._forget(channel)


def _idle_since(channel: Channel) -> float:
    return channel.idle_since_s
