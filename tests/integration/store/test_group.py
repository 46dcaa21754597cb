import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from avance.backends.sqlite import SqliteStore, Transaction
from avance.errors import NotFound
from avance.ports.store import Durability
from avance.testing.conformance.sample import an_event, say


async def test_an_operation_that_fails_half_way_leaves_no_trace_and_touches_no_other(
    open_store: Callable[..., SqliteStore],
) -> None:
    def half(transaction: Transaction) -> None:
        transaction.execute("INSERT INTO meta VALUES ('half', '1')")
        transaction.ledger.append([an_event("a")], transaction.now_ms)
        raise NotFound("the second half is missing")

    async with open_store() as store:
        outcomes = await asyncio.gather(
            say(store, "a", b"{}"),
            store.database.write(half),
            say(store, "a", b"{}"),
            return_exceptions=True,
        )
        assert isinstance(outcomes[1], NotFound)
        page = await store.stream("a", limit=9)
        assert [p.offset for p in page.publications] == [1, 2]
        kept = await store.database.read(
            lambda c: c.execute("SELECT * FROM meta WHERE key = 'half'").fetchall()
        )
        assert kept == []


@pytest.mark.parametrize("checks_first", [False, True])
async def test_a_mistake_of_an_operation_is_its_own(
    open_store: Callable[..., SqliteStore], checks_first: bool
) -> None:
    def wrong(transaction: Transaction) -> None:
        transaction.ledger.append([an_event("a")], transaction.now_ms)
        raise KeyError("a mistake")

    async with open_store() as store:
        outcomes = await asyncio.gather(
            say(store, "a", b"{}"),
            store.database.write(wrong, checks_first=checks_first),
            say(store, "a", b"{}"),
            return_exceptions=True,
        )
        assert isinstance(outcomes[1], KeyError)
        assert (await store.stream("a")).top.offset == 2
        assert [p.offset for p in (await store.stream("a", limit=9)).publications] == [1, 2]


@pytest.mark.parametrize("checks_first", [False, True])
async def test_a_statement_that_is_wrong_is_not_taken_for_a_fault_of_the_disk(
    open_store: Callable[..., SqliteStore], checks_first: bool
) -> None:
    async with open_store() as store:
        outcomes = await asyncio.gather(
            say(store, "a", b"{}"),
            store.database.write(
                lambda transaction: transaction.execute("SELECT * FROM nowhere"),
                checks_first=checks_first,
            ),
            store.database.read(lambda c: c.execute("SELECT * FROM nowhere")),
            store.job("x"),
            return_exceptions=True,
        )
        assert isinstance(outcomes[1], sqlite3.OperationalError)
        assert isinstance(outcomes[2], sqlite3.OperationalError)
        assert outcomes[3] is None
        assert (await store.stream("a")).top.offset == 1


async def test_a_constraint_that_an_operation_breaks_is_its_own(
    open_store: Callable[..., SqliteStore],
) -> None:
    def doubled(transaction: Transaction) -> None:
        for _ in range(2):
            transaction.execute("INSERT INTO meta VALUES ('doubled', '1')")

    async with open_store() as store:
        outcomes = await asyncio.gather(
            say(store, "a", b"{}"), store.database.write(doubled), return_exceptions=True
        )
        assert isinstance(outcomes[1], sqlite3.IntegrityError)
        assert (await store.stream("a")).top.offset == 1


async def test_an_operation_of_another_port_writes_rows_and_events_together(
    open_store: Callable[..., SqliteStore],
) -> None:
    def notify(transaction: Transaction) -> int:
        transaction.execute("INSERT INTO meta VALUES ('notice', 'x')")
        (told,) = transaction.ledger.append([an_event("inbox:#ana")], transaction.now_ms)
        return told.offset

    async with open_store() as store:
        assert await store.database.write(notify, durability=Durability.NORMAL) == 1
        assert (await store.stream("inbox:#ana")).top.offset == 1


async def test_more_operations_than_a_group_holds_are_all_done(
    open_store: Callable[..., SqliteStore],
) -> None:
    async with open_store(group_ops_max=7, channels_cached_max=5) as store:
        told = await asyncio.gather(*(say(store, f"c{n % 20}", b"{}") for n in range(100)))
        assert len(told) == 100
        for n in range(20):
            page = await store.stream(f"c{n}", limit=9)
            assert [p.offset for p in page.publications] == [1, 2, 3, 4, 5]


async def test_a_caller_in_another_event_loop_is_refused(
    open_store: Callable[..., SqliteStore],
) -> None:
    async with open_store() as store:
        with pytest.raises(RuntimeError, match="another event loop"):
            await asyncio.to_thread(asyncio.run, store.job("x"))


async def test_the_write_ahead_log_stays_bounded_under_load(
    path: Path, open_store: Callable[..., SqliteStore]
) -> None:
    pages = 200
    async with open_store(log_pages_max=pages, wal_bytes_kept_max=0) as store:
        for _ in range(400):
            await asyncio.gather(*(say(store, f"c{n}", b"{}") for n in range(20)))
        log_bytes = await asyncio.to_thread(lambda: Path(f"{path}-wal").stat().st_size)
        assert log_bytes < 10 * pages * 4096
