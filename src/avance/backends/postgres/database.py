"""
One database for every port that keeps something in it. Its work is done in threads, each with a connection of its own: one way through
the code for commits, claims and the functions of apps, which may not run in the event loop anyway.
"""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Self, TypeVar

import psycopg
from psycopg import Connection

from avance.backends.postgres.connection import Connections, connect, place_of
from avance.backends.postgres.epoch import new_secret
from avance.backends.postgres.failure import is_in_the_way, is_of_storage, unavailable
from avance.backends.postgres.gather import Gatherer, Operation, Outcome
from avance.backends.postgres.limits import POSTGRES_LIMITS, PostgresLimits
from avance.backends.postgres.migration import core_scripts, migrate
from avance.backends.postgres.session import Sessions
from avance.backends.postgres.unit import Unit
from avance.errors import AvanceError, Unavailable
from avance.ports.clock import Clock

T = TypeVar("T")


class PostgresDatabase:
    """
    An async context manager that may be entered by every port that uses it; the last one to leave closes the connections.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        node: str | None = None,
        limits: PostgresLimits = POSTGRES_LIMITS,
    ) -> None:
        """
        Args:
            url: As `postgresql://user:password@host:5432/database`.
            node: The name of this process among those that share the database; a random one if not given.
        """
        self.url = url
        self.place = place_of(url)
        self.clock = clock
        self.node = node or f"node-{secrets.token_hex(6)}"
        self.limits = limits
        self.tells = 0
        """How many buses want commits to tell other nodes."""
        self.secret = ""
        self._users = 0
        self._gate = asyncio.Lock()
        self._is_open = False
        self._pending = 0

    async def __aenter__(self) -> Self:
        async with self._gate:
            if self._users == 0:
                await self._open()
            self._users += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        async with self._gate:
            self._users -= 1
            if self._users == 0:
                await self._close()

    def unit(self, connection: Connection[Any]) -> Unit:
        """
        What a transaction writes.
        """
        return Unit(
            connection,
            secret=self.secret,
            now_ms=self.clock.now_ms(),
            node=self.node if self.tells else None,
            notify_bytes_max=self.limits.notify_bytes_max,
        )

    def is_just_back(self) -> bool:
        return self._sessions.is_just_back()

    def commit(self, work: Callable[[Unit], Callable[[], T]]) -> "asyncio.Future[T]":
        """
        Take part in a transaction with others: `work` checks and puts, and what it answers is called once all is written.
        """
        return self._post(self._commits, work)

    def change(self, work: Callable[[Unit], T]) -> "asyncio.Future[T]":
        """
        Run a function of an app; one at a time in all the cluster, so that each sees what those before it wrote.
        """
        return self._post(self._changes, work)

    async def write(self, work: Callable[[Unit], T]) -> T:
        """
        Run a function in a transaction of its own.

        Raises:
            Unavailable: The database cannot be reached, or too much waits; nothing was written.
        """
        return await self._run(self._workers, self._sessions.write, partial(_flushed, self, work))

    async def read(
        self, work: Callable[[Connection[Any]], T], *, is_long: bool = False, is_single: bool = True
    ) -> T:
        """
        Run a function that reads.

        Args:
            is_long: It may look at many rows; short reads do not wait for it.
            is_single: It runs one statement.
        """
        threads = self._long_readers if is_long else self._readers
        how = self._sessions.read_one if is_single else self._sessions.read
        return await self._run(threads, how, work)

    async def migrate(self, component: str, scripts: tuple[str, ...]) -> None:
        """
        Bring the tables of a component up to date.
        """
        await self._run(
            self._workers, self._sessions.write, partial(self._migrate, component, scripts)
        )

    def _migrate(
        self, component: str, scripts: tuple[str, ...], connection: Connection[Any]
    ) -> None:
        migrate(connection, component, scripts, place=self.place, now_ms=self.clock.now_ms())

    async def _run(
        self,
        threads: ThreadPoolExecutor,
        how: Callable[[Callable[[Any], T]], T],
        work: Callable[[Any], T],
    ) -> T:
        self._count()
        try:
            return await self._loop.run_in_executor(threads, how, work)
        finally:
            self._pending -= 1

    def _post(self, gatherer: Gatherer, work: Any) -> "asyncio.Future[Any]":
        self._count()
        future: asyncio.Future[Any] = self._loop.create_future()
        gatherer.post(Operation(work, future), self._loop)
        return future

    def _count(self) -> None:
        if not self._is_open:
            raise Unavailable(
                f"the database {self.place} is not open; use it inside `async with`",
                code="store_closed",
                place=self.place,
            )
        if self._pending >= self.limits.pending_ops_max:
            raise Unavailable(
                f"{self._pending} operations wait for the database {self.place}; the limit is {self.limits.pending_ops_max}: send slower",
                code="store_busy",
                pending=self._pending,
            )
        self._pending += 1

    async def _open(self) -> None:
        self._loop = asyncio.get_running_loop()
        limits = self.limits
        self._connections = Connections(lambda: connect(self.url, limits))
        self._sessions = Sessions(self._connections, self.place, limits, self.clock)
        self._readers = _threads("reader", limits.readers)
        self._long_readers = _threads("long-reader", limits.long_readers)
        self._workers = _threads("worker", limits.workers)
        self._commits = self._gatherer("commits", self._perform_commits)
        self._changes = self._gatherer("changes", self._perform_changes)
        try:
            self.secret = await self._enter_when_there()
        except BaseException:
            await asyncio.to_thread(self._stop_threads)
            raise
        self._commits.start()
        self._changes.start()
        self._is_open = True

    def _gatherer(self, name: str, perform: Callable[[list[Operation]], list[Outcome]]) -> Gatherer:
        return Gatherer(
            name, perform=perform, deliver=self._deliver, ops_max=self.limits.group_ops_max
        )

    async def _enter_when_there(self) -> str:
        until_s, tries, waits = (
            self._loop.time() + self.limits.start_wait_s,
            0,
            self.limits.reconnect_s,
        )
        while True:
            try:
                return await self._loop.run_in_executor(self._workers, self._enter)
            except Unavailable as error:
                wait_s = waits[min(tries, len(waits) - 1)]
                if not _is_away(error) or self._loop.time() + wait_s > until_s:
                    raise
            tries += 1
            await asyncio.sleep(wait_s)

    def _enter(self) -> str:
        try:
            self._sessions.write(partial(self._migrate, "core", core_scripts()))
            return self._sessions.write(_secret)
        except psycopg.Error as error:
            raise unavailable(error, self.place) from error

    async def _close(self) -> None:
        self._is_open = False
        for gatherer in (self._commits, self._changes):
            # What was posted in this turn of the loop goes first.
            gatherer.hand_over()
            await asyncio.to_thread(gatherer.stop)
        await asyncio.to_thread(self._stop_threads)

    def _stop_threads(self) -> None:
        for threads in (self._readers, self._long_readers, self._workers):
            threads.shutdown()
        self._connections.close()

    def _perform_commits(self, operations: list[Operation]) -> list[Outcome]:
        return self._sessions.write(partial(_commit_all, self, operations))

    def _perform_changes(self, operations: list[Operation]) -> list[Outcome]:
        return self._sessions.write(partial(_change_all, self, operations))

    def _deliver(self, outcomes: list[Outcome]) -> None:
        # From the threads. The loop may be gone when a program ends without closing.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._settle, outcomes)

    def _settle(self, outcomes: list[Outcome]) -> None:
        self._pending -= len(outcomes)
        for future, value, error in outcomes:
            if future.done():
                continue
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)


CHANGES_LOCK = 0x6176616E_00000002


def _commit_all(
    database: PostgresDatabase, operations: list[Operation], connection: Connection[Any]
) -> list[Outcome]:
    unit = database.unit(connection)
    for operation in operations:
        operation.work.announce(unit)
    unit.lock()
    taken: list[tuple[Operation, Callable[[], Any] | None, BaseException | None]] = []
    for operation in operations:
        try:
            taken.append((operation, operation.work(unit), None))
        except AvanceError as refusal:
            taken.append((operation, None, refusal))
    unit.flush()
    return [
        (operation.future, answer() if answer else None, refusal)
        for operation, answer, refusal in taken
    ]


def _change_all(
    database: PostgresDatabase, operations: list[Operation], connection: Connection[Any]
) -> list[Outcome]:
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (CHANGES_LOCK,))
    outcomes: list[Outcome] = []
    for operation in operations:
        connection.execute("SAVEPOINT change")
        unit = database.unit(connection)
        try:
            value = operation.work(unit)
            unit.flush()
        except psycopg.Error as error:
            if is_of_storage(error) or (is_in_the_way(error) and not _is_own(error)):
                raise
            connection.execute("ROLLBACK TO change")
            outcomes.append((operation.future, None, error))
        except Exception as error:  # noqa: BLE001  it is the caller's, who gets it
            connection.execute("ROLLBACK TO change")
            outcomes.append((operation.future, None, error))
        else:
            outcomes.append((operation.future, value, None))
        connection.execute("RELEASE change")
    return outcomes


def _is_away(error: Unavailable) -> bool:
    # A right that is missing does not come by waiting.
    return isinstance(error.__cause__, psycopg.Error) and is_of_storage(error.__cause__)


def _is_own(error: psycopg.Error) -> bool:
    # Of the changes there is one at a time, so a row that is there already is there to stay.
    return isinstance(error, psycopg.errors.UniqueViolation)


def _flushed(
    database: PostgresDatabase, work: Callable[[Unit], T], connection: Connection[Any]
) -> T:
    unit = database.unit(connection)
    value = work(unit)
    unit.flush()
    return value


def _threads(name: str, count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, thread_name_prefix=f"avance-postgres-{name}")


def _secret(connection: Connection[Any]) -> str:
    connection.execute(
        "INSERT INTO meta VALUES ('secret', %s) ON CONFLICT DO NOTHING", (new_secret(),)
    )
    row = connection.execute("SELECT value FROM meta WHERE key = 'secret'").fetchone()
    assert row is not None
    return str(row[0])
