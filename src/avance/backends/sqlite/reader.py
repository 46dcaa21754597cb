"""
Threads that read, each with a connection of its own.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from typing import Any

from avance.backends.sqlite.failure import unavailable
from avance.backends.sqlite.writer import Outcome
from avance.errors import AvanceError

Read = tuple[Callable[[sqlite3.Connection], Any], "asyncio.Future[Any]"]


class Readers:
    def __init__(
        self,
        path: str,
        *,
        open_: Callable[[], sqlite3.Connection],
        deliver: Callable[[list[Outcome]], None],
        threads: int,
    ) -> None:
        self._path = path
        self._open = open_
        self._deliver = deliver
        self._inbox: queue.SimpleQueue[Read | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, name=f"avance-sqlite-reader-{n}", daemon=True)
            for n in range(threads)
        ]

    def start(self, closed: "list[asyncio.Future[Any]]") -> None:
        self._closed = list(closed)
        for thread in self._threads:
            thread.start()

    def post(
        self, work: Callable[[sqlite3.Connection], Any], future: "asyncio.Future[Any]"
    ) -> None:
        self._inbox.put((work, future))

    def stop(self) -> None:
        for _ in self._threads:
            self._inbox.put(None)

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        while (read := self._inbox.get()) is not None:
            work, future = read
            try:
                # Opened with the first read, and again after a failure to open.
                connection = connection or self._open()
                outcome: Outcome = (future, _in_one_moment(connection, work), None)
            except sqlite3.Error as error:
                outcome = (future, None, unavailable(error, self._path))
            except AvanceError as refusal:
                outcome = (future, None, refusal)
            except Exception as error:  # noqa: BLE001  it is the caller's, who gets it
                outcome = (future, None, error)
            self._deliver([outcome])
        if connection is not None:
            connection.close()
        self._deliver([(self._closed.pop(), None, None)])


def _in_one_moment(
    connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], Any]
) -> Any:
    connection.execute("BEGIN")
    try:
        return work(connection)
    finally:
        connection.execute("ROLLBACK")
