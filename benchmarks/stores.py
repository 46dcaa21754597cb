"""
One process on SQLite and on PostgreSQL: commits a second that survive a power cut, and jobs claimed a second.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from avance.backends.postgres import PostgresDatabase, PostgresQueue, PostgresStore
from avance.backends.sqlite import SqliteDatabase, SqliteQueue, SqliteStore
from avance.backends.system import SystemClock
from avance.ports.queue import Queue
from avance.ports.store import Commit, Store
from avance.testing.conformance.sample import a_job, an_event, submit
from benchmarks.harness.places import REPOSITORY
from benchmarks.harness.question import Outcome, Settings, Table, main

NAME = "stores"
TITLE = "Stores: SQLite and PostgreSQL, one process"
COMMITTERS = 100
CLAIM = {"process": 20}
BODY = b'{"type":"data","data":"' + b"x" * 200 + b'"}'


async def commits(store: Store, count: int, committers: int) -> float:
    async def commit(n: int) -> None:
        for _ in range(count // committers):
            await store.commit(Commit(appends=(an_event(f"c{n}", BODY),)))

    begun_s = time.perf_counter()
    await asyncio.gather(*(commit(n) for n in range(committers)))
    return count / (time.perf_counter() - begun_s)


async def claims(store: Store, queue: Queue, count: int) -> float:
    await asyncio.gather(*(submit(store, a_job()) for _ in range(count)))
    begun_s, given = time.perf_counter(), 0
    while given < count:
        claimed = await queue.claim("n/w", CLAIM, ("sample",), now_ms=2**41, lease_until_ms=2**42)
        given += len(claimed.claimed)
    return count / (time.perf_counter() - begun_s)


async def measure_one(
    open_: Callable[[], tuple[Store, Queue]], settings: Settings
) -> tuple[float, float, float]:
    store, queue = open_()
    async with store:
        await commits(store, 100, 10)
        return (
            await commits(store, settings.pick(20_000, 2_000), COMMITTERS),
            await commits(store, settings.pick(500, 100), 1),
            await claims(store, queue, settings.pick(2_000, 400)),
        )


@contextmanager
def postgres() -> Iterator[str]:
    sys.path.append(str(REPOSITORY / "tests/services"))
    from postgres_service import PostgresServer

    with tempfile.TemporaryDirectory(prefix="avance-bench-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        server = PostgresServer(Path(name))
        server.create()
        server.start()
        try:
            yield f"postgresql://postgres@127.0.0.1:{server.port}/postgres"
        finally:
            server.stop("immediate")


def measure(settings: Settings) -> Outcome:
    outcome = Outcome()
    table = Table(
        title=f"Events of {len(BODY)} bytes, everything synced; claims of {CLAIM['process']} jobs",
        columns=("store", f"commits/s, {COMMITTERS} at once", "commits/s, one", "jobs claimed/s"),
    )
    clock = SystemClock()

    def run(work: Awaitable[tuple[float, float, float]], name: str) -> None:
        async def waited() -> tuple[float, float, float]:
            return await work

        found = asyncio.run(waited())
        table.rows.append((name, *found))
        outcome.samples.append({"store": name, "results": list(found)})

    with tempfile.TemporaryDirectory() as directory:

        def on_sqlite() -> tuple[Store, Queue]:
            database = SqliteDatabase(Path(directory) / "a.db", clock=clock)
            return SqliteStore(database), SqliteQueue(database)

        run(measure_one(on_sqlite, settings), "SQLite")
    with postgres() as url:

        def on_postgres() -> tuple[Store, Queue]:
            database = PostgresDatabase(url, clock=clock)
            return PostgresStore(database), PostgresQueue(database)

        run(measure_one(on_postgres, settings), "PostgreSQL")
    outcome.tables.append(table)
    return outcome


if __name__ == "__main__":
    main(NAME, TITLE, measure)
