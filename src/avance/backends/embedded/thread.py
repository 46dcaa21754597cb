"""
Runs attempts in threads of the serving process. A thread can be asked to stop, not be killed.
"""

import asyncio
import logging
import os
import queue
import threading
from collections.abc import Callable

from avance.backends.embedded.course import Course, WorkerInfo
from avance.backends.embedded.limits import EmbeddedLimits
from avance.backends.embedded.local import LocalAttempt
from avance.backends.embedded.question import Questions
from avance.ports.executor import Perform

_log = logging.getLogger("avance.embedded")


class ThreadRunner:
    def __init__(
        self,
        *,
        performer: Perform,
        places: int,
        limits: EmbeddedLimits,
        questions: Questions,
        freed: Callable[[Course], None],
    ) -> None:
        self._performer = performer
        self._places = places
        self._limits = limits
        self._questions = questions
        self._freed = freed
        self._loop = asyncio.get_running_loop()
        self._idle: list[_Worker] = []
        self._busy: dict[Course, _Worker] = {}
        self._abandoned: set[_Worker] = set()
        self._started = 0
        self._is_closing = False

    @property
    def fault(self) -> str | None:
        count = len(self._abandoned)
        if count < self._limits.abandoned_max:
            return None
        return f"{count} threads do not stop although they were asked to"

    def free(self) -> int:
        return 0 if self._is_closing else max(0, self._places - len(self._busy))

    def start(self, course: Course) -> None:
        worker = self._idle.pop() if self._idle else self._hire()
        attempt = LocalAttempt(course, self._questions, self._limits)
        self._busy[course] = worker
        course.begin()
        worker.give(course, attempt)

    def stop(self, course: Course, grace_s: float) -> None:
        worker = self._busy[course]
        if worker.attempt is not None:
            worker.attempt.stop()
        course.later(max(grace_s, self._limits.cancel_grace_s_min), lambda: self._abandon(course))

    def pause(self, course: Course, *, is_paused: bool) -> None:
        attempt = self._busy[course].attempt
        if attempt is not None:
            attempt.pause(is_paused=is_paused)

    def workers(self) -> list[WorkerInfo]:
        busy = [(worker, course) for course, worker in self._busy.items()]
        return [_info(worker, course) for worker, course in busy] + [
            _info(worker, None) for worker in self._idle
        ]

    def close(self) -> None:
        """
        Let idle threads end; those that still run are daemons and end with the process.
        """
        self._is_closing = True
        for worker in self._idle:
            worker.give(None, None)
        self._idle.clear()

    def _hire(self) -> "_Worker":
        self._started += 1
        worker = _Worker(f"avance-thread-{self._started}", self._performer, self._done)
        worker.start()
        return worker

    def _done(self, worker: "_Worker", course: Course, attempt: LocalAttempt) -> None:
        """
        In the thread.
        """
        try:
            self._loop.call_soon_threadsafe(self._finish, worker, course, attempt)
        except RuntimeError:
            # The loop is closed: an abandoned thread came to its end after all.
            worker.give(None, None)

    def _finish(self, worker: "_Worker", course: Course, attempt: LocalAttempt) -> None:
        attempt.deliver(is_last=True)
        if worker in self._abandoned:
            self._abandoned.discard(worker)
            worker.give(None, None)
        else:
            worker.jobs_done += 1
            if self._is_closing:
                worker.give(None, None)
            else:
                self._idle.append(worker)
        if self._busy.pop(course, None) is not None:
            course.lose("the task ended without telling how")
        # Also for one that was given up: it counts no more against the limit of those.
        self._freed(course)

    def _abandon(self, course: Course) -> None:
        worker = self._busy.get(course)
        if worker is None:
            return
        if worker not in self._abandoned:
            self._abandoned.add(worker)
            job_id, attempt = course.key
            _log.error(
                "%s: job %s attempt %d does not stop; give it checkpoints, or run it in a process",
                worker.name,
                job_id,
                attempt,
            )
        if len(self._abandoned) <= self._limits.abandoned_max:
            del self._busy[course]
            self._freed(course)


class _Worker(threading.Thread):
    def __init__(
        self,
        name: str,
        performer: Perform,
        done: Callable[["_Worker", Course, LocalAttempt], None],
    ) -> None:
        super().__init__(name=name, daemon=True)
        self.jobs_done = 0
        self.attempt: LocalAttempt | None = None
        self._performer = performer
        self._done = done
        self._given: queue.SimpleQueue[tuple[Course, LocalAttempt] | None] = queue.SimpleQueue()

    def give(self, course: Course | None, attempt: LocalAttempt | None) -> None:
        """
        Run an attempt; None ends the thread.
        """
        self.attempt = attempt
        self._given.put(None if course is None or attempt is None else (course, attempt))

    def run(self) -> None:
        while (given := self._given.get()) is not None:
            course, attempt = given
            try:
                self._performer.perform(attempt)
            except BaseException:  # noqa: BLE001 - it promised not to raise; the thread goes on
                _log.exception("the performer raised; the attempt is reported as lost")
            self._done(self, course, attempt)


def _info(worker: _Worker, course: Course | None) -> WorkerInfo:
    return WorkerInfo(
        worker=worker.name,
        pid=os.getpid(),
        runner="thread",
        job_id=None if course is None else course.run.job_id,
        since_ms=None if course is None else course.since_ms,
        jobs_done=worker.jobs_done,
    )
