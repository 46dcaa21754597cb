"""
Runs attempts in the event loop.
"""

import asyncio
import logging
import os
from collections.abc import Callable

from avance.backends.embedded.course import Course, WorkerInfo
from avance.backends.embedded.limits import EmbeddedLimits
from avance.backends.embedded.local import LocalAttempt
from avance.backends.embedded.question import Questions
from avance.ports.executor import Perform

_log = logging.getLogger("avance.embedded")


class AsyncRunner:
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
        self._busy: dict[Course, tuple[asyncio.Task[None], LocalAttempt]] = {}
        self._abandoned: set[asyncio.Task[None]] = set()
        self._jobs_done = 0
        self._is_closing = False

    @property
    def fault(self) -> str | None:
        count = len(self._abandoned)
        if count < self._limits.abandoned_max:
            return None
        return f"{count} coroutines do not stop although they were cancelled"

    def free(self) -> int:
        return 0 if self._is_closing else max(0, self._places - len(self._busy))

    def start(self, course: Course) -> None:
        attempt = LocalAttempt(course, self._questions, self._limits)
        course.begin()
        # Not in a task group: that would wait for ever for a task that ignores its cancellation.
        task = self._loop.create_task(self._run(attempt), name=f"job-{course.run.job_id}")
        self._busy[course] = (task, attempt)
        task.add_done_callback(lambda done: self._finish(course, attempt, done))

    def stop(self, course: Course, grace_s: float) -> None:
        task, attempt = self._busy[course]
        attempt.stop()
        task.cancel()
        grace_s = max(grace_s, self._limits.cancel_grace_s_min)
        # Once more, for a task that took the first for the cancellation of something that it awaited.
        course.later(grace_s / 2, lambda: _cancel(task))
        course.later(grace_s, lambda: self._abandon(course))

    def pause(self, course: Course, *, is_paused: bool) -> None:
        """
        A coroutine cannot be made to wait where it reports: what it says goes on.
        """

    def workers(self) -> list[WorkerInfo]:
        return [
            WorkerInfo(
                worker="event-loop",
                pid=os.getpid(),
                runner="async",
                job_id=course.run.job_id,
                since_ms=course.since_ms,
                jobs_done=self._jobs_done,
            )
            for course in self._busy
        ]

    def close(self) -> None:
        self._is_closing = True

    async def _run(self, attempt: LocalAttempt) -> None:
        try:
            await self._performer.perform_async(attempt)
        except Exception:  # noqa: BLE001 - it promised not to raise; the loop goes on
            _log.exception("the performer raised; the attempt is reported as lost")

    def _finish(self, course: Course, attempt: LocalAttempt, task: asyncio.Task[None]) -> None:
        attempt.deliver(is_last=True)
        self._abandoned.discard(task)
        self._jobs_done += 1
        if self._busy.pop(course, None) is not None:
            course.lose("the task ended without telling how")
        # Also for one that was given up: it counts no more against the limit of those.
        self._freed(course)

    def _abandon(self, course: Course) -> None:
        if course not in self._busy:
            return
        task, _ = self._busy[course]
        task.cancel()
        if task not in self._abandoned:
            self._abandoned.add(task)
            job_id, attempt = course.key
            _log.error(
                "job %s attempt %d ignores that it was cancelled and is abandoned", job_id, attempt
            )
        if len(self._abandoned) <= self._limits.abandoned_max:
            del self._busy[course]
            self._freed(course)


def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
