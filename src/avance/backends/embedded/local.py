"""
Attempts inside the serving process: what its threads and coroutines report reaches the event loop in order.
"""

import asyncio
import concurrent.futures
import threading

from avance.backends.embedded.backlog import Backlog
from avance.backends.embedded.course import Course
from avance.backends.embedded.limits import EmbeddedLimits
from avance.backends.embedded.question import Questions
from avance.errors import Cancelled, InvalidRequest
from avance.model.report import AnyReport
from avance.ports.executor import Attempt

Answered = concurrent.futures.Future[bytes]


class LocalAttempt(Attempt):
    """
    Created in the event loop.
    """

    def __init__(self, course: Course, questions: Questions, limits: EmbeddedLimits) -> None:
        self.run = course.run
        self._course = course
        self._questions = questions
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._changed = threading.Condition()
        self._backlog = Backlog(lambda _: b"", limits)
        self._is_scheduled = False
        self._is_stopped = False
        self._is_paused = False
        self._open: set[Answered] = set()

    @property
    def is_cancelled(self) -> bool:
        return self._is_stopped

    def stop(self) -> None:
        with self._changed:
            self._is_stopped = True
            questions = list(self._open)
            self._changed.notify_all()
        for question in questions:
            question.cancel()

    def report(self, report: AnyReport, /) -> None:
        if threading.get_ident() == self._loop_thread:
            # Behind what other threads of the task have said, and never waiting: the loop itself would stand still.
            with self._changed:
                self._backlog.put(report)
            self.deliver()
            return
        with self._changed:
            while self._backlog.is_full and not self._is_stopped:
                self._changed.wait()
            if self._is_stopped:
                return
            self._backlog.put(report)
            if self._is_scheduled:
                return
            self._is_scheduled = True
        self._call_soon()

    def pause(self, *, is_paused: bool) -> None:
        """
        Leave what is reported where it is; once that is full, the threads of the task wait.
        """
        self._is_paused = is_paused
        self.deliver()

    def deliver(self, *, is_last: bool = False) -> None:
        """
        Pass on what waits; in the event loop.
        """
        if self._is_paused and not is_last:
            return
        with self._changed:
            reports = self._backlog.take()
            self._is_scheduled = False
            self._changed.notify_all()
        for report in reports:
            self._course.tell(report)  # type: ignore[arg-type]

    def ask(self, what: str, body: bytes, /) -> bytes:
        if threading.get_ident() == self._loop_thread:
            raise InvalidRequest(
                f"{what}: this would block the event loop; await the async form (`await job.aspawn(...)`)",
                code="blocks_event_loop",
            )
        question: Answered = concurrent.futures.Future()
        with self._changed:
            if self._is_stopped:
                raise Cancelled("the job was cancelled")
            self._open.add(question)
        try:
            self._loop.call_soon_threadsafe(self._begin, question, what, body)
            return question.result()
        except concurrent.futures.CancelledError:
            raise Cancelled("the job was cancelled") from None
        finally:
            with self._changed:
                self._open.discard(question)

    async def ask_async(self, what: str, body: bytes, /) -> bytes:
        return await self._questions.answer(self._course, what, body)

    def _begin(self, question: Answered, what: str, body: bytes) -> None:
        def reply(answered: bytes) -> None:
            if question.set_running_or_notify_cancel():
                question.set_result(answered)

        self._questions.put(self._course, what, body, reply)

    def _call_soon(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self.deliver)
        except RuntimeError:
            # The loop is closed: a thread that was abandoned still talks, and nobody is left to hear it.
            self.stop()
