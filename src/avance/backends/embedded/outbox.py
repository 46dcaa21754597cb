"""
A child's way to its parent. Whoever reports writes at once; only while the parent reads slowly a thread writes what waits.
"""

import select
import socket
import threading
from collections.abc import Callable

from avance.backends.embedded.backlog import Backlog
from avance.backends.embedded.frames import Up, frame_up
from avance.backends.embedded.limits import EmbeddedLimits


class Outbox:
    def __init__(
        self, connection: socket.socket, limits: EmbeddedLimits, on_lost: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._on_lost = on_lost
        self._backlog = Backlog(frame_up, limits)
        lock = threading.Lock()
        # Two, so that a write does not wake the thread that is only for when the parent is slow.
        self._room = threading.Condition(lock)
        self._backpressure = threading.Condition(lock)
        self._rest = memoryview(b"")
        self._is_busy = False
        self._writer = threading.Thread(target=self._write, name="avance-outbox", daemon=True)
        self._writer.start()

    def put(
        self, message: Up, *, flush: bool = True, may_wait: Callable[[], bool] | None = None
    ) -> None:
        """
        Send in order. A message that is not flushed travels with the next.

        Args:
            may_wait: Asked while the backlog is full; when it answers no, the message is dropped.
        """
        with self._room:
            while self._backlog.is_full and may_wait is not None:
                if not may_wait():
                    return
                self._room.wait()
            self._backlog.put(message)
            if flush and not self._is_busy:
                self._flush()

    def recheck(self) -> None:
        """
        Ask those who wait whether they still may.
        """
        with self._room:
            self._room.notify_all()

    def drain(self, timeout_s: float) -> None:
        """
        Wait until all is written.
        """
        with self._room:
            if not self._is_busy:
                self._flush()
            self._room.wait_for(lambda: not self._is_busy, timeout_s)

    def _flush(self) -> None:
        try:
            while self._rest or self._backlog:
                if not self._rest:
                    self._rest = memoryview(self._backlog.take_bytes())
                sent = self._connection.send(self._rest, socket.MSG_DONTWAIT)
                self._rest = self._rest[sent:]
        except BlockingIOError:
            self._is_busy = True
            self._backpressure.notify()
        except OSError:
            self._on_lost()
        else:
            self._is_busy = False
        self._room.notify_all()

    def _write(self) -> None:
        poll = select.poll()
        poll.register(self._connection, select.POLLOUT)
        while True:
            with self._backpressure:
                self._backpressure.wait_for(lambda: self._is_busy)
            poll.poll()
            with self._room:
                self._flush()
