"""
One database file: a thread that writes, a few that read, for every port that keeps something in it.
"""

import asyncio
import secrets
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from avance.backends.sqlite import session
from avance.backends.sqlite.checkpointer import Checkpointer
from avance.backends.sqlite.connection import (
    MEMORY,
    database_path,
    open_checkpointer,
    open_reader,
)
from avance.backends.sqlite.limits import SQLITE_LIMITS, SqliteLimits
from avance.backends.sqlite.lock import NodeLocks
from avance.backends.sqlite.migration import Migrations, apply
from avance.backends.sqlite.reader import Read, Readers
from avance.backends.sqlite.writer import Operation, Outcome, Transaction, Writer
from avance.errors import Unavailable
from avance.ports.clock import Clock
from avance.ports.store import Durability

T = TypeVar("T")


class SqliteDatabase:
    """
    An async context manager that may be entered by every port that uses it; the last one to leave closes the file.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        clock: Clock,
        node: str | None = None,
        limits: SqliteLimits = SQLITE_LIMITS,
        migrations: tuple[Migrations, ...] = (),
    ) -> None:
        """
        Args:
            path: A file, `:memory:`, or a URL as `sqlite:///avance.db`.
            node: The name of this process among those that share the file; a random one if not given.
            migrations: Schemas of other ports, applied when the file is opened.
        """
        self.path = database_path(str(path))
        self.clock = clock
        self.node = node or f"node-{secrets.token_hex(6)}"
        self.limits = limits
        self.locks = NodeLocks(None if self.is_in_memory else self.path)
        self._migrations = migrations
        self._users = 0
        self._gate = asyncio.Lock()
        self._is_open = False
        self._batch: list[Operation] = []
        self._reads: list[Read] = []
        self._pending = 0
        self._foreign_listeners: list[Callable[[], None]] = []

    @property
    def is_in_memory(self) -> bool:
        return self.path == MEMORY

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

    def write(
        self,
        work: Callable[[Transaction], T],
        *,
        durability: Durability = Durability.FULL,
        checks_first: bool = False,
        job_ids: Sequence[str] = (),
    ) -> "asyncio.Future[T]":
        """
        Run a function in the writer's thread, in a transaction that it may share with others.

        What it raises is raised here, and nothing of it is kept; the others are not touched.

        Args:
            checks_first: It raises AvanceErrors only before its first change, so that no savepoint is needed.
            job_ids: The jobs that it looks at first; those of all operations of a transaction are looked up together.

        Raises:
            Unavailable: The disk is full, the file cannot be used, or too much is waiting; nothing was written.
        """
        future: asyncio.Future[T] = self._future()
        if not self._batch:
            # Operations of one turn of the loop travel together: one wake-up of the writer, one transaction.
            self._loop.call_soon(self._hand_over)
        self._batch.append(
            Operation(
                work,
                future,
                is_full=durability is Durability.FULL,
                checks_first=checks_first,
                job_ids=job_ids,
            )
        )
        return future

    def read(
        self, work: Callable[[sqlite3.Connection], T], *, is_long: bool = False
    ) -> "asyncio.Future[T]":
        """
        Run a function in a reader's thread. All that it reads is of one moment, at least as new as any write that has returned.

        Args:
            is_long: It may look at many rows; the short reads do not wait for it.

        Raises:
            Unavailable: As for `write`.
        """
        if self.is_in_memory:
            return self.write(
                lambda transaction: work(_flushed(transaction)), durability=Durability.NORMAL
            )
        future: asyncio.Future[T] = self._future()
        if is_long:
            self._long_readers.post([(work, future)])
            return future
        if not self._reads:
            self._loop.call_soon(self._hand_over_reads)
        self._reads.append((work, future))
        return future

    async def migrate(self, migrations: Migrations) -> None:
        """
        Bring the tables of a component up to date while the database is open.
        """
        await self.write(
            lambda transaction: apply(
                transaction.connection, migrations, path=self.path, now_ms=transaction.now_ms
            )
        )

    def on_foreign_write(self, listener: Callable[[], None]) -> None:
        """
        Call, in the event loop and soon after, when another process has written. For a database that is open.
        """
        self._foreign_listeners.append(listener)
        if not self.is_in_memory:
            self._writer.poll()

    def forget_listener(self, listener: Callable[[], None]) -> None:
        if listener in self._foreign_listeners:
            self._foreign_listeners.remove(listener)

    @property
    def has_company(self) -> bool:
        """
        Whether another process was seen to have the file open, when this one last wrote or looked.
        """
        return self._is_open and self._writer.has_company

    def _future(self) -> "asyncio.Future[Any]":
        if not self._is_open:
            raise Unavailable(
                f"the database {self.path} is not open; use it inside `async with`",
                code="store_closed",
                path=self.path,
            )
        if self._pending >= self.limits.pending_ops_max:
            raise Unavailable(
                f"{self._pending} operations wait for the database {self.path}; the limit is {self.limits.pending_ops_max}: send slower",
                code="store_busy",
                pending=self._pending,
            )
        if asyncio.get_running_loop() is not self._loop:
            raise RuntimeError(f"the database {self.path} belongs to another event loop")
        self._pending += 1
        return self._loop.create_future()

    def _hand_over(self) -> None:
        batch, self._batch = self._batch, []
        self._writer.post(batch)

    def _hand_over_reads(self) -> None:
        reads, self._reads = self._reads, []
        most = self.limits.reads_together_max
        for start in range(0, len(reads), most):
            self._readers.post(reads[start : start + most])

    async def _open(self) -> None:
        self._loop = loop = asyncio.get_running_loop()
        opening = session.Opening(
            path=self.path,
            node=self.node,
            limits=self.limits,
            locks=self.locks,
            migrations=self._migrations,
            now_ms=self.clock.now_ms,
        )
        self._checkpointer = Checkpointer(
            self.path,
            open_=lambda: open_checkpointer(self.path, self.limits),
            deliver=self._deliver,
            interval_s=self.limits.checkpoint_interval_s,
        )
        self._writer = Writer(
            self.path,
            open_=opening.open,
            close=opening.close,
            deliver=self._deliver,
            on_foreign=self._tell_foreign,
            on_commit=self._checkpointer.nudge if not self.is_in_memory else _do_nothing,
            now_ms=self.clock.now_ms,
            group_ops_max=self.limits.group_ops_max,
            poll_interval_s=self.limits.poll_interval_s,
        )
        opened, self._writer_closed = loop.create_future(), loop.create_future()
        self._pending += 2
        self._writer.start(opened, self._writer_closed)
        try:
            await opened
        except BaseException:
            self._pending = 0
            raise
        self._readers = self._new_readers("reader", 1)
        self._long_readers = self._new_readers("long-reader", self.limits.long_readers)
        self._others_closed = [loop.create_future()]
        self._checkpointer.start(self._others_closed[0])
        for readers in (self._readers, self._long_readers):
            closed = [loop.create_future() for _ in range(readers.threads)]
            self._others_closed += closed
            readers.start(closed)
        self._pending += len(self._others_closed)
        self._is_open = True

    def _new_readers(self, name: str, threads: int) -> Readers:
        return Readers(
            self.path,
            name,
            open_=lambda: open_reader(self.path, self.limits),
            deliver=self._deliver,
            threads=0 if self.is_in_memory else threads,
        )

    async def _close(self) -> None:
        self._is_open = False
        self._foreign_listeners.clear()
        # What was posted in this turn of the loop goes first.
        if self._batch:
            self._hand_over()
        if self._reads:
            self._hand_over_reads()
        self._readers.stop()
        self._long_readers.stop()
        self._checkpointer.stop()
        await asyncio.gather(*self._others_closed)
        self._writer.stop()
        await self._writer_closed

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

    def _tell_foreign(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._hear_foreign)

    def _hear_foreign(self) -> None:
        for listener in tuple(self._foreign_listeners):
            listener()


def _do_nothing() -> None:
    return None


def _flushed(transaction: Transaction) -> sqlite3.Connection:
    transaction.ledger.flush()
    return transaction.connection
