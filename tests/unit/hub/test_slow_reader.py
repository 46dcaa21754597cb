import pytest
from world import tick, world

from avance.edge.link import Frame
from avance.hub.limits import HubLimits
from avance.hub.outbox import Outbox


async def test_a_slow_reader_gets_the_newest_progress_and_everything_else() -> None:
    async with world() as w:
        reader = w.reader()
        await reader.subscribe("kept:a")
        reader.is_writable = False
        for percent in range(50):
            await w.publish("kept:a", {"percent": percent}, conflate="progress")
        await w.publish("kept:a", {"log": "half"})
        for percent in range(50, 100):
            await w.publish("kept:a", {"percent": percent}, conflate="progress")
        await w.publish("kept:a", {"state": "completed"})
        await tick()
        assert reader.writes == []
        reader.is_writable = True
        reader.outlet.resume()
        assert reader.values["kept:a"] == [{"log": "half"}, {"percent": 99}, {"state": "completed"}]
        assert reader.offsets["kept:a"] == [51, 101, 102]


async def test_what_one_channel_waits_for_does_not_replace_that_of_another() -> None:
    async with world() as w:
        reader = w.reader()
        await reader.subscribe("kept:a")
        await reader.subscribe("kept:b")
        reader.is_writable = False
        await w.publish("kept:a", 1, conflate="progress")
        await w.publish("kept:b", 2, conflate="progress")
        await tick()
        reader.is_writable = True
        reader.outlet.resume()
        assert (reader.values["kept:a"], reader.values["kept:b"]) == ([1], [2])


async def test_a_reader_that_stands_still_delays_nobody() -> None:
    async with world() as w:
        slow, quick = w.reader(), w.reader()
        await slow.subscribe("kept:a")
        await quick.subscribe("kept:a")
        slow.is_writable = False
        for number in range(100):
            await w.publish("kept:a", number)
        await tick()
        assert quick.values["kept:a"] == list(range(100))
        assert slow.writes == []


FRAME_BYTES = len(b'{"push":{"channel":"kept:a","pub":{"data":1,"offset":1}}}')


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param(HubLimits(outbox_frames_max=8), id="by count"),
        pytest.param(HubLimits(outbox_bytes_max=8 * FRAME_BYTES), id="by bytes"),
    ],
)
async def test_a_reader_that_lets_too_much_wait_is_given_up(limits: HubLimits) -> None:
    async with world(limits=limits) as w:
        # The first publication of a stream is longer than the others: it tells the epoch.
        await w.publish("kept:a", 0)
        reader = w.reader()
        await reader.subscribe("kept:a")
        reader.is_writable = False
        for _ in range(8):
            await w.publish("kept:a", 1)
        await tick()
        assert not reader.slow
        await w.publish("kept:a", 2)
        await tick()
        assert reader.slow
        assert reader.outlet.is_dead
        await w.publish("kept:a", 3)
        await tick()
        assert not reader.outlet.is_waiting


async def test_what_waited_goes_out_in_slices() -> None:
    async with world(limits=HubLimits(drain_slice_bytes=1_000)) as w:
        reader = w.reader()
        await reader.subscribe("kept:a")
        reader.is_writable = False
        for _ in range(20):
            await w.publish("kept:a", "x" * 300)
        await tick()
        reader.is_writable = True
        reader.outlet.resume()
        assert len(reader.writes) > 4
        assert reader.offsets["kept:a"] == list(range(1, 21))


async def test_what_is_published_while_a_reader_drains_stays_behind_what_waited() -> None:
    async with world(limits=HubLimits(drain_slice_bytes=1)) as w:
        reader = w.reader()
        await reader.subscribe("kept:a")
        reader.is_writable = False
        for number in range(3):
            await w.publish("kept:a", number)
        await tick()
        write = reader.write

        def write_once(frames: list[Frame]) -> None:
            write(frames)
            reader.is_writable = False

        reader.write = write_once  # type: ignore[method-assign, assignment]
        for number in range(3, 6):
            reader.is_writable = True
            reader.outlet.resume()
            await w.publish("kept:a", number)
            await tick()
        for _ in range(3):
            reader.is_writable = True
            reader.outlet.resume()
        assert reader.values["kept:a"] == list(range(6))


def test_a_frame_that_is_replaced_frees_its_bytes() -> None:
    outbox = Outbox(HubLimits())
    outbox.add(Frame(b"x" * 100, conflate="a"))
    outbox.add(Frame(b"y" * 10, conflate="a"))
    assert (len(outbox), outbox.size_bytes) == (1, 10)
    assert [frame.payload for frame in outbox.take()] == [b"y" * 10]
    assert outbox.size_bytes == 0
