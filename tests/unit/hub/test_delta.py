from typing import Any

from world import tick, world

from avance.edge.link import Frame
from avance.model.stream import Position

FILLER = "the same in every publication " * 8


def progress(number: int) -> dict[str, Any]:
    return {"filler": FILLER, "number": number, "text": "é" * (number % 5)}


async def test_the_first_push_is_whole_and_the_next_are_patches() -> None:
    async with world() as w:
        reader = w.reader(is_delta=True)
        await reader.subscribe("kept:a")
        for number in range(4):
            await w.publish("kept:a", progress(number))
        await tick()
        assert reader.values["kept:a"] == [progress(number) for number in range(4)]
        deltas = [push["pub"].get("delta", False) for push in reader.pushes]
        assert deltas == [False, True, True, True]


async def test_who_comes_later_begins_a_chain_of_its_own() -> None:
    async with world() as w:
        first, second = w.reader(is_delta=True), w.reader(is_delta=True)
        await first.subscribe("kept:a")
        await w.publish("kept:a", progress(0))
        await second.subscribe("kept:a")
        for number in range(1, 4):
            await w.publish("kept:a", progress(number))
        await tick()
        assert second.values["kept:a"] == [progress(number) for number in range(1, 4)]
        assert first.values["kept:a"] == [progress(number) for number in range(4)]
        assert [push["pub"].get("delta", False) for push in second.pushes] == [False, True, True]


async def test_the_chain_is_whole_after_a_reader_waited() -> None:
    async with world() as w:
        reader = w.reader(is_delta=True)
        await reader.subscribe("kept:a")
        await w.publish("kept:a", progress(0))
        await tick()
        reader.is_writable = False
        for number in range(1, 20):
            await w.publish("kept:a", progress(number), conflate="progress")
            await tick()
        reader.is_writable = True
        reader.outlet.resume()
        for number in range(20, 23):
            await w.publish("kept:a", progress(number), conflate="progress")
            await tick()
        assert reader.values["kept:a"][-1] == progress(22)
        assert reader.values["kept:a"][-4:-1] == [progress(19), progress(20), progress(21)]
        assert reader.pushes[-1]["pub"]["delta"] is True


async def test_several_publications_in_one_step_are_each_a_patch_of_the_one_before() -> None:
    async with world() as w:
        readers = [w.reader(is_delta=True) for _ in range(3)]
        for reader in readers:
            await reader.subscribe("kept:a")
        body = [await w.publish("kept:a", progress(number)) for number in range(3)]
        w.hub.flush()
        assert len(body) == 3
        for reader in readers:
            assert reader.values["kept:a"] == [progress(number) for number in range(3)]


async def test_subscribers_with_and_without_patches_see_the_same() -> None:
    async with world() as w:
        plain, patched = w.reader(), w.reader(is_delta=True)
        await plain.subscribe("kept:a")
        await patched.subscribe("kept:a")
        for number in range(5):
            await w.publish("kept:a", progress(number))
        await tick()
        assert plain.values["kept:a"] == patched.values["kept:a"]


async def test_an_answer_that_finds_the_link_full_loses_nothing_that_was_just_published() -> None:
    async with world() as w:
        reader = w.reader(is_delta=True)
        await reader.subscribe("kept:a")
        await w.publish("kept:a", progress(0))
        await tick()
        await w.publish("kept:a", progress(1), conflate="progress")
        reader.is_writable = False
        reader.outlet.send((Frame(b'{"push":{"message":{"data":1}}}'),))
        await w.publish("kept:a", progress(2), conflate="progress")
        await tick()
        reader.is_writable = True
        reader.outlet.resume()
        assert reader.values["kept:a"] == [progress(0), progress(1), progress(2)]


async def test_who_joins_between_a_publication_and_its_flush_gets_it_once() -> None:
    async with world() as w:
        first = w.reader()
        await first.subscribe("kept:a")
        position = await w.publish("kept:a", progress(1))
        second = w.reader()
        joined = await second.subscribe("kept:a", since=Position(epoch=position.epoch, offset=0))
        await tick()
        assert joined.is_recovered
        assert second.offsets["kept:a"] == [1]
        assert first.offsets["kept:a"] == [1]
