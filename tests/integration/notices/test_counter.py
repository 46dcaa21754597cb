"""
The counter equals `count(*)` whatever two nodes with several connections each do at once to one database, on both engines; and an inbox of
ten thousand costs no more than a small one. docs/contract/notices.md 002-T18, 002-20.
"""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from postgres_service import PostgresServer

from avance.backends.memory import MemoryBus
from avance.backends.postgres import PostgresDatabase, PostgresRecords, PostgresStore
from avance.backends.sqlite import SqliteDatabase, SqliteRecords, SqliteStore
from avance.model.inbox import Priority
from avance.notify.draft import Draft
from avance.notify.operations import Op, Selection
from avance.notify.rows import IS_UNREAD, IS_UNSEEN
from avance.notify.service import SCHEMA, Inboxes, Wanted
from avance.notify.upkeep import InboxUpkeep
from avance.ports.records import Changes, Rows
from avance.ports.store import Store
from avance.testing.clock import FakeClock

from .conftest import Built, Serving

pytestmark = pytest.mark.timeout(90)
PRIORITIES = tuple(Priority)
NODES, CONNECTIONS = 2, 3
_names = count(1)

_sends = st.tuples(st.just("send"), st.sampled_from(PRIORITIES), st.booleans())
_some = st.tuples(st.just("some"), st.sampled_from(Op), st.lists(st.integers(0, 20), max_size=3))
_all = st.tuples(st.just("all"), st.sampled_from(Op), st.integers(0, 20))
_time = st.tuples(st.just("time"), st.integers(10, 60))
_acts = st.lists(st.one_of(_sends, _sends, _some, _all, _time), min_size=1, max_size=8)
_plans = st.lists(_acts, min_size=NODES * CONNECTIONS, max_size=NODES * CONNECTIONS)


class Node:
    """
    One process as far as the database sees it: connections of its own.
    """

    def __init__(self, store: Store, inboxes: Inboxes, clock: FakeClock) -> None:
        self.store = store
        self.inboxes = inboxes
        self.clock = clock
        self.upkeep = InboxUpkeep(inboxes)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param == "sqlite":
        return str(tmp_path_factory.mktemp("counting") / "avance.db")
    server: PostgresServer = request.getfixturevalue("postgres_server")
    server.ensure()
    server.sql("CREATE DATABASE counting")
    return f"postgresql://postgres@127.0.0.1:{server.port}/counting"


@asynccontextmanager
async def a_node(place: str, clock: FakeClock) -> AsyncIterator[Node]:
    async with AsyncExitStack() as stack:
        store: Store
        if place.startswith("postgresql:"):
            postgres = PostgresDatabase(place, clock=clock)
            store = await stack.enter_async_context(PostgresStore(postgres))
            records: Any = PostgresRecords(postgres)
        else:
            sqlite = SqliteDatabase(Path(place), clock=clock)
            store = await stack.enter_async_context(SqliteStore(sqlite))
            records = SqliteRecords(sqlite)
        await records.migrate(SCHEMA)
        yield Node(store, Inboxes(records, MemoryBus(), clock), clock)


async def act(node: Node, user: str, known: list[int], what: tuple[Any, ...]) -> None:
    match what:
        case ("send", priority, expires):
            draft = Draft(
                user=user, title="x", priority=priority, expires_s=90 if expires else None
            )
            sent = await node.inboxes.send(draft)
            assert sent.notice is not None
            known.append(sent.notice.id)
        case ("time", seconds):
            node.clock.advance(seconds)
            await node.upkeep.round()
        case (_, op, wanted) if known:
            until_ms = node.clock.now_ms() + 30_000 if op is Op.SNOOZE else None
            chosen = (
                Selection(up_to=known[wanted % len(known)])
                if isinstance(wanted, int)
                else Selection(ids=tuple(known[one % len(known)] for one in wanted))
            )
            if chosen.ids or chosen.up_to is not None:
                await node.inboxes.operate(user, op, chosen, until_ms=until_ms)


async def check(node: Node, user: str) -> None:
    def read(rows: Rows) -> list[int]:
        wanted = [IS_UNREAD, IS_UNSEEN] + [f"{IS_UNREAD} AND priority = {n}" for n in range(4)]
        found = [
            rows.one(f"SELECT count(*) FROM notices WHERE user_id = ? AND {where}", user)
            for where in wanted
        ]
        return [row[0] for row in found if row]

    counts = await node.inboxes.counts(user)
    told = [counts.unread, counts.unseen, *(counts.by_priority[one] for one in PRIORITIES)]
    assert told == await node.inboxes.records.read(read)
    page = await node.store.stream(f"inbox:#{user}", since=0, limit=1_000)
    versions = [msgspec.json.decode(one.data)["counts"]["version"] for one in page.publications]
    assert versions == list(range(1, counts.version + 1)), "each change is told once, in order"


@settings(max_examples=8)
@given(plans=_plans)
async def test_after_anything_that_two_nodes_do_at_once_the_counter_is_right(
    place: str, plans: list[list[Any]]
) -> None:
    """
    002-T18: sends, every operation on some and on all, time that wakes and expires; nothing is refused, lost or counted twice.
    """
    user, known, clock = f"user-{next(_names)}", [], FakeClock()
    async with a_node(place, clock) as one, a_node(place, clock) as two:
        nodes = [one, two] * CONNECTIONS

        async def connection(node: Node, acts: list[Any]) -> None:
            for what in acts:
                await act(node, user, known, what)

        async with asyncio.TaskGroup() as group:
            for node, acts in zip(nodes, plans, strict=True):
                group.create_task(connection(node, acts))
        for node in (one, two):
            await check(node, user)


MANY = 10_000
BODY = "x" * 1_000


def fill(changes: Changes) -> None:
    changes.run_many(
        "INSERT INTO notices (user_id, kind, priority, title, body, data, actions, channels, created_ms)"
        " VALUES ('1', 'system_alert', 1, ?, ?, '{}', '[]', '[\"in_app\"]', ?)",
        [(f"number {number}", BODY, changes.now_ms) for number in range(MANY)],
    )
    changes.run(
        "INSERT INTO notice_deliveries (notice_id, channel, user_id, kind, state, attempts, created_ms, changed_ms)"
        " SELECT id, 'in_app', user_id, kind, 'queued', 0, created_ms, created_ms FROM notices"
    )
    changes.run(f"INSERT INTO notice_counts VALUES ('1', {MANY}, {MANY}, 0, {MANY}, 0, 0, 1)")


async def test_ten_thousand_unread_cost_no_more_than_what_is_shown(
    token_mode: Built, serving: Serving
) -> None:
    """
    Decision 9: greeting, list, snapshot and read-all hold a page in memory, never the inbox; other users do not notice.
    """
    async with serving(token_mode) as site:
        await site.host.records.write(fill)
        inboxes = site.host.engine.notices.inboxes
        tracemalloc.start()
        try:
            assert len(await inboxes.missed("1")) == 50
            assert (await inboxes.page("1", Wanted(limit=100, offset=9_000))).total == MANY
            assert len((await inboxes.snapshot("1")).notifications) == 20
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < MANY * len(BODY) / 10, "a tenth of the texts alone"
        async with site.tab_of("1") as tab, site.tab_of("1") as same, site.tab_of("2") as other:
            assert await other.greeted() == 0
            for one in (tab, same):
                assert await one.greeted() == MANY
                subjects = [(await one.next())["subject"] for _ in range(50)]
                assert subjects == [f"number {number}" for number in range(MANY - 50, MANY)]
            await site.notify(user_id=2)
            assert (await other.next())["type"] == "notification"
            said = await site.call("POST", "/api/notifications/read-all", json={"up_to": MANY - 1})
            assert said == {"success": True, "updated_count": MANY - 1}
            for one in (tab, same):
                assert (await one.until("unread_count"))["count"] == 1
                await one.nothing_more()
        said = await site.call("DELETE", "/api/notifications")
        assert said["deleted_count"] == MANY
        assert (await site.call("GET", "/api/notifications"))["total"] == 0
