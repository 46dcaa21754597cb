"""
Runs attempts in warm child processes.
"""

import asyncio
import logging
import sys
from collections import deque
from collections.abc import Callable

from avance.backends.embedded.ahead import Ahead
from avance.backends.embedded.course import Course, WorkerInfo
from avance.backends.embedded.frames import (
    Answer,
    Broken,
    Free,
    Hello,
    Question,
    Ready,
    Start,
    Stop,
    Up,
)
from avance.backends.embedded.guard import Guard
from avance.backends.embedded.limits import EmbeddedLimits
from avance.backends.embedded.link import Link
from avance.backends.embedded.question import Questions

_log = logging.getLogger("avance.embedded")


class ProcessRunner:
    """
    Keeps so many children alive, gives each one attempt at a time, and replaces what dies.
    """

    def __init__(
        self,
        *,
        target: str,
        argument: str | None,
        places: int,
        jobs_per_child_max: int | None,
        is_lazy: bool,
        limits: EmbeddedLimits,
        questions: Questions,
        freed: Callable[[Course], None],
        on_ready: Callable[[], None],
        group: asyncio.TaskGroup,
    ) -> None:
        self._target = target
        self._argument = argument
        self._places = places
        self._jobs_per_child_max = jobs_per_child_max
        self._is_lazy = is_lazy
        self._limits = limits
        self._questions = questions
        self._freed = freed
        self._on_ready = on_ready
        self._group = group
        self._guard = Guard()
        self._links: set[Link] = set()
        self._idle: list[Link] = []
        self._waiting: deque[Course] = deque()
        self._ahead = Ahead(places=places, window_s=limits.ahead_s, most=limits.ahead_max)
        self._patience: asyncio.TimerHandle | None = None
        self._failures = 0
        self._fault: str | None = None
        self._wanted = asyncio.Event()
        self._closing = asyncio.Event()
        self._keepers: list[asyncio.Task[None]] = []

    def open(self) -> None:
        if not self._is_lazy:
            self._wanted.set()
        self._keepers = [self._group.create_task(self._keep()) for _ in range(self._places)]

    @property
    def fault(self) -> str | None:
        """
        Why no child can be started.
        """
        return self._fault

    def free(self) -> int:
        if self._closing.is_set():
            return 0
        if not self._wanted.is_set():
            return max(0, self._places - len(self._waiting))
        if len(self._idle) > len(self._waiting):
            return len(self._idle) - len(self._waiting) + self._ahead.room(0)
        # Without a child that works, what is fetched ahead would go back at once, and come again, without end.
        is_served = self._fault is None and any(link.is_ready for link in self._links)
        return self._ahead.room(len(self._waiting)) if is_served else 0

    def start(self, course: Course) -> None:
        if self._fault is not None and not self._idle:
            self._give_back(course)
            return
        # A child may have died since `free` was asked; the attempt then waits for its replacement.
        self._waiting.append(course)
        self._wanted.set()
        self._assign()
        if self._waiting and self._patience is None:
            self._wait_on(self._waiting[0])

    def stop(self, course: Course, grace_s: float) -> None:
        if course in self._waiting:
            self._waiting.remove(course)
            self._freed(course)
            return
        link = self._link(course)
        if link is None:
            return
        link.pause(is_paused=False)
        job_id, attempt = course.key
        link.call(Stop(job_id=job_id, attempt=attempt))
        course.later(grace_s, link.kill)

    def pause(self, course: Course, *, is_paused: bool) -> None:
        link = self._link(course)
        if link is not None:
            link.pause(is_paused=is_paused)

    def workers(self) -> list[WorkerInfo]:
        return [_info(link) for link in sorted(self._links, key=lambda link: link.pid)]

    async def close(self, grace_s: float) -> None:
        self._closing.set()
        self._wanted.set()
        for course in list(self._waiting):
            self.stop(course, 0)
        for link in list(self._links):
            if link.course is not None:
                link.kill_later(grace_s)
            elif link.is_ready:
                link.leave()
            else:
                link.kill()
        await self._ended(max(grace_s, self._limits.leave_grace_s))

    async def reap(self) -> None:
        """
        The end of a close, also of one that was cut short: nothing is left alive.
        """
        self._closing.set()
        self._wanted.set()
        for link in self._links:
            link.kill()
        await self._ended(self._limits.reap_timeout_s)
        for link in self._links:
            _log.error("process %d was killed but does not end; it is left to the system", link.pid)
        for keeper in self._keepers:
            keeper.cancel()
        await self._guard.close()

    async def _ended(self, timeout_s: float) -> None:
        if self._keepers:
            await asyncio.wait(self._keepers, timeout=timeout_s)

    async def _keep(self) -> None:
        """
        One place: start a child, wait until it is gone, start the next.
        """
        await self._wanted.wait()
        while not self._closing.is_set():
            try:
                await self._guard.ensure()
                link = await self._open()
            except OSError as error:
                self._fail(f"no process can be started: {error}")
            else:
                await self._live(link)
            if self._failures:
                await self._rest()

    async def _open(self) -> Link:
        # The search path as it is now, so that the child imports the same program.
        hello = Hello(target=self._target, argument=self._argument, path=sys.path)
        return await Link.open(hello, self._guard, self._receive, self._limits)

    async def _live(self, link: Link) -> None:
        self._links.add(link)
        if self._closing.is_set():
            link.kill()
        unready = asyncio.get_running_loop().call_later(
            self._limits.ready_timeout_s, self._give_up_on, link
        )
        try:
            await link.gone.wait()
        finally:
            unready.cancel()
            self._bury(link)

    async def _rest(self) -> None:
        waits = self._limits.respawn_wait_s
        try:
            async with asyncio.timeout(waits[min(self._failures, len(waits)) - 1]):
                await self._closing.wait()
        except TimeoutError:
            return

    def _bury(self, link: Link) -> None:
        self._links.discard(link)
        if link in self._idle:
            self._idle.remove(link)
        course, link.course = link.course, None
        if course is not None:
            course.lose(f"worker {link.pid}: {link.fault or link.exit}")
            self._freed(course)
        if self._closing.is_set() or link.is_leaving:
            return
        if not link.is_ready:
            self._fail(link.fault or link.exit)
        elif not link.jobs_done and course is None:
            # Imported well and died before its first job: not to be repeated without a pause either.
            self._failures += 1
            _log.error("worker %d died idle: %s", link.pid, link.exit)

    def _fail(self, reason: str) -> None:
        self._failures += 1
        _log.error("a worker process did not start (%d in a row): %s", self._failures, reason)
        self._fault = f"worker processes do not start: {reason}"
        if not any(link.is_ready for link in self._links):
            while self._waiting:
                self._give_back(self._waiting.popleft())

    def _link(self, course: Course) -> Link | None:
        return next((link for link in self._links if link.course is course), None)

    def _give_back(self, course: Course) -> None:
        course.lose(self._fault or "the worker was busy", is_counted=False)
        self._freed(course)

    def _give_up_on(self, link: Link) -> None:
        if not link.is_ready:
            link.fault = f"it was not ready within {self._limits.ready_timeout_s:g} s"
            link.kill()

    def _wait_on(self, course: Course) -> None:
        loop = asyncio.get_running_loop()
        self._patience = loop.call_later(self._limits.ahead_wait_s, self._look_at, course)

    def _look_at(self, course: Course) -> None:
        """
        What was at the head of the line then is still there: the jobs before it were not as short as the last ones.
        """
        self._patience = None
        if course not in self._waiting:
            if self._waiting:
                self._wait_on(self._waiting[0])
            return
        if not any(link.is_ready for link in self._links):
            # It waits for a child to be replaced, which no other worker would do faster.
            self._wait_on(course)
            return
        self._ahead.stalled()
        while self._waiting:
            self._give_back(self._waiting.popleft())

    def _assign(self) -> None:
        while self._waiting and self._idle:
            link, course = self._idle.pop(), self._waiting.popleft()
            link.course = course
            course.begin()
            link.send(Start(run=course.run))

    def _receive(self, link: Link, message: Up) -> None:
        match message:
            case Ready():
                self._ready(link)
            case Broken():
                link.fault = message.reason
                _log.error(
                    "the program %s cannot be imported:\n%s", self._target, message.traceback
                )
            case Free():
                self._release(link)
            case Question():
                self._answer(link, message)
            case _:
                course = link.course
                if course is not None and course.key == (message.job_id, message.attempt):
                    course.tell(message)

    def _ready(self, link: Link) -> None:
        link.is_ready = True
        self._fault = None
        if self._closing.is_set():
            link.leave()
            return
        self._idle.append(link)
        self._assign()
        self._on_ready()

    def _release(self, link: Link) -> None:
        course, link.course = link.course, None
        link.jobs_done += 1
        self._failures = 0
        is_spent = link.jobs_done == self._jobs_per_child_max
        if is_spent or self._closing.is_set():
            link.leave()
        else:
            self._idle.append(link)
        if course is not None:
            self._ahead.took(course.ran_s)
            course.lose("the task ended without telling how")
            self._freed(course)
        self._assign()

    def _answer(self, link: Link, question: Question) -> None:
        course = link.course
        if course is None or course.key != (question.job_id, question.attempt):
            return

        def reply(body: bytes) -> None:
            link.call(Answer(question=question.number, body=body))

        self._questions.put(course, question.what, bytes(question.body), reply)


def _info(link: Link) -> WorkerInfo:
    course = link.course
    return WorkerInfo(
        worker=f"process-{link.pid}",
        pid=link.pid,
        runner="process",
        job_id=None if course is None else course.run.job_id,
        since_ms=None if course is None else course.since_ms,
        jobs_done=link.jobs_done,
    )
