"""
What running tasks ask of the serving side.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable

import msgspec

from avance.backends.embedded.course import Course
from avance.errors import AvanceError
from avance.ports.executor import Ask

_log = logging.getLogger("avance.embedded")


class Questions:
    """
    Puts questions to the serving side, a bounded number for each attempt at a time; used in the event loop.
    """

    def __init__(self, ask: Ask, group: asyncio.TaskGroup, *, open_max: int) -> None:
        self._ask = ask
        self._group = group
        self._open_max = open_max
        self._open: Counter[Course] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, course: Course, what: str, body: bytes, reply: Callable[[bytes], None]) -> None:
        """
        Answer by and by.
        """
        task = self._group.create_task(self._reply(course, what, body, reply))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def answer(self, course: Course, what: str, body: bytes) -> bytes:
        """
        The answer; a refusal is one, too.
        """
        if self._open[course] >= self._open_max:
            message = (
                f"{what}: this attempt has {self._open_max} questions open; ask fewer at a time"
            )
            return _refusal("too_many_questions", message, 429)
        self._open[course] += 1
        job_id, attempt = course.key
        try:
            return await self._ask(job_id, attempt, what, body)
        except AvanceError as error:
            return _refusal(error.code, error.message, error.status)
        except Exception:  # noqa: BLE001 - whatever fails here, the task that asked must not wait for ever
            _log.exception("job %s: its question %r could not be answered", job_id, what)
            return _refusal("internal", f"{what}: the serving side failed; its log tells why", 500)
        finally:
            self._open[course] -= 1
            if not self._open[course]:
                del self._open[course]

    def cancel(self) -> None:
        """
        Answer nothing any more.
        """
        for task in self._tasks:
            task.cancel()

    async def _reply(
        self, course: Course, what: str, body: bytes, reply: Callable[[bytes], None]
    ) -> None:
        reply(await self.answer(course, what, body))


def _refusal(code: str, message: str, status: int) -> bytes:
    return msgspec.json.encode({"error": {"code": code, "message": message, "status": status}})
