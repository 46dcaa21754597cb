import pytest
from world import tick, until, world

from avance.errors import NotFound, Unavailable
from avance.hub.limits import HubLimits
from avance.model.stream import Publication
from avance.testing.clock import FakeClock


async def test_every_subscriber_gets_every_publication_once_in_order() -> None:
    async with world() as w:
        readers = [w.reader() for _ in range(3)]
        for reader in readers:
            await reader.subscribe("kept:a")
        for number in range(5):
            await w.publish("kept:a", number)
        await tick()
        for reader in readers:
            assert reader.offsets["kept:a"] == [1, 2, 3, 4, 5]
            assert reader.values["kept:a"] == [0, 1, 2, 3, 4]


async def test_a_frame_is_made_once_and_shared_by_all() -> None:
    async with world() as w:
        readers = [w.reader() for _ in range(3)]
        for reader in readers:
            await reader.subscribe("live:a")
        w.bus.publish(
            [Publication(channel="live:a", epoch="", offset=0, data=b"%d" % n) for n in range(4)]
        )
        await tick()
        assert all(len(reader.writes) == 1 for reader in readers)
        first = readers[0].writes[0]
        assert all(reader.writes[0] is first for reader in readers)


async def test_a_connection_with_several_channels_is_written_once_a_step() -> None:
    async with world() as w:
        readers = [w.reader() for _ in range(3)]
        for reader in readers:
            await reader.subscribe("live:a")
            await reader.subscribe("live:b")
        w.bus.publish(
            [
                Publication(channel=channel, epoch="", offset=0, data=b"1")
                for channel in ("live:a", "live:b", "live:a")
            ]
        )
        await tick()
        assert [len(reader.writes) for reader in readers] == [1, 1, 1]
        assert all(reader.writes[0] is readers[0].writes[0] for reader in readers)
        assert len(readers[0].pushes) == 3


async def test_a_gap_is_filled_from_the_store() -> None:
    async with world() as w:
        reader = w.reader()
        await reader.subscribe("kept:a")
        await w.publish("kept:a", 1)
        w.bus.loses = True
        await w.publish("kept:a", 2)
        await w.publish("kept:a", 3)
        w.bus.loses = False
        await w.publish("kept:a", 4)
        await until(lambda: reader.position("kept:a") == 4)
        assert reader.values["kept:a"] == [1, 2, 3, 4]


async def test_a_hint_without_a_publication_is_read_from_the_store() -> None:
    async with world() as w:
        reader = w.reader()
        await reader.subscribe("kept:a")
        w.bus.strips = True
        for number in range(3):
            await w.publish("kept:a", number)
        await until(lambda: reader.position("kept:a") == 3)
        assert reader.values["kept:a"] == [0, 1, 2]


async def test_a_hint_that_comes_twice_or_late_is_passed_over() -> None:
    async with world() as w:
        reader = w.reader()
        await reader.subscribe("kept:a")
        position = await w.publish("kept:a", 1)
        old = Publication(channel="kept:a", epoch=position.epoch, offset=position.offset, data=b"1")
        await w.publish("kept:a", 2)
        w.bus.publish([old, old])
        await tick()
        assert reader.values["kept:a"] == [1, 2]


async def test_the_last_hint_being_lost_is_found_by_the_position_check() -> None:
    clock = FakeClock()
    async with world(clock=clock) as w:
        reader = w.reader()
        await reader.subscribe("kept:a")
        w.bus.loses = True
        await w.publish("kept:a", 1)
        await tick()
        assert reader.position("kept:a") == 0
        while reader.position("kept:a") < 1:
            clock.advance(w.hub.limits.upkeep_s)
            await tick()
        assert reader.values["kept:a"] == [1]


async def test_another_epoch_ends_the_subscription() -> None:
    async with world() as w:
        reader = w.reader()
        await reader.subscribe("kept:a")
        await w.publish("kept:a", 1)
        w.bus.publish([Publication(channel="kept:a", epoch="other", offset=2, data=b"2")])
        await tick()
        assert reader.lost_channels == ["kept:a"]
        # It comes back to what the store has.
        joined = await reader.subscribe("kept:a")
        assert joined.position.offset == 1


async def test_publications_that_are_kept_nowhere_are_delivered_as_they_come() -> None:
    async with world() as w:
        reader = w.reader()
        joined = await reader.subscribe("live:a")
        assert (joined.position.epoch, joined.position.offset) == ("", 0)
        await w.publish("live:a", "x")
        await w.publish("live:a", "y")
        await tick()
        assert reader.values["live:a"] == ["x", "y"]
        assert w.store.reads == 0


async def test_a_bus_that_was_away_ends_no_subscription_to_what_is_kept_nowhere() -> None:
    async with world() as w:
        reader = w.reader()
        await reader.subscribe("live:a")
        w.bus.strips = True
        await w.publish("live:a", "lost")
        w.bus.strips = False
        await w.publish("live:a", "heard")
        await until(lambda: "live:a" in reader.values)
        assert reader.values["live:a"] == ["heard"]
        assert not reader.lost_channels
        assert w.store.reads == 0


async def test_a_channel_of_no_namespace_is_refused() -> None:
    async with world() as w:
        with pytest.raises(NotFound, match="unknown:a"):
            await w.reader().subscribe("unknown:a")


async def test_a_store_that_is_not_there_fails_the_subscribe_and_not_the_next_one() -> None:
    async with world() as w:
        w.store.failure = Unavailable("the disk is gone; wait for it")
        with pytest.raises(Unavailable, match="the disk is gone"):
            await w.reader().subscribe("kept:a")
        w.store.failure = None
        joined = await w.reader().subscribe("kept:a")
        assert joined.position.offset == 0


async def test_a_gap_waits_for_a_store_that_comes_back() -> None:
    clock = FakeClock()
    async with world(clock=clock) as w:
        reader = w.reader()
        await reader.subscribe("kept:a")
        w.bus.loses = True
        await w.publish("kept:a", 1)
        w.bus.loses = False
        w.store.failure = Unavailable("the disk is gone")
        await w.publish("kept:a", 2)
        for _ in range(20):
            clock.advance(1.0)
            await tick()
        assert reader.position("kept:a") == 0
        w.store.failure = None
        while reader.position("kept:a") < 2:
            clock.advance(1.0)
            await tick()
        assert reader.values["kept:a"] == [1, 2]


async def test_what_waits_behind_a_gap_is_bounded_and_nothing_is_lost() -> None:
    limits = HubLimits(buffered_publications_max=2, read_publications_max=3)
    async with world(limits=limits) as w:
        reader = w.reader()
        await reader.subscribe("kept:a")
        w.bus.loses = True
        await w.publish("kept:a", 0)
        w.bus.loses = False
        for number in range(1, 12):
            await w.publish("kept:a", number)
        await until(lambda: reader.position("kept:a") == 12)
        assert reader.values["kept:a"] == list(range(12))


async def test_a_channel_is_unwatched_when_nobody_came_back_for_a_while() -> None:
    clock = FakeClock()
    async with world(clock=clock) as w:
        reader = w.reader()
        await reader.subscribe("kept:a")
        assert w.bus.watched["kept:a"]
        reader.unsubscribe("kept:a")
        for _ in range(20):
            await clock.until_sleeping(1)
            clock.advance(w.hub.limits.upkeep_s)
            await tick()
        assert not w.bus.watched["kept:a"]


async def test_channels_that_linger_are_bounded() -> None:
    clock = FakeClock()
    async with world(clock=clock, limits=HubLimits(lingering_channels_max=2)) as w:
        reader = w.reader()
        for number in range(5):
            await reader.subscribe(f"live:{number}")
            clock.advance(0.001)
        for number in range(5):
            reader.unsubscribe(f"live:{number}")
            clock.advance(0.001)
        await clock.until_sleeping(1)
        clock.advance(w.hub.limits.upkeep_s)
        await tick()
        watched = [name for name, is_watched in w.bus.watched.items() if is_watched]
        assert watched == ["live:3", "live:4"]


async def test_a_hint_of_a_channel_that_nobody_watches_is_ignored() -> None:
    async with world() as w:
        w.bus.publish([Publication(channel="kept:zzz", epoch="e", offset=1, data=b"1")])
        assert w.store.reads == 0
