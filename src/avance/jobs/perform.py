"""
Runs the body of a task, wherever its executor put it, and tells how it ended.
"""

import asyncio
import inspect
import re
import traceback
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any

import msgspec

from avance.errors import Cancelled
from avance.jobs.context import Job, Reports, running
from avance.jobs.task import AnyTask
from avance.model.job import JOB_LIMITS, JobError, JobLimits
from avance.model.report import Done, Failed
from avance.ports.executor import Attempt, Perform

NAMES_SHOWN_MAX = 20

_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_encoder = msgspec.json.Encoder()


class Performer(Perform):
    """
    Knows the tasks by name. One for a process; used by many attempts at once.
    """

    def __init__(self, tasks: Mapping[str, AnyTask], *, limits: JobLimits = JOB_LIMITS) -> None:
        self._tasks = tasks
        self._limits = limits
        self._calls: dict[str, Callable[[bytes, Job], Any]] = {}

    def perform(self, attempt: Attempt, /) -> None:
        reports = Reports(attempt)
        task: AnyTask | None = None
        try:
            task = self._tasks.get(attempt.run.task)
            if task is None:
                self._fail_unknown(attempt, reports)
                return
            job = Job(attempt, reports, limits=self._limits)
            with running(job):
                result = self._call(task)(attempt.run.input, job)
                if inspect.isawaitable(result):
                    result = asyncio.run(_awaited(result))
            self._end(task, reports, result)
        except BaseException as error:  # noqa: BLE001 - whatever a task raises is told as its end
            self._fail(attempt, reports, task, error)

    async def perform_async(self, attempt: Attempt, /) -> None:
        reports = Reports(attempt)
        task: AnyTask | None = None
        try:
            task = self._tasks.get(attempt.run.task)
            if task is None:
                self._fail_unknown(attempt, reports)
                return
            job = Job(attempt, reports, limits=self._limits)
            with running(job):
                result = self._call(task)(attempt.run.input, job)
                if inspect.isawaitable(result):
                    result = await result
            self._end(task, reports, result)
        except BaseException as error:  # noqa: BLE001 - whatever a task raises is told as its end
            self._fail(attempt, reports, task, error)

    def _call(self, task: AnyTask) -> Callable[[bytes, Job], Any]:
        call = self._calls.get(task.name)
        if call is None:
            call = self._calls[task.name] = _caller(task)
        return call

    def _end(self, task: AnyTask, reports: Reports, result: object) -> None:
        try:
            encoded = _encoder.encode(result)
        except (TypeError, ValueError, msgspec.MsgspecError, RecursionError) as error:
            message = (
                f"task {task.name} returned a {type(result).__name__} that is not JSON ({error}); "
                "return plain values, a dataclass or a msgspec Struct"
            )
            _end_with(reports, "result_not_json", message)
            return
        if len(encoded) > self._limits.result_bytes_max:
            message = (
                f"task {task.name} returned {len(encoded)} bytes, the limit is {self._limits.result_bytes_max}; "
                "store the result elsewhere and return a reference"
            )
            _end_with(reports, "result_too_large", message)
            return
        reports.end(Done, result=msgspec.Raw(encoded))

    def _fail_unknown(self, attempt: Attempt, reports: Reports) -> None:
        names = sorted(self._tasks)
        known = ", ".join(names[:NAMES_SHOWN_MAX]) or "none"
        more = len(names) - NAMES_SHOWN_MAX
        if more > 0:
            known += f" and {more} more"
        message = f"no task is named {attempt.run.task!r}; known are: {known}"
        _end_with(reports, "unknown_task", message)

    def _fail(
        self, attempt: Attempt, reports: Reports, task: AnyTask | None, error: BaseException
    ) -> None:
        is_stop = isinstance(error, Cancelled | asyncio.CancelledError)
        if is_stop and attempt.is_cancelled:
            reports.close()
            return
        code, message = _code(error), _text(error)
        if is_stop:
            code = "cancelled_by_task"
            message = f"the task raised {type(error).__name__}, but nobody had cancelled the job: {message}"
        retry = None if task is None else task.options.retry
        reports.end(
            Failed,
            error=JobError(
                kind="error",
                code=code,
                message=message[: self._limits.message_chars_max],
                retryable=retry is not None and not is_stop and retry.allows(error),
                traceback=_stack(error, self._limits.traceback_chars_max),
            ),
        )


async def _awaited(result: Awaitable[Any]) -> Any:
    return await result


def _caller(task: AnyTask) -> Callable[[bytes, Job], Any]:
    signature = inspect.signature(task.function)
    injected = task.job_parameter

    def call(encoded: bytes, job: Job) -> Any:
        given = task.decode(encoded).arguments
        if injected is not None:
            given = {**given, injected: job}
        bound = inspect.BoundArguments(signature, OrderedDict())
        # In the order of the signature: BoundArguments stops at the first gap, and `job` may stand anywhere.
        for name in signature.parameters:
            if name in given:
                bound.arguments[name] = given[name]
        return task.function(*bound.args, **bound.kwargs)

    return call


def _end_with(reports: Reports, code: str, message: str) -> None:
    reports.end(Failed, error=JobError(kind="error", code=code, message=message))


def _code(error: BaseException) -> str:
    code = getattr(error, "code", None) if isinstance(error, Exception) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else "task_error"


def _text(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception as broken:  # noqa: BLE001 - an exception whose text cannot be made is told all the same
        text = f"(its text cannot be shown: {type(broken).__name__})"
    name = type(error).__name__
    if not isinstance(error, Exception):
        return f"the task raised {name}: {text}" if text else f"the task raised {name}"
    return text or name


def _stack(error: BaseException, chars_max: int) -> str:
    try:
        lines = traceback.format_exception(type(error), error, _own_frames(error.__traceback__))
    except Exception as broken:  # noqa: BLE001 - as above
        lines = [f"{type(error).__name__} (no traceback: {type(broken).__name__})"]
    return "".join(lines)[-chars_max:]


def _own_frames(stack: TracebackType | None) -> TracebackType | None:
    """
    Leave out the frames of this module: a reader wants to see the task.
    """
    inner = stack
    while inner is not None and inner.tb_frame.f_code.co_filename == __file__:
        inner = inner.tb_next
    return inner or stack
