"""
Threads that read, each with a connection of its own.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from typing import Any

from avance.backends.sqlite.failure import is_of_storage, unavailable
from avance.backends.sqlite.writer import Outcome
from avance.errors import AvanceError

Read = tuple[Callable[[sqlite3.Connection], Any], "asyncio.Future[Any]"]


class Readers:
    """
    Reads that are posted together are of one moment, and cost one wake-up of a thread and one of the loop.
    """

    def __init__(
        self,
        path: str,
        name: str,
        *,
        open_: Callable[[], sqlite3.Connection],
        deliver: Callable[[list[Outcome]], None],
        threads: int,
    ) -> None:
        self._path = path
        self._open = open_
        self._deliver = deliver
        self._inbox: queue.SimpleQueue[list[Read] | None] = queue.SimpleQueue()
        self._name = name
        self.threads = threads

    def start(self, closed: "list[asyncio.Future[Any]]") -> None:
        """
        Args:
            closed: One for each thread, set as it ends.
        """
        for n, future in enumerate(closed):
            threading.Thread(
                target=self._run,
                args=(future,),
                name=f"avance-sqlite-{self._name}-{n}",
                daemon=True,
            ).start()

    def post(self, reads: list[Read]) -> None:
        self._inbox.put(reads)

    def stop(self) -> None:
        """
        End after everything that was posted.
        """
        for _ in range(self.threads):
            self._inbox.put(None)

    def _run(self, closed: "asyncio.Future[Any]") -> None:
        connection: sqlite3.Connection | None = None
        while (reads := self._inbox.get()) is not None:
            try:
                # Opened with the first read, and again after a failure to open.
                connection = connection or self._open()
                connection.execute("BEGIN")
                outcomes = [self._read(connection, *read) for read in reads]
                connection.execute("ROLLBACK")
            except sqlite3.Error as error:
                outcomes = [(future, None, unavailable(error, self._path)) for _, future in reads]
            except AvanceError as refusal:
                outcomes = [(future, None, refusal) for _, future in reads]
            self._deliver(outcomes)
        if connection is not None:
            connection.close()
        self._deliver([(closed, None, None)])

    def _read(
        self,
        connection: sqlite3.Connection,
        work: Callable[[sqlite3.Connection], Any],
        future: "asyncio.Future[Any]",
    ) -> Outcome:
        if future.cancelled():
            return future, None, None
        try:
            return future, work(connection), None
        except Exception as error:  # noqa: BLE001  it is the caller's, who gets it
            if isinstance(error, sqlite3.Error) and is_of_storage(error):
                return future, None, unavailable(error, self._path)
            return future, None, error
