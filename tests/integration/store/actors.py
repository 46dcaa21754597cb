"""
What other processes do to a file.
"""

import asyncio
import sqlite3
from multiprocessing.connection import Connection

from msgspec.structs import replace

from avance.backends.sqlite import SqliteDatabase, SqliteQueue, SqliteStore, outbox_insert
from avance.backends.system import SystemClock
from avance.model.job import Job, State
from avance.model.stream import Append, job_channel
from avance.ports.store import Commit, Durability, JobWrite, Store
from avance.testing.clock import FIRST_MS
from avance.testing.conformance.sample import a_job


def commit(out: Connection, path: str, name: str, durability: str, jobs: int, commits: int) -> None:
    """
    Write to jobs of its own and to a channel of all, and say `(job, seq)` for each commit that was answered.
    """
    asyncio.run(_commit(out, path, name, Durability(durability), jobs, commits))


async def _commit(
    out: Connection, path: str, name: str, durability: Durability, jobs: int, commits: int
) -> None:
    async with (
        SqliteStore(SqliteDatabase(path, clock=SystemClock())) as store,
        asyncio.TaskGroup() as tasks,
    ):
        for n in range(jobs):
            tasks.create_task(_write(out, store, f"{name}-{n}", durability, commits))


async def _write(
    out: Connection, store: Store, job_id: str, durability: Durability, commits: int
) -> None:
    found = await store.job(job_id)
    job = found or Job(id=job_id, kind="t", state=State.RUNNING, created_ms=1)
    event = Append(channel=job_channel(job_id), body=b'{"type":"log"}')
    for _ in range(commits):
        after = replace(job, seq=job.seq + 2)
        await store.commit(
            Commit(
                writes=(JobWrite(job=after, expects=job.seq or None),),
                appends=(event, replace(event, channel="shared"), event),
                durability=durability,
            )
        )
        job = after
        out.send((job_id, job.seq))


def hold_a_job(out: Connection, path: str, node: str) -> None:
    """
    Claim a job, say which, and hold it until told to leave.
    """

    async def hold() -> None:
        async with SqliteDatabase(path, clock=SystemClock()) as database:
            claims = await SqliteQueue(database, node=node).claim(
                f"{node}/w",
                {"process": 1},
                ["sample"],
                now_ms=FIRST_MS,
                lease_until_ms=FIRST_MS + 60_000,
            )
            out.send(claims.claimed[0].job.id)
            await asyncio.to_thread(out.recv)

    asyncio.run(hold())


def enlist(out: Connection, path: str, job_id: str, unique_key: str | None) -> None:
    """
    Know SQLite alone, and submit a job with a transaction of its own.
    """
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("CREATE TABLE orders (id INTEGER)")
        connection.execute("INSERT INTO orders VALUES (1)")
        outbox_insert(connection, a_job(job_id, unique_key=unique_key), b'{"args":[]}')
    connection.close()


def write_for_long(out: Connection, path: str) -> None:
    """
    Hold the write lock until told to let go.
    """
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    out.send("locked")
    out.recv()
    connection.execute("ROLLBACK")
    connection.close()
    out.send("free")
