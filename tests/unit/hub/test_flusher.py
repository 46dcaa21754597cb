from typing import Any

import anyio
from world import tick, world

from avance.hub.limits import HubLimits
from avance.model.stream import Publication
from avance.testing.clock import FakeClock


def live(number: int) -> list[Publication]:
    return [Publication(channel="live:a", epoch="", offset=0, data=b"%d" % number)]


async def test_what_comes_in_one_step_is_written_together() -> None:
    async with world() as w:
        reader = w.reader()
        await reader.subscribe("live:a")
        for number in range(10):
            w.bus.publish(live(number))
        await tick()
        assert len(reader.writes) == 1
        assert reader.values["live:a"] == list(range(10))


async def test_an_idle_hub_writes_at_once_and_a_busy_one_gathers() -> None:
    clock = FakeClock()
    limits = HubLimits(gather_ms_max=30.0, gather_cost_factor=2.0)
    async with world(clock=clock, limits=limits) as w:
        reader = w.reader()
        await reader.subscribe("live:a")
        write = reader.write

        def costly(frames: Any) -> None:
            clock.advance(0.010)
            write(frames)

        reader.write = costly  # type: ignore[method-assign]
        w.bus.publish(live(1))
        await tick()
        assert len(reader.writes) == 1
        # That took 10 ms, so for the next 20 ms it gathers.
        w.bus.publish(live(2))
        await tick()
        w.bus.publish(live(3))
        await tick()
        assert len(reader.writes) == 1
        w.hub.flush()
        assert len(reader.writes) == 2
        clock.advance(0.050)
        w.bus.publish(live(4))
        await tick()
        assert len(reader.writes) == 3
        assert reader.values["live:a"] == [1, 2, 3, 4]


async def test_gathering_ends_by_itself_within_its_latency() -> None:
    limits = HubLimits(gather_ms_max=1.0, gather_cost_factor=1_000_000.0)
    clock = FakeClock()
    async with world(clock=clock, limits=limits) as w:
        reader = w.reader()
        await reader.subscribe("live:a")
        write = reader.write

        def costly(frames: Any) -> None:
            clock.advance(1.0)
            write(frames)
            done.set()

        done = anyio.Event()
        reader.write = costly  # type: ignore[method-assign]
        w.bus.publish(live(1))
        await done.wait()
        done = anyio.Event()
        w.bus.publish(live(2))
        with anyio.fail_after(5):
            await done.wait()
        assert reader.values["live:a"] == [1, 2]
