import asyncio

import pytest
from world import tick, until, world

from avance.errors import Unavailable
from avance.hub.limits import HubLimits
from avance.hub.subscription import Snapshot, Unrecovered
from avance.model.stream import Position
from avance.testing.clock import FakeClock


async def test_who_comes_back_gets_exactly_what_it_missed() -> None:
    async with world() as w:
        epoch = ""
        for number in range(1, 6):
            epoch = (await w.publish("kept:a", number)).epoch
        reader = w.reader()
        joined = await reader.subscribe("kept:a", since=Position(epoch=epoch, offset=2))
        assert joined.is_recovered
        assert joined.was_recovering
        assert joined.position == Position(epoch=epoch, offset=2)
        assert reader.values["kept:a"] == [3, 4, 5]
        await w.publish("kept:a", 6)
        await tick()
        assert reader.values["kept:a"] == [3, 4, 5, 6]


async def test_who_missed_nothing_is_recovered_with_nothing() -> None:
    async with world() as w:
        position = await w.publish("kept:a", 1)
        joined = await w.reader().subscribe("kept:a", since=position)
        assert joined.is_recovered
        assert joined.publications == ()


@pytest.mark.parametrize(
    "since",
    [
        pytest.param(Position(epoch="other", offset=3), id="another epoch"),
        pytest.param(Position(epoch="", offset=9), id="an offset that was never given"),
        pytest.param(Position(epoch="", offset=0), id="more than is kept"),
    ],
)
async def test_what_cannot_be_recovered_is_said(since: Position) -> None:
    async with world() as w:
        for number in range(1, 6):
            await w.publish("small:a", number)
        reader = w.reader()
        joined = await reader.subscribe("small:a", since=since)
        assert joined.was_recovering
        assert not joined.is_recovered
        assert joined.publications == ()
        assert joined.position.offset == 5
        with pytest.raises(Unrecovered):
            await w.reader().subscribe("small:a", since=since, only_recovered=True)


async def test_recovery_goes_back_as_far_as_its_limit_and_no_further() -> None:
    async with world(limits=HubLimits(recovery_publications_max=10)) as w:
        for number in range(20):
            await w.publish("kept:a", number)
        at_limit = await w.reader().subscribe("kept:a", since=Position(epoch="", offset=10))
        beyond = await w.reader().subscribe("kept:a", since=Position(epoch="", offset=9))
        assert (at_limit.is_recovered, beyond.is_recovered) == (True, False)
        assert len(at_limit.publications) == 10


async def test_what_is_older_than_its_time_is_not_recovered() -> None:
    clock = FakeClock()
    async with world(clock=clock) as w:
        await w.publish("aged:a", 1)
        clock.advance(59)
        fresh = await w.reader().subscribe("aged:a", since=Position(epoch="", offset=0))
        clock.advance(2)
        old = await w.reader().subscribe("aged:a", since=Position(epoch="", offset=0))
        assert (fresh.is_recovered, old.is_recovered) == (True, False)


async def test_a_storm_of_returning_clients_reads_the_store_a_few_times() -> None:
    async with world() as w:
        for number in range(60):
            await w.publish("kept:a", number)
        readers = [w.reader() for _ in range(200)]
        async with asyncio.TaskGroup() as tasks:
            for number, reader in enumerate(readers):
                since = Position(epoch="", offset=number % 60)
                tasks.create_task(reader.subscribe("kept:a", since=since))
        assert all(reader.joined[0].is_recovered for reader in readers)
        assert w.store.reads < 70
        before = w.store.reads
        for number, _ in enumerate(readers):
            await w.reader().subscribe("kept:a", since=Position(epoch="", offset=number % 60))
        assert w.store.reads == before


async def test_the_ring_is_bounded_and_recovery_goes_on_without_it() -> None:
    async with world(limits=HubLimits(ring_bytes_max=50, rings_bytes_max=100)) as w:
        watcher = w.reader()
        await watcher.subscribe("kept:a")
        for _ in range(30):
            await w.publish("kept:a", "x" * 20)
        assert w.hub.budget.used_bytes <= 100
        joined = await w.reader().subscribe("kept:a", since=Position(epoch="", offset=3))
        assert joined.is_recovered
        assert len(joined.publications) == 27


class Latest:
    """
    A snapshot that a test moves by hand.
    """

    def __init__(self) -> None:
        self.offset = 0
        self.reads = 0
        self.gate: asyncio.Event | None = None

    async def __call__(self, channel: str, /) -> Snapshot | None:
        self.reads += 1
        snapshot = Snapshot(offset=self.offset, data=b'{"upto":%d}' % self.offset)
        if self.gate is not None:
            await self.gate.wait()
        return snapshot


async def test_a_first_subscribe_is_told_the_snapshot_and_then_follows() -> None:
    latest = Latest()
    async with world(snapshots={"latest": latest}) as w:
        for number in range(1, 4):
            await w.publish("snap:a", number)
        latest.offset = 3
        reader = w.reader()
        joined = await reader.subscribe("snap:a")
        assert joined.position.offset == 3
        assert not joined.is_recovered
        await w.publish("snap:a", 4)
        await tick()
        assert reader.values["snap:a"] == [{"upto": 3}, 4]


async def test_a_recovered_subscribe_has_no_snapshot_and_an_unrecovered_one_has() -> None:
    latest = Latest()
    async with world(snapshots={"latest": latest}) as w:
        position = await w.publish("snap:a", 1)
        latest.offset = 1
        recovered = w.reader()
        await recovered.subscribe("snap:a", since=Position(epoch=position.epoch, offset=0))
        lost = w.reader()
        joined = await lost.subscribe("snap:a", since=Position(epoch="gone", offset=0))
        assert recovered.values["snap:a"] == [1]
        assert lost.values["snap:a"] == [{"upto": 1}]
        assert (joined.was_recovering, joined.is_recovered) == (True, False)


async def test_what_is_published_while_the_snapshot_is_read_follows_it() -> None:
    latest = Latest()
    latest.gate = asyncio.Event()
    async with world(snapshots={"latest": latest}) as w, asyncio.TaskGroup() as tasks:
        await w.publish("snap:a", 1)
        latest.offset = 1
        reader = w.reader()
        tasks.create_task(reader.subscribe("snap:a"))
        await until(lambda: latest.reads)
        await w.publish("snap:a", 2)
        await w.publish("snap:a", 3)
        latest.gate.set()
        await until(lambda: len(reader.values.get("snap:a", ())) == 3)
        assert reader.values["snap:a"] == [{"upto": 1}, 2, 3]
        assert reader.joined[0].position.offset == 1


async def test_a_snapshot_that_is_ahead_of_the_channel_hides_nothing_and_repeats_nothing() -> None:
    latest = Latest()
    async with world(snapshots={"latest": latest}) as w:
        watcher = w.reader()
        await watcher.subscribe("snap:a")
        w.bus.loses = True
        await w.publish("snap:a", 1)
        await w.publish("snap:a", 2)
        w.bus.loses = False
        latest.offset = 2
        reader = w.reader()
        await reader.subscribe("snap:a")
        await w.publish("snap:a", 3)
        await tick()
        assert reader.values["snap:a"] == [{"upto": 2}, 3]
        # Who was there is brought as far on the way.
        assert watcher.values["snap:a"] == [{"upto": 0}, 1, 2, 3]


async def test_who_asks_at_the_same_time_shares_the_snapshot() -> None:
    latest = Latest()
    latest.gate = asyncio.Event()
    async with world(snapshots={"latest": latest}) as w:
        readers = [w.reader() for _ in range(50)]
        async with asyncio.TaskGroup() as tasks:
            for reader in readers:
                tasks.create_task(reader.subscribe("snap:a"))
            await until(lambda: latest.reads)
            for _ in range(10):
                await tick()
            latest.gate.set()
        assert latest.reads == 1
        assert all(reader.values["snap:a"] == [{"upto": 0}] for reader in readers)


async def test_a_snapshot_that_cannot_be_read_fails_the_subscribe() -> None:
    async def broken(channel: str, /) -> Snapshot | None:
        raise Unavailable("the rows are gone")

    async with world(snapshots={"latest": broken}) as w:
        with pytest.raises(Unavailable, match="the rows are gone"):
            await w.reader().subscribe("snap:a")


async def test_a_connection_that_goes_away_while_it_subscribes_joins_nothing() -> None:
    latest = Latest()
    latest.gate = asyncio.Event()
    async with world(snapshots={"latest": latest}) as w:
        reader = w.reader()

        async def subscribe() -> None:
            with pytest.raises(AssertionError):
                await reader.subscribe("snap:a")

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(subscribe())
            await until(lambda: latest.reads)
            reader.leave()
            latest.gate.set()
        assert reader.joined == []
        assert w.hub.subscriber_counts() == {}
