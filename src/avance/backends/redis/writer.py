"""
The writing side of the journal, for workers: threads and processes without an event loop.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

import msgspec

from avance.backends.redis.client import AWAY, open_blocking, shown
from avance.backends.redis.journal import CANCELLED, CANCELS, FIELD, STREAM
from avance.backends.redis.limits import REDIS_LIMITS, RedisLimits
from avance.ports.journal import ReportWriter

log = logging.getLogger("avance.redis")


class _Waiting(msgspec.Struct):
    body: bytes
    conflate: str | None


class JournalWriter(ReportWriter):
    """
    Takes reports at once and writes them in order from a thread of its own. Of ordinary progress that waits only the latest is kept.

    One for a process; made after a fork, not before.
    """

    def __init__(self, url: str, *, limits: RedisLimits = REDIS_LIMITS) -> None:
        self._limits = limits
        self._url = url
        self.name = shown(url)
        self._client = open_blocking(url, limits)
        self._waiting: deque[_Waiting] = deque()
        self._news = threading.Condition()
        self._is_urgent = False
        self._is_writing = False
        self._is_away = False
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="avance-reports", daemon=True)
        self._thread.start()

    def append(self, body: bytes, *, conflate: str | None = None) -> None:
        """
        Write it soon; one with a key replaces the one before it with the same key that still waits.
        """
        with self._news:
            last = self._waiting[-1] if self._waiting else None
            if conflate is not None and last is not None and last.conflate == conflate:
                last.body = body
                return
            self._waiting.append(_Waiting(body, conflate))
            self._shed()
            self._is_urgent = self._is_urgent or conflate is None
            self._news.notify_all()

    def flush(self, timeout_s: float) -> bool:
        """
        Wait until all is written, for so long at most.
        """
        with self._news:
            self._is_urgent = True
            self._news.notify_all()
            return self._news.wait_for(
                lambda: not self._waiting and not self._is_writing, timeout_s
            )

    def close(self) -> None:
        """
        Write what waits if the server is there, and end.
        """
        self.flush(self._limits.command_timeout_s)
        with self._news:
            self._is_closed = True
            self._news.notify_all()
        self._client.close()

    def is_cancelled(self, job_id: str) -> bool:
        """
        Whether somebody cancelled it; a server that is away knows of nothing.
        """
        try:
            return self._asked_again(job_id)
        except AWAY as error:
            log.info("whether job %s is cancelled cannot be asked: %s", job_id, error)
            return False

    def _asked_again(self, job_id: str) -> bool:
        try:
            return bool(self._client.exists(CANCELLED + job_id))
        except AWAY as error:
            # A worker that waited long may hold a connection that its server has closed.
            log.debug("whether job %s is cancelled is asked again: %s", job_id, error)
            return bool(self._client.exists(CANCELLED + job_id))

    def listen(self, cancel: Callable[[str], None]) -> threading.Thread:
        """
        Call it with each job that is cancelled, from a thread that ends with this process.
        """
        thread = threading.Thread(
            target=self._hear, args=(cancel,), name="avance-cancels", daemon=True
        )
        thread.start()
        return thread

    def _hear(self, cancel: Callable[[str], None]) -> None:
        # A client of its own, so that closing the other does not take the connection away from under this thread.
        with open_blocking(self._url, self._limits) as client:
            while not self._is_closed:
                pubsub = client.pubsub()
                try:
                    pubsub.subscribe(CANCELS)
                    while not self._is_closed:
                        message = pubsub.get_message(timeout=1.0)
                        if message is not None and message["type"] == "message":
                            cancel(message["data"].decode())
                except AWAY as error:
                    if not self._is_closed:
                        log.info("cancels are not heard: %s", error)
                        time.sleep(self._limits.reconnect_s[-1])
                finally:
                    pubsub.close()

    def _run(self) -> None:
        failures = 0
        while True:
            batch = self._take()
            if batch is None:
                return
            try:
                pipeline = self._client.pipeline(transaction=False)
                for one in batch:
                    pipeline.xadd(
                        STREAM,
                        {FIELD: one.body},
                        maxlen=self._limits.journal_reports_max,
                        approximate=True,
                    )
                pipeline.execute()
            except AWAY as error:
                self._put_back(batch, error)
                waits = self._limits.reconnect_s
                time.sleep(waits[min(failures, len(waits) - 1)])
                failures += 1
            else:
                failures = 0
                self._written()

    def _take(self) -> list[_Waiting] | None:
        with self._news:
            self._news.wait_for(lambda: self._waiting or self._is_closed)
            if not self._waiting:
                return None
            if not self._is_urgent:
                # Ordinary progress gathers for a while, and something that must not wait cuts that short.
                self._news.wait_for(
                    lambda: self._is_urgent or self._is_closed, self._limits.gather_s
                )
            self._is_urgent = False
            self._is_writing = True
            count = min(len(self._waiting), self._limits.batch_messages_max)
            return [self._waiting.popleft() for _ in range(count)]

    def _written(self) -> None:
        with self._news:
            self._is_writing = False
            self._is_urgent = self._is_urgent or bool(self._waiting)
            self._news.notify_all()
        if self._is_away:
            self._is_away = False
            log.warning("Redis at %s is there again; reports are written", self.name)

    def _put_back(self, batch: list[_Waiting], error: BaseException) -> None:
        with self._news:
            self._waiting.extendleft(reversed(batch))
            self._is_writing = False
            self._shed()
            self._news.notify_all()
        if not self._is_away:
            self._is_away = True
            log.warning("reports wait: Redis at %s is not there (%s)", self.name, error)

    def _shed(self) -> None:
        over = len(self._waiting) - self._limits.outgoing_messages_max
        if over <= 0:
            return
        # What only moves a bar goes first.
        kept: deque[_Waiting] = deque()
        for one in self._waiting:
            if over > 0 and one.conflate is not None:
                over -= 1
            else:
                kept.append(one)
        while over > 0:
            kept.popleft()
            over -= 1
        self._waiting = kept
