"""
The counter equals what is there, whatever happens: docs/contract/notices.md 002-T18.
"""

import asyncio
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avance.model.inbox import Counts
from avance.notify.operations import Op, Selection
from avance.notify.rows import IS_UNREAD, IS_UNSEEN

from .world import World, a_world

USERS = ("ana", "bob")
PRIORITIES = ("low", "normal", "high", "critical")

_ids = st.lists(st.integers(1, 12), min_size=1, max_size=4)
_sends = st.tuples(
    st.just("send"), st.sampled_from(USERS), st.sampled_from(PRIORITIES), st.sampled_from("ab")
)
_some = st.tuples(st.just("some"), st.sampled_from(USERS), st.sampled_from(Op), _ids)
_all = st.tuples(st.just("all"), st.sampled_from(USERS), st.sampled_from(Op), st.integers(1, 12))
_time = st.tuples(st.just("time"), st.integers(1, 60))
_acts = st.one_of(_sends, _sends, _some, _all, _time)


async def act(world: World, what: tuple[Any, ...]) -> None:
    if what[0] == "send":
        _, user, priority, group = what
        await world.send(user=user, priority=priority, group=group, expires_s=300)
    elif what[0] == "time":
        world.clock.advance(what[1])
        await world.upkeep.round()
    else:
        _, user, op, target = what
        chosen = (
            Selection(ids=tuple(target))
            if what[0] == "some"
            else Selection(up_to=target, group="a" if target % 3 == 0 else None)
        )
        until_ms = world.clock.now_ms() + 30_000 if op is Op.SNOOZE else None
        await world.inboxes.operate(user, op, chosen, until_ms=until_ms)


async def check(world: World, user: str) -> None:
    counts = await check_numbers(world, user)
    page = await world.store.stream(f"inbox:#{user}", since=0, limit=1000)
    events = [msgspec.json.decode(one.data) for one in page.publications]
    versions = [event["counts"]["version"] for event in events]
    assert versions == list(range(1, len(versions) + 1)), "each change is told once, in order"
    if events:
        assert events[-1]["counts"] == msgspec.to_builtins(counts)


async def check_numbers(world: World, user: str) -> Counts:
    counts = await world.inboxes.counts(user)
    counted = await world.records.read(
        lambda rows: [
            rows.one(f"SELECT count(*) FROM notices WHERE user_id = ? AND {where}", user)
            for where in (
                IS_UNREAD,
                IS_UNSEEN,
                *(f"{IS_UNREAD} AND priority = {rank}" for rank in range(4)),
            )
        ]
    )
    told = [counts.unread, counts.unseen, *(counts.by_priority[name] for name in PRIORITIES)]
    assert told == [row[0] for row in counted if row]
    return counts


@settings(max_examples=60)
@given(st.lists(_acts, max_size=25), st.lists(_acts, max_size=25), st.lists(_acts, max_size=25))
async def test_after_any_operations_of_three_connections_at_once_the_counter_is_right(
    one: list[Any], two: list[Any], three: list[Any]
) -> None:
    """
    002-T18: three connections, interleaved as the store takes them.
    """

    async def connection(world: World, acts: list[Any]) -> None:
        for what in acts:
            await act(world, what)

    async with a_world() as world:
        async with asyncio.TaskGroup() as group:
            for acts in (one, two, three):
                group.create_task(connection(world, acts))
        for user in USERS:
            await check(world, user)


@pytest.mark.timeout(90)
async def test_ten_thousand_random_operations_of_three_tabs_leave_the_counter_right(
    world: World,
) -> None:
    """
    002-T18: as many as the contract names, looked at on the way as well.
    """
    random = Random(18)
    sent = 0

    async def tab(turns: int) -> None:
        nonlocal sent
        for _ in range(turns):
            user, op, newest = random.choice(USERS), random.choice(list(Op)), 1 + sent
            kind = random.random()
            if kind < 0.4:
                what: tuple[Any, ...] = ("send", user, random.choice(PRIORITIES), "a")
                sent += 1
            elif kind < 0.97:
                what = ("some", user, op, [random.randint(1, newest) for _ in range(3)])
            elif kind < 0.99:
                what = ("all", user, op, random.randint(1, newest))
            else:
                what = ("time", random.randint(1, 60))
            await act(world, what)

    for _ in range(4):
        async with asyncio.TaskGroup() as group:
            for turns in (834, 833, 833):
                group.create_task(tab(turns))
        for user in USERS:
            assert (await check_numbers(world, user)).version > 100
