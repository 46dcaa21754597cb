"""
Inboxes on a real store, under a clock that a test moves.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from random import Random

import msgspec

from avance.backends.memory import MemoryBus
from avance.backends.sqlite import SqliteDatabase, SqliteRecords, SqliteStore
from avance.notify.channel import DeliveryChannel, DeliveryError, Message
from avance.notify.deliverer import Deliverer
from avance.notify.draft import Draft
from avance.notify.service import SCHEMA, DeliveryView, Inboxes
from avance.notify.store import Sent
from avance.notify.upkeep import InboxUpkeep
from avance.testing.clock import FakeClock


class Postbox(DeliveryChannel):
    """
    A channel that keeps what it is given, and fails when a test says so.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.messages: list[Message] = []
        self.failures: list[Exception] = []
        self.attempts = 0
        self.gate: asyncio.Event | None = None
        """What it waits for before it takes anything."""
        self._tried = asyncio.Condition()

    async def send(self, message: Message) -> None:
        async with self._tried:
            self.attempts += 1
            self._tried.notify_all()
        if self.gate is not None:
            await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        self.messages.append(message)

    async def until_attempts(self, count: int) -> None:
        async with self._tried:
            await self._tried.wait_for(lambda: self.attempts >= count)

    def fail(self, times: int, *, is_final: bool = False) -> None:
        self.failures = [DeliveryError("the line is dead", is_final=is_final)] * times


class World:
    def __init__(self, database: SqliteDatabase, clock: FakeClock) -> None:
        self.clock = clock
        self.records = SqliteRecords(database)
        self.store = SqliteStore(database)
        self.email, self.sms = Postbox("email"), Postbox("sms")
        channels: Mapping[str, DeliveryChannel] = {"email": self.email, "sms": self.sms}
        self.bus = MemoryBus()
        self.inboxes = Inboxes(self.records, self.bus, clock, channels=channels)
        self.upkeep = InboxUpkeep(self.inboxes)
        self.deliverer = self.a_deliverer("one")

    def a_deliverer(self, node: str) -> Deliverer:
        return Deliverer(self.inboxes, node=node, random=Random(1))

    async def send(self, **fields: object) -> Sent:
        """
        Send to `ana`, by the inbox and by mail unless something else is given.
        """
        given = {"user": "ana", "title": "Hello", "channels": ("in_app", "email"), **fields}
        return await self.inboxes.send(msgspec.convert(given, Draft))

    async def prefer(self, **fields: object) -> None:
        present = msgspec.to_builtins(await self.inboxes.preferences("ana"))
        changed = msgspec.convert(
            {**present, **fields}, type(await self.inboxes.preferences("ana"))
        )
        await self.inboxes.set_preferences("ana", changed)

    async def delivery(self, sent: Sent, channel: str = "email") -> DeliveryView:
        assert sent.notice is not None
        found = await self.inboxes.deliveries(sent.notice.id)
        return next(one for one in found if one.channel == channel)

    async def pass_time(self, seconds: float) -> None:
        """
        Let time pass and the loops do what it brings.
        """
        self.clock.advance(seconds)
        await self.upkeep.round()
        while await self.deliverer.round():
            pass


@asynccontextmanager
async def a_world() -> AsyncIterator[World]:
    clock = FakeClock()
    async with SqliteDatabase(":memory:", clock=clock) as database:
        world = World(database, clock)
        await world.records.migrate(SCHEMA)
        yield world
