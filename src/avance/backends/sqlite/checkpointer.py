"""
Moves what the write-ahead log holds into the file, beside the writer: a writer that does it itself stands still for two syncs of the
disk, and with it every event that is on its way to a browser.
"""

import asyncio
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any

from avance.backends.sqlite.writer import Outcome

log = logging.getLogger(__name__)


class Checkpointer:
    def __init__(
        self,
        path: str,
        *,
        open_: Callable[[], sqlite3.Connection],
        deliver: Callable[[list[Outcome]], None],
        interval_s: float,
    ) -> None:
        self._path = path
        self._open = open_
        self._deliver = deliver
        self._interval_s = interval_s
        self._next_s = 0.0
        self._inbox: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def start(self, closed: "asyncio.Future[Any]") -> None:
        threading.Thread(
            target=self._run, args=(closed,), name="avance-sqlite-checkpointer", daemon=True
        ).start()

    def nudge(self) -> None:
        """
        Something was written. From the writer's thread.
        """
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + self._interval_s
            self._inbox.put(True)

    def stop(self) -> None:
        self._inbox.put(False)

    def _run(self, closed: "asyncio.Future[Any]") -> None:
        connection: sqlite3.Connection | None = None
        while self._inbox.get():
            try:
                connection = connection or self._open()
                # Passive: takes what it can without waiting for anybody, and leaves the rest for the next time.
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            except sqlite3.Error as error:
                # Nothing is lost: the log only stays longer, and the writer itself empties one that is too long.
                log.warning("the write-ahead log of %s cannot be emptied: %s", self._path, error)
        if connection is not None:
            connection.close()
        self._deliver([(closed, None, None)])
