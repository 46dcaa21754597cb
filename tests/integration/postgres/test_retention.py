"""
Retention in PostgreSQL: with as many jobs each day, tables reach a size and keep it (docs/adr/0036-postgres-prunes-in-batches.md).
"""

import asyncio
import os
from collections.abc import AsyncIterator

import anyio
import msgspec
import psycopg
import pytest

from avance.backends.postgres import PostgresDatabase, PostgresStore
from avance.backends.system import SystemClock
from avance.model import machine
from avance.model.report import Done, LogWritten, ProgressMade
from avance.ports.store import Retention
from avance.testing.clock import FIRST_MS
from avance.testing.conformance.sample import a_job, submit, take

DAY_MS = 86_400_000
JOBS_A_DAY = 40
LINES_A_JOB = 10
POLICY = Retention(events_after_end_ms=DAY_MS, jobs_after_end_ms=2 * DAY_MS)
GROW_BACK = 1.05
"""A page more or less; what does not come back would be a third more each day."""
# Its rows stay: a stream keeps its top.
STAYS = "channels"

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[PostgresStore]:
    async with PostgresStore(PostgresDatabase(postgres_url, clock=SystemClock())) as store:
        yield store


async def one_job(store: PostgresStore, now_ms: int) -> None:
    """
    Lines, progress, and a result of its own table, which cannot be compressed.
    """
    job = await submit(store, a_job(created_ms=now_ms, queued_ms=now_ms))
    job = await take(store, job, machine.claim(job, "w", now_ms))
    for n in range(1, LINES_A_JOB + 1):
        line = LogWritten(job_id=job.id, attempt=1, message=os.urandom(400).hex())
        job = await take(store, job, machine.report(job, line, now_ms))
        bar = ProgressMade(job_id=job.id, attempt=1, percent=float(n))
        job = await take(store, job, machine.report(job, bar, now_ms))
    result = msgspec.Raw(b'"' + os.urandom(30_000).hex().encode() + b'"')
    done = Done(job_id=job.id, attempt=1, result=result)
    await take(store, job, machine.report(job, done, now_ms))


async def one_day(store: PostgresStore, url: str, day: int) -> None:
    """
    All of its jobs, what retention removes after it, and what autovacuum does then.
    """
    now_ms = FIRST_MS + day * DAY_MS
    await asyncio.gather(*(one_job(store, now_ms) for _ in range(JOBS_A_DAY)))
    while await store.trim(now_ms + DAY_MS - 1, POLICY):
        pass
    await asyncio.to_thread(asked, url, "VACUUM")


def asked(url: str, statement: str) -> list[tuple[str, int]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return [(row[0], row[1]) for row in cursor] if cursor.description else []


def sizes(url: str) -> dict[str, int]:
    """
    Of each table with its indexes and what it keeps apart.
    """
    of_ours = (
        "SELECT relname, pg_total_relation_size(relid) FROM pg_stat_user_tables"
        " WHERE schemaname = 'avance'"
    )
    return dict(asked(url, of_ours))


async def test_with_as_many_jobs_each_day_the_tables_stop_growing(
    store: PostgresStore, postgres_url: str
) -> None:
    for day in range(4):
        await one_day(store, postgres_url, day)
    before = await asyncio.to_thread(sizes, postgres_url)
    for day in range(4, 7):
        await one_day(store, postgres_url, day)
    after = await asyncio.to_thread(sizes, postgres_url)
    assert before["results"] > JOBS_A_DAY * 60_000
    grown = {name for name in after if after[name] > before[name] * GROW_BACK}
    assert grown <= {STAYS}


async def test_progress_leaves_no_index_entry_behind(postgres_url: str) -> None:
    """
    What changes with each step stays on its page (HOT), so that a long job with many steps bloats nothing.
    """
    async with PostgresStore(PostgresDatabase(postgres_url, clock=SystemClock())) as store:
        job = await submit(store)
        job = await take(store, job, machine.claim(job, "w", FIRST_MS))
        for n in range(1, 61):
            bar = ProgressMade(job_id=job.id, attempt=1, percent=float(n))
            job = await take(store, job, machine.report(job, bar, FIRST_MS))
    # What its connections did is counted some time after they are closed.
    done = {"updates": 0, "on the page": 0}
    while done["updates"] < 120:
        counted = (
            "SELECT unnest(ARRAY['updates', 'on the page']),"
            " unnest(ARRAY[sum(n_tup_upd), sum(n_tup_hot_upd)])::bigint"
            " FROM pg_stat_user_tables WHERE relname IN ('jobs', 'channels')"
        )
        done = dict(await asyncio.to_thread(asked, postgres_url, counted))
        await anyio.sleep(0.05)
    assert done["on the page"] > 0.9 * done["updates"]
