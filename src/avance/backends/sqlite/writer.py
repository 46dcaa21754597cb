"""
The one thread that writes. Operations that wait together share a transaction, and a sync of the disk.
"""

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from typing import Any

from avance.backends.sqlite.failure import is_of_storage, unavailable
from avance.backends.sqlite.ledger import Ledger
from avance.errors import AvanceError

log = logging.getLogger(__name__)

Outcome = tuple["asyncio.Future[Any]", Any, BaseException | None]


class Transaction:
    """
    What an operation works with. It runs in the writer's thread and must not keep anything of it.
    """

    __slots__ = ("connection", "ledger", "now_ms")

    def __init__(self, connection: sqlite3.Connection, ledger: Ledger) -> None:
        self.connection = connection
        self.ledger = ledger
        self.now_ms = 0

    def execute(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """
        Run a statement that sees all that this transaction has written so far.
        """
        self.ledger.flush()
        return self.connection.execute(sql, values)


class Operation:
    __slots__ = ("checks_first", "future", "is_full", "job_ids", "work")

    def __init__(
        self,
        work: Callable[[Transaction], Any],
        future: "asyncio.Future[Any]",
        *,
        is_full: bool,
        checks_first: bool,
        job_ids: Sequence[str] = (),
    ) -> None:
        self.work = work
        self.job_ids = job_ids
        self.future = future
        self.is_full = is_full
        self.checks_first = checks_first


class Opened:
    """
    What the writer needs, made in its thread.
    """

    __slots__ = ("connection", "ledger")

    def __init__(self, connection: sqlite3.Connection, ledger: Ledger) -> None:
        self.connection = connection
        self.ledger = ledger


class Writer:
    def __init__(
        self,
        path: str,
        *,
        open_: Callable[[], Opened],
        close: Callable[[sqlite3.Connection], None],
        deliver: Callable[[list[Outcome]], None],
        on_foreign: Callable[[], None],
        on_commit: Callable[[], None],
        now_ms: Callable[[], int],
        group_ops_max: int,
        poll_interval_s: float | None,
    ) -> None:
        self._path = path
        self._open = open_
        self._close = close
        self._deliver = deliver
        self._on_foreign = on_foreign
        self._on_commit = on_commit
        self._now_ms = now_ms
        self._group_ops_max = group_ops_max
        self._poll_interval_s = poll_interval_s
        self._inbox: queue.SimpleQueue[list[Operation] | None] = queue.SimpleQueue()
        self._is_full: bool | None = None
        self._is_polling = False
        self._thread = threading.Thread(target=self._run, name="avance-sqlite-writer", daemon=True)

    def start(self, opened: "asyncio.Future[Any]", closed: "asyncio.Future[Any]") -> None:
        self._opened = opened
        self._closed = closed
        self._thread.start()

    def post(self, operations: list[Operation]) -> None:
        self._inbox.put(operations)

    def stop(self) -> None:
        """
        End after everything that was posted.
        """
        self._inbox.put(None)

    @property
    def has_company(self) -> bool:
        return self._ledger.has_company

    def poll(self) -> None:
        """
        From now on look for what other processes write.
        """
        self._is_polling = True
        self._inbox.put([])

    def _run(self) -> None:
        try:
            opened = self._open()
        except Exception as error:
            if not isinstance(error, AvanceError):
                log.exception("the database %s cannot be opened", self._path)
            self._deliver([(self._opened, None, error)])
            return
        self._connection = opened.connection
        self._ledger = opened.ledger
        self._transaction = Transaction(opened.connection, opened.ledger)
        self._deliver([(self._opened, None, None)])
        try:
            while self._turn():
                pass
        finally:
            self._finish()

    def _finish(self) -> None:
        error: Exception | None = None
        try:
            self._close(self._connection)
        except sqlite3.Error as failure:
            error = unavailable(failure, self._path)
        finally:
            self._connection.close()
            self._deliver([(self._closed, None, error)])

    def _turn(self) -> bool:
        timeout_s = self._poll_interval_s if self._is_polling else None
        try:
            operations = self._inbox.get(timeout=timeout_s)
        except queue.Empty:
            self._look()
            return True
        is_last = operations is None
        gathered = list(operations or ())
        while not is_last and len(gathered) < self._group_ops_max and not self._inbox.empty():
            more = self._inbox.get()
            is_last = more is None
            gathered.extend(more or ())
        for start in range(0, len(gathered), self._group_ops_max):
            self._commit(gathered[start : start + self._group_ops_max])
        return not is_last

    def _look(self) -> None:
        try:
            if self._ledger.refresh():
                self._on_foreign()
        except sqlite3.Error:
            # The next operation meets the same fault and tells its caller.
            log.warning("the database %s does not answer", self._path, exc_info=True)

    def _commit(self, operations: list[Operation]) -> None:
        try:
            self._synchronous(is_full=any(operation.is_full for operation in operations))
            self._connection.execute("BEGIN IMMEDIATE")
            is_foreign = self._ledger.refresh()
            self._transaction.now_ms = self._now_ms()
            self._ledger.expect([job_id for one in operations for job_id in one.job_ids])
            outcomes = [self._apply(operation) for operation in operations]
            self._ledger.flush()
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            refusals = [unavailable(error, self._path) for _ in operations]
            if refusals[0].code == "disk_full":
                self._make_room()
            self._deliver(
                [
                    (operation.future, None, refusal)
                    for operation, refusal in zip(operations, refusals, strict=True)
                ]
            )
            return
        except _Broken as broken:
            self._roll_back()
            self._deliver([(broken.operation.future, None, broken.error)])
            self._commit([other for other in operations if other is not broken.operation])
            return
        self._deliver(outcomes)
        self._ledger.evict()
        self._on_commit()
        if is_foreign:
            self._on_foreign()

    def _apply(self, operation: Operation) -> Outcome:
        if operation.future.cancelled():
            return operation.future, None, None
        if not operation.checks_first:
            return self._apply_guarded(operation)
        try:
            return operation.future, operation.work(self._transaction), None
        except AvanceError as refusal:
            return operation.future, None, refusal
        except Exception as error:
            if isinstance(error, sqlite3.Error) and is_of_storage(error):
                raise
            raise _Broken(operation, error) from error

    def _apply_guarded(self, operation: Operation) -> Outcome:
        self._ledger.flush()
        self._connection.execute("SAVEPOINT operation")
        try:
            value = operation.work(self._transaction)
            self._ledger.flush()
        except Exception as error:
            if isinstance(error, sqlite3.Error) and is_of_storage(error):
                raise
            self._connection.execute("ROLLBACK TO operation")
            self._connection.execute("RELEASE operation")
            self._ledger.forget()
            return operation.future, None, error
        self._connection.execute("RELEASE operation")
        return operation.future, value, None

    def _roll_back(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._ledger.forget()
        except sqlite3.Error:
            # The reads of `forget` may fail as the writes did; the next transaction starts with them again.
            log.warning("the database %s does not answer", self._path, exc_info=True)
            self._ledger.distrust()

    def _make_room(self) -> None:
        # What the log holds may fit into the file where it replaces older pages; then the room of the log can be used again.
        try:
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        except sqlite3.Error as error:
            log.warning("the write-ahead log of %s cannot be emptied: %s", self._path, error)

    def _synchronous(self, *, is_full: bool) -> None:
        if is_full != self._is_full:
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if is_full else 'NORMAL'}")
            self._is_full = is_full


class _Broken(Exception):
    """
    An operation failed in a way that it does not document, perhaps half way: the transaction is repeated without it.
    """

    def __init__(self, operation: Operation, error: Exception) -> None:
        super().__init__()
        self.operation = operation
        self.error = error
