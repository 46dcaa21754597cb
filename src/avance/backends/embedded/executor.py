"""
The executor of one process: tasks run in its event loop, in its threads, and in child processes that it keeps warm.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Self, TypedDict

import anyio

from avance.backends.embedded.coroutine import AsyncRunner
from avance.backends.embedded.course import Course, WorkerInfo
from avance.backends.embedded.limits import EMBEDDED_LIMITS, EmbeddedLimits
from avance.backends.embedded.process import ProcessRunner
from avance.backends.embedded.question import Questions
from avance.backends.embedded.thread import ThreadRunner
from avance.errors import ConfigError, InvalidRequest
from avance.ports.executor import Ask, Executor, Perform, ReportSink, Run

Runners = Mapping[str, "ProcessRunner | ThreadRunner | AsyncRunner"]


STOPS = "the worker stops"


class Health(TypedDict):
    ok: bool
    reason: str | None


class EmbeddedExecutor(Executor):
    """
    Args:
        performer: Runs tasks in the event loop and in threads.
        child_target: `package.module:function`; called once in each child process, it answers what runs tasks there.
        child_argument: Handed to that function, if given.
        processes: Children; each runs one attempt at a time.
        jobs_per_child_max: A child that has run so many is replaced by a fresh one.
        is_lazy: Start the children with the first job instead of when the executor is opened.

    Raises:
        ConfigError: This system cannot have child processes of this kind.
    """

    def __init__(
        self,
        *,
        performer: Perform,
        child_target: str,
        child_argument: str | None = None,
        processes: int,
        threads: int = 8,
        async_max: int = 100,
        jobs_per_child_max: int | None = None,
        is_lazy: bool = False,
        limits: EmbeddedLimits = EMBEDDED_LIMITS,
    ) -> None:
        if processes and os.name != "posix":
            raise ConfigError(
                f"processes is {processes}; the process runner needs a POSIX system: set it to 0 and use runner='thread'",
                setting="processes",
            )
        if processes and not all(child_target.partition(":")):
            raise ConfigError(
                f"child_target is {child_target!r}; it must look like 'package.module:function'",
                setting="child_target",
            )
        self._performer = performer
        self._child_target = child_target
        self._child_argument = child_argument
        self._processes = processes
        self._threads = threads
        self._async_max = async_max
        self._jobs_per_child_max = jobs_per_child_max
        self._is_lazy = is_lazy
        self._limits = limits
        self._sink: ReportSink | None = None
        self._ask: Ask | None = None
        self._on_free: Callable[[], None] | None = None
        self._group = asyncio.TaskGroup()
        self._courses: dict[tuple[str, int], Course] = {}
        self._is_draining = False
        self._is_closing = False
        self._is_empty = asyncio.Event()
        self._questions: Questions | None = None
        self._process: ProcessRunner | None = None
        self._thread: ThreadRunner | None = None
        self._async: AsyncRunner | None = None
        self._runners: Runners = {}

    def attach(self, sink: ReportSink, ask: Ask, on_free: Callable[[], None]) -> None:
        self._sink, self._ask, self._on_free = sink, ask, on_free

    async def __aenter__(self) -> Self:
        if self._ask is None:
            raise ConfigError("the executor is opened before it was attached; call attach first")
        await self._group.__aenter__()
        self._questions = Questions(self._ask, self._group, open_max=self._limits.questions_max)
        self._process = ProcessRunner(
            target=self._child_target,
            argument=self._child_argument,
            places=self._processes,
            jobs_per_child_max=self._jobs_per_child_max,
            is_lazy=self._is_lazy,
            limits=self._limits,
            questions=self._questions,
            freed=self._freed,
            on_ready=self._tell_free,
            group=self._group,
        )
        self._thread = ThreadRunner(
            performer=self._performer,
            places=self._threads,
            limits=self._limits,
            questions=self._questions,
            freed=self._freed,
        )
        self._async = AsyncRunner(
            performer=self._performer,
            places=self._async_max,
            limits=self._limits,
            questions=self._questions,
            freed=self._freed,
        )
        self._runners = {"process": self._process, "thread": self._thread, "async": self._async}
        self._process.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            with anyio.CancelScope(shield=True):
                await self._close()
        finally:
            if self._process is not None and self._questions is not None:
                with anyio.CancelScope(shield=True):
                    await self._process.reap()
                self._questions.cancel()
            await self._group.__aexit__(None, None, None)

    def free(self) -> Mapping[str, int]:
        if self._is_draining:
            return dict.fromkeys(self._runners, 0)
        return {name: runner.free() for name, runner in self._runners.items()}

    def start(self, run: Run) -> None:
        runner = self._runners.get(run.runner)
        if runner is None:
            raise InvalidRequest(
                f"job {run.job_id}: there is no runner {run.runner!r}; there are {', '.join(self._runners)}",
                code="unknown_runner",
            )
        assert self._sink is not None
        course = Course(run, self._sink, self._time_out)
        if self._is_closing:
            course.lose(STOPS, is_counted=False)
            return
        self._courses[course.key] = course
        self._is_empty.clear()
        runner.start(course)

    def stop(self, job_id: str, attempt: int, *, grace_s: float) -> None:
        course = self._courses.get((job_id, attempt))
        if course is not None:
            course.hush()
            self._descend(course, grace_s)

    async def drain(self, timeout_s: float) -> None:
        self._is_draining = True
        if not self._courses:
            return
        try:
            async with asyncio.timeout(timeout_s):
                await self._is_empty.wait()
        except TimeoutError:
            return

    def pause(self, job_id: str, attempt: int, *, is_paused: bool) -> None:
        """
        Hold back the reports of an attempt, or let them through again, when the serving side cannot keep up: a process or a thread
        then waits in its next report, with no more than its backlog in memory.
        """
        course = self._courses.get((job_id, attempt))
        if course is not None:
            self._runners[course.run.runner].pause(course, is_paused=is_paused)

    def workers(self) -> list[WorkerInfo]:
        """
        Who works on what, for the console.
        """
        return [info for runner in self._runners.values() for info in runner.workers()]

    def health(self) -> Health:
        """
        Whether every runner can take work, and why not.
        """
        faults = [runner.fault for runner in self._runners.values() if runner.fault is not None]
        return Health(ok=not faults, reason="; ".join(faults) or None)

    def _descend(self, course: Course, grace_s: float) -> None:
        if course.is_stopping:
            return
        course.is_stopping = True
        self._runners[course.run.runner].stop(course, grace_s)

    def _time_out(self, course: Course) -> None:
        self._descend(course, course.run.grace_s)

    def _freed(self, course: Course) -> None:
        course.free()
        self._courses.pop(course.key, None)
        if not self._courses:
            self._is_empty.set()
        self._tell_free()

    def _tell_free(self) -> None:
        if self._on_free is not None:
            self._on_free()

    async def _close(self) -> None:
        self._is_draining = self._is_closing = True
        grace_s = self._limits.close_grace_s
        for course in list(self._courses.values()):
            course.lose(STOPS, is_counted=False)
            self._descend(course, min(course.run.grace_s, grace_s))
        if self._thread is not None and self._async is not None:
            self._thread.close()
            self._async.close()
        if self._process is not None:
            await self._process.close(grace_s)
        await self.drain(grace_s)
