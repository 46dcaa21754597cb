import asyncio
from typing import Any

from world import Reader, tick, until, world

from avance.ports.presence import Member
from avance.testing.clock import FakeClock


def present(client: str, user: str = "42") -> dict[str, Any]:
    return {
        "member": Member(client=client, user=user, conn_info=b'{"name":"Eva"}'),
        "is_present": True,
        "is_announced": True,
        "wants_joins": True,
    }


def announced(reader: Reader, kind: str) -> list[str]:
    return [push[kind]["info"]["client"] for push in reader.pushes if kind in push]


async def test_who_subscribes_is_present_until_it_leaves() -> None:
    async with world() as w:
        reader = w.reader()
        await reader.subscribe("kept:a", **present("c1"))
        members = await w.hub.watchers("kept:a")
        assert members["c1"].user == "42"
        reader.unsubscribe("kept:a")
        await tick()
        assert await w.hub.watchers("kept:a") == {}


async def test_a_connection_that_is_lost_is_no_longer_present() -> None:
    async with world() as w:
        reader = w.reader()
        await reader.subscribe("kept:a", **present("c1"))
        await reader.subscribe("kept:b", **present("c1"))
        reader.leave()
        await tick()
        assert await w.hub.watchers("kept:a") == {}
        assert await w.hub.watchers("kept:b") == {}


async def test_who_stays_stays_present_beyond_the_time_to_live() -> None:
    clock = FakeClock()
    async with world(clock=clock) as w:
        reader = w.reader()
        await reader.subscribe("kept:a", **present("c1"))
        for _ in range(200):
            clock.advance(1.0)
            await tick()
        assert list(await w.hub.watchers("kept:a")) == ["c1"]


async def test_joins_and_leaves_are_told_to_all_and_the_own_join_as_well() -> None:
    async with world() as w:
        first, second = w.reader(), w.reader()
        await first.subscribe("kept:a", **present("c1"))
        await second.subscribe("kept:a", **present("c2"))
        await tick()
        assert announced(first, "join") == ["c1", "c2"]
        assert announced(second, "join") == ["c2"]
        second.leave()
        await tick()
        assert announced(first, "leave") == ["c2"]
        info = next(push["join"]["info"] for push in first.pushes if "join" in push)
        assert info == {"user": "42", "client": "c1", "conn_info": {"name": "Eva"}}


async def test_who_did_not_ask_hears_of_no_joins() -> None:
    async with world() as w:
        quiet = w.reader()
        await quiet.subscribe("kept:a")
        await w.reader().subscribe("kept:a", **present("c1"))
        await tick()
        assert quiet.pushes == []


async def test_leaving_and_coming_back_at_once_ends_present() -> None:
    async with world() as w:
        reader = w.reader()
        for _ in range(20):
            await reader.subscribe("kept:a", **present("c1"))
            reader.unsubscribe("kept:a")
        await reader.subscribe("kept:a", **present("c1"))
        await until(lambda: not w.hub.attendance.is_leaving)
        for _ in range(20):
            await asyncio.sleep(0)
        assert list(await w.hub.watchers("kept:a")) == ["c1"]


async def test_joins_and_leaves_leave_no_gap_in_the_stream() -> None:
    async with world() as w:
        reader = w.reader()
        await reader.subscribe("kept:a", **present("c1"))
        await w.publish("kept:a", 1)
        other = w.reader()
        await other.subscribe("kept:a", **present("c2"))
        other.leave()
        await w.publish("kept:a", 2)
        await tick()
        assert reader.offsets["kept:a"] == [1, 2]
