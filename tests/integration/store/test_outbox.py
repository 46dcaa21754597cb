import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from avance.backends.sqlite import SqliteQueue, SqliteStore, outbox_insert
from avance.errors import Conflict
from avance.model import machine
from avance.model.job import Job, State
from avance.model.stream import job_channel
from avance.ports.store import Part
from avance.testing.clock import FIRST_MS
from avance.testing.conformance.queue import claim, ids
from avance.testing.conformance.sample import a_job, submit, take


@pytest.fixture
async def store(open_store: Callable[..., SqliteStore]) -> AsyncIterator[SqliteStore]:
    async with open_store() as store:
        yield store


@pytest.fixture
def connection(store: SqliteStore, path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
        yield connection


async def enlist(connection: sqlite3.Connection, job: Job, input: bytes) -> None:
    # Whoever has a connection of its own to SQLite does not use it in the event loop.
    await asyncio.to_thread(outbox_insert, connection, job, input)


async def test_a_submit_becomes_a_job_when_its_transaction_is_committed(
    store: SqliteStore, connection: sqlite3.Connection
) -> None:
    queue = SqliteQueue(store.database)
    job = a_job(owner="ana", title="In the caller's transaction")
    await enlist(connection, job, b'{"args":[1]}')
    assert await store.job(job.id) is None
    connection.commit()
    swept = await queue.sweep(FIRST_MS)
    assert swept.jobs == (machine.created(job, FIRST_MS).job,)
    assert [p.channel for p in swept.publications] == [job_channel(job.id), "jobs:#ana"]
    assert await store.job(job.id) == swept.jobs[0]
    assert await store.part(job.id, Part.INPUT) == b'{"args":[1]}'
    assert (await queue.sweep(FIRST_MS)).jobs == ()


async def test_a_submit_that_is_rolled_back_never_was(
    store: SqliteStore, connection: sqlite3.Connection
) -> None:
    job = a_job()
    await enlist(connection, job, b"{}")
    connection.rollback()
    assert (await SqliteQueue(store.database).sweep(FIRST_MS)).jobs == ()
    assert await store.job(job.id) is None


async def test_a_claim_finds_what_waits_in_the_outbox(
    store: SqliteStore, connection: sqlite3.Connection
) -> None:
    job = a_job()
    await enlist(connection, job, b"{}")
    connection.commit()
    claims = await claim(SqliteQueue(store.database))
    assert ids(claims) == [job.id]
    assert [p.offset for p in claims.publications] == [1, 2]


async def test_a_duplicate_is_refused_in_the_callers_transaction(
    store: SqliteStore, connection: sqlite3.Connection
) -> None:
    first = await submit(store, a_job(unique_key="k"))
    with pytest.raises(Conflict) as refusal:
        await enlist(connection, a_job(unique_key="k"), b"{}")
    assert (refusal.value.code, refusal.value.params["job_id"]) == ("duplicate", first.id)


async def test_a_submit_that_lost_the_race_for_its_key_ends_at_once_under_its_id(
    store: SqliteStore, connection: sqlite3.Connection
) -> None:
    late = a_job(unique_key="k")
    await enlist(connection, late, b"{}")
    connection.commit()
    first = await submit(store, a_job(unique_key="k"))
    await SqliteQueue(store.database).sweep(FIRST_MS)
    ended = await store.job(late.id)
    assert ended is not None
    assert ended.state is State.CANCELLED
    assert await store.job(first.id) == first


async def test_a_scheduled_submit_waits_for_its_time(
    store: SqliteStore, connection: sqlite3.Connection
) -> None:
    job = a_job(state=State.SCHEDULED, not_before_ms=FIRST_MS + 10, queued_ms=None)
    await enlist(connection, job, b"{}")
    connection.commit()
    queue = SqliteQueue(store.database)
    assert ids(await claim(queue)) == []
    assert [j.state for j in (await queue.sweep(FIRST_MS + 10)).jobs] == [State.QUEUED]


async def test_a_row_that_is_no_job_does_not_hold_up_those_behind_it(
    store: SqliteStore, connection: sqlite3.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    connection.execute("INSERT INTO outbox (job, input) VALUES (x'00', x'00')")
    job = a_job()
    await enlist(connection, job, b"{}")
    connection.commit()
    assert ids(await claim(SqliteQueue(store.database))) == [job.id]
    assert "is no job" in caplog.text


async def test_many_submits_are_taken_in_bounded_rounds(
    store: SqliteStore, connection: sqlite3.Connection
) -> None:
    for _ in range(450):
        await enlist(connection, a_job(), b"{}")
    connection.commit()
    queue = SqliteQueue(store.database)
    rounds = [await queue.sweep(FIRST_MS) for _ in range(3)]
    assert [len(swept.jobs) for swept in rounds] == [200, 200, 50]
    assert [swept.has_more for swept in rounds] == [True, True, False]


async def test_a_job_that_exists_already_is_not_made_twice(
    store: SqliteStore, connection: sqlite3.Connection
) -> None:
    job = a_job()
    queued = await submit(store, job)
    running = await take(store, queued, machine.claim(queued, "w", FIRST_MS))
    await enlist(connection, job, b"{}")
    connection.commit()
    assert (await SqliteQueue(store.database).sweep(FIRST_MS)).jobs == ()
    assert await store.job(job.id) == running
