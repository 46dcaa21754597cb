"""
One watched channel: it follows its stream without a gap and hands each publication to its groups.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from enum import Enum, auto
from functools import partial
from typing import Protocol

from avance.errors import Unavailable
from avance.hub.forms import Form
from avance.hub.group import Batch, Group, group_for
from avance.hub.item import Item, Kind, unwrap
from avance.hub.limits import HubLimits
from avance.hub.namespaces import Namespace
from avance.hub.outlet import Outlet
from avance.hub.ring import Budget, Ring
from avance.model.stream import Publication, StreamPage
from avance.ports.clock import Clock
from avance.ports.outage import Outage
from avance.ports.store import Store

log = logging.getLogger(__name__)


class Desk(Protocol):
    """
    What a channel needs of its hub.
    """

    store: Store
    clock: Clock
    limits: HubLimits
    budget: Budget
    outage: Outage
    """Of the store, of which all channels speak once together."""

    def mark(self, channel: "Channel", /) -> None: ...

    def spawn(self, work: Coroutine[object, object, None], /) -> None: ...

    def lose(self, channel: "Channel", why: str, /) -> None: ...


class State(Enum):
    """
    OPENING → LIVE → LOST; OPENING → LOST when the store cannot be read. A lost channel is replaced by a new one.
    """

    OPENING = auto()
    LIVE = auto()
    LOST = auto()


class Channel:
    """
    `top` is the offset that every subscriber has been given, so a subscriber needs no position of its own.
    """

    __slots__ = (
        "_buffer",
        "_desk",
        "_groups",
        "_idle",
        "_last",
        "_wanted",
        "checked_s",
        "epoch",
        "failure",
        "holds",
        "idle_since_s",
        "name",
        "namespace",
        "ring",
        "state",
        "top",
    )

    def __init__(self, name: str, namespace: Namespace, desk: Desk) -> None:
        self.name = name
        self.namespace = namespace
        self._desk = desk
        self.epoch = ""
        self.top = 0
        self.state = State.OPENING
        self.failure: Unavailable | None = None
        """Why it is lost, when the store could not be read."""
        self.ring = Ring(self.depth, desk.limits.ring_bytes_max, desk.budget)
        self.holds = 0
        """Subscribes under way, which keep the channel."""
        self.idle_since_s = desk.clock.monotonic_s()
        self.checked_s = self.idle_since_s
        self._groups: dict[tuple[Form, bool], Group] = {}
        self._last: bytes | None = None
        self._wanted = 0
        self._buffer: dict[int, Item] = {}
        self._idle: asyncio.Future[None] | None = None

    @property
    def depth(self) -> int:
        """
        How many publications back a client can recover.
        """
        return min(self.namespace.history_size, self._desk.limits.recovery_publications_max)

    @property
    def is_live(self) -> bool:
        return self.state is State.LIVE

    @property
    def is_watched(self) -> bool:
        return self.holds > 0 or bool(self._groups)

    def __len__(self) -> int:
        return sum(len(group) for group in self._groups.values())

    # Members

    def add(self, outlet: Outlet, form: Form, *, wants_joins: bool) -> None:
        """
        Give this outlet everything above `top`.
        """
        key = (form, wants_joins)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = group_for(form, wants_joins=wants_joins)
        group.add(outlet)

    def remove(self, outlet: Outlet, form: Form, *, wants_joins: bool) -> None:
        key = (form, wants_joins)
        group = self._groups.get(key)
        if group is None:
            return
        group.remove(outlet)
        if not len(group):
            del self._groups[key]
        if not self.is_watched:
            self.idle_since_s = self._desk.clock.monotonic_s()

    def batches(self) -> Iterable[Batch]:
        """
        What is to be written to whom; taken with this.
        """
        groups = self._groups.values()
        if len(groups) == 1:
            return next(iter(groups)).batches()
        return [batch for group in groups for batch in group.batches()]

    def outlets(self) -> set[Outlet]:
        """
        Everybody who listens.
        """
        return {outlet for group in self._groups.values() for outlet in group.outlets()}

    # The stream

    def open(self, since: int | None) -> None:
        """
        Begin to follow; `since` is the position of the first subscriber, if it has one.
        """
        if self.namespace.is_ephemeral:
            self.state = State.LIVE
        else:
            self._read(partial(self._open, since))

    async def settled(self) -> None:
        """
        Wait until no read is under way.
        """
        while self._idle is not None:
            await asyncio.shield(self._idle)

    def hear(self, publication: Publication | None) -> None:
        """
        Take a hint from the bus.
        """
        if publication is None:
            # Of what is kept nowhere, what was missed is gone: there is nothing to look for.
            if not self.namespace.is_ephemeral:
                self.need(self.top + 1)
            return
        item = unwrap(publication)
        if item.offset == 0 or self.namespace.is_ephemeral:
            if self.is_live:
                self._deliver(item)
        elif not self.is_live or self._idle is not None:
            self._keep(item)
        elif item.epoch != self.epoch:
            self._desk.lose(self, f"epoch {item.epoch!r} came after {self.epoch!r}")
        elif item.offset == self.top + 1:
            self._deliver(item)
        elif item.offset > self.top:
            self._keep(item)
            self.need(item.offset)

    def need(self, offset: int) -> None:
        """
        See to it that the stream is followed up to here.
        """
        self._wanted = max(self._wanted, offset)
        if self.is_live and self._idle is None and self._wanted > self.top:
            self._read(self._follow)

    async def check(self) -> None:
        """
        Compare with the store: a bus may have lost the last hint, after which no gap would show.
        """
        page = await self._desk.store.stream(self.name)
        if not self.is_live:
            return
        if page.top.epoch != self.epoch:
            self._desk.lose(self, f"the store has epoch {page.top.epoch!r}, not {self.epoch!r}")
        else:
            self.need(page.top.offset)

    def close(self) -> None:
        """
        Hold nothing more.
        """
        self.state = State.LOST
        self.ring.clear()
        self._buffer.clear()
        self._groups.clear()

    def _deliver(self, item: Item) -> None:
        if item.kind is not Kind.PUBLICATION:
            self._tell(item)
            return
        if item.offset:
            self.top = item.offset
            self.ring.add(item)
        for group in self._groups.values():
            group.publish(item, self._last)
        self._last = item.data
        if self._groups:
            self._desk.mark(self)

    def _tell(self, item: Item) -> None:
        for group in self._groups.values():
            if group.wants_joins:
                form = group.form
                group.tell(form.joined(item) if item.kind is Kind.JOIN else form.left(item))
                self._desk.mark(self)

    def _keep(self, item: Item) -> None:
        if len(self._buffer) < self._desk.limits.buffered_publications_max:
            self._buffer[item.offset] = item
        # What does not fit is read later.
        self._wanted = max(self._wanted, item.offset)

    def _read(self, work: Callable[[], Awaitable[None]]) -> None:
        # Called only once the task runs: one that is cancelled before its first step leaves nothing behind.
        self._idle = asyncio.get_running_loop().create_future()
        self._desk.spawn(self._reading(work))

    async def _reading(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Unavailable as error:
            self.failure = error
            self._desk.lose(self, f"the store cannot be read: {error}")
        finally:
            idle, self._idle = self._idle, None
            if idle is not None and not idle.done():
                idle.set_result(None)
        self.need(self._wanted)

    async def _open(self, since: int | None) -> None:
        limit = 0 if since is None else self.depth
        page = await self._desk.store.stream(self.name, since=since, limit=limit)
        if self.state is not State.OPENING:
            return
        self.epoch, self.top = page.top.epoch, page.top.offset
        items = [unwrap(publication) for publication in page.publications]
        if items and items[-1].offset == self.top:
            self.ring.start(items[0].offset - 1, items)
        else:
            self.ring.start(self.top)
        self.state = State.LIVE
        self._deliver_kept()

    async def _follow(self) -> None:
        while self.is_live and self._wanted > self.top and self.is_watched:
            top = self.top
            page = await self._page()
            if not self.is_live:
                return
            if page.top.epoch != self.epoch:
                self._desk.lose(self, f"the store has epoch {page.top.epoch!r}, not {self.epoch!r}")
                return
            for publication in page.publications:
                if publication.offset == self.top + 1:
                    self._deliver(unwrap(publication))
            self._deliver_kept()
            if page.top.offset > self.top == top:
                self._desk.lose(self, f"what follows offset {top} is no longer kept")
                return
            # A hint without a publication asks only for a look.
            self._wanted = max(page.top.offset, max(self._buffer, default=0))
            if self.top == top and self._wanted > top:
                await self._desk.clock.sleep(self._desk.limits.read_retry_s[0])

    async def _page(self) -> StreamPage:
        waits_s = self._desk.limits.read_retry_s
        attempt = 0
        while True:
            with self._desk.outage:
                return await self._desk.store.stream(
                    self.name, since=self.top, limit=self._desk.limits.read_publications_max
                )
            await self._desk.clock.sleep(waits_s[min(attempt, len(waits_s) - 1)])
            attempt += 1

    def _deliver_kept(self) -> None:
        for offset in sorted(self._buffer):
            item = self._buffer[offset]
            if offset == self.top + 1 and item.epoch == self.epoch:
                self._deliver(item)
            if offset <= self.top or item.epoch != self.epoch:
                del self._buffer[offset]
