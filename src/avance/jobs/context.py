"""
What a running task sees of its job: `Job`, injected by annotation, and the same through `current()` and the proxy `job`.
"""

import threading
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar, cast, overload

import msgspec

from avance.errors import (
    AvanceError,
    Cancelled,
    Conflict,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnknownTask,
)
from avance.jobs.task import Task
from avance.model.job import JOB_LIMITS, JobLimits
from avance.model.report import (
    ChunkEmitted,
    LogWritten,
    MetaChanged,
    PartialSaved,
    PhaseReached,
    ProgressMade,
    Report,
)
from avance.ports.executor import Attempt, Run

T = TypeVar("T")

LEVELS = ("debug", "info", "warning", "error")

TRACK_INTERVAL_S = 0.01
"""`track` reports at most this often between its first and its last item."""

_encoder = msgspec.json.Encoder()


class Reports:
    """
    Numbers the reports of one attempt and sends them in that order, from whatever thread; after the end it sends nothing.
    """

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._lock = threading.Lock()
        self._n = 0
        self._is_over = False

    def send(self, kind: type[Report], **fields: Any) -> None:
        with self._lock:
            if not self._is_over:
                self._send(kind, fields)

    def end(self, kind: type[Report], **fields: Any) -> None:
        """
        Send the last one.
        """
        with self._lock:
            if not self._is_over:
                self._is_over = True
                self._send(kind, fields)

    def close(self) -> None:
        """
        End without a word.
        """
        with self._lock:
            self._is_over = True

    def _send(self, kind: type[Report], fields: dict[str, Any]) -> None:
        self._n += 1
        run = self._attempt.run
        report = kind(job_id=run.job_id, attempt=run.attempt, n=self._n, **fields)
        self._attempt.report(report)  # type: ignore[arg-type]


class Meta(Mapping[str, object]):
    """
    The job's `meta`, readable as a mapping; what is written here is stored and shown. A key is withdrawn by setting it to None.
    """

    def __init__(self, values: Mapping[str, object], reports: Reports, limits: JobLimits) -> None:
        self._values = dict(values)
        self._reports = reports
        self._limits = limits

    def __getitem__(self, key: str) -> object:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Meta({self._values!r})"

    def __setitem__(self, key: str, value: object) -> None:
        self.update({key: value})

    def update(self, patch: Mapping[str, object] | None = None, /, **more: object) -> None:
        """
        Write several keys as one change.
        """
        limit = self._limits.meta_bytes_max
        changed = _plain({**(patch or {}), **more}, "meta", limit)
        whole = {**self._values, **changed}
        _encode(whole, "meta", limit)
        self._values = whole
        self._reports.send(MetaChanged, patch=changed)


class Job:
    """
    The job that runs. Ask for it with a parameter annotated `avance.Job`, or call `avance.current()`.

    All of it may be called from any thread of the task. Outside a job (in a test, in a script) reporting does nothing,
    `cancelled` is False, and `spawn` is refused.
    """

    def __init__(
        self,
        attempt: Attempt,
        reports: Reports | None = None,
        *,
        limits: JobLimits = JOB_LIMITS,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._attempt = attempt
        self._reports = reports or Reports(attempt)
        self._limits = limits
        self._monotonic_s = monotonic_s
        self._open_phase: str | None = None
        self._meta = Meta(attempt.run.meta, self._reports, limits)

    def __repr__(self) -> str:
        return f"<Job {self.id or 'outside'} attempt {self.attempt}>"

    @property
    def id(self) -> str:
        """
        Empty outside a job.
        """
        return self._attempt.run.job_id

    @property
    def attempt(self) -> int:
        return self._attempt.run.attempt

    @property
    def owner(self) -> str | None:
        return self._attempt.run.owner

    @property
    def tags(self) -> tuple[str, ...]:
        return self._attempt.run.tags

    @property
    def meta(self) -> Meta:
        return self._meta

    @property
    def cancelled(self) -> bool:
        """
        True once the job was asked to stop.
        """
        return self._attempt.is_cancelled

    def checkpoint(self) -> None:
        """
        Stop here if the job was asked to.

        Raises:
            Cancelled: It was. Clean up and let it pass.
        """
        if self._attempt.is_cancelled:
            raise Cancelled(f"job {self.id} was cancelled")

    def progress(
        self,
        percent: float | None = None,
        *,
        current: float | None = None,
        total: float | None = None,
        unit: str | None = None,
        phase: str | None = None,
        message: str | None = None,
        **data: object,
    ) -> None:
        """
        Say how far the work is: `percent` of the whole job, or `current` of `total` in the running phase.

        Raises:
            ValueError: Percent was given together with current or total, or inside a phase, where it follows from the weights.
        """
        if percent is not None:
            self._refuse_two_percents(current, total)
        self._reports.send(
            ProgressMade,
            percent=_number("percent", percent),
            current=_number("current", current),
            total=_number("total", total),
            unit=unit,
            phase=phase,
            message=None if message is None else self._cut(message),
            data=_plain(data, "progress", self._limits.event_bytes_max) if data else None,
        )

    def phase(self, id: str, label: str | None = None) -> "OpenPhase":
        """
        Run a phase: `with job.phase("parsing"): …`. It is done at the end of the block; an exception leaves it running.

        Raises:
            ValueError: Another phase is open; phases follow one another.
        """
        return OpenPhase(self, id, label)

    def skip(self, phase: str) -> None:
        """
        Count a phase as passed without running it.
        """
        self._reports.send(PhaseReached, id=phase, state="skipped")

    @overload
    def track(
        self,
        iterable: Iterable[T],
        *,
        total: float | None = None,
        phase: str | None = None,
        unit: str | None = None,
        message: str | None = None,
    ) -> Iterator[T]: ...

    @overload
    def track(
        self,
        iterable: AsyncIterable[T],
        *,
        total: float | None = None,
        phase: str | None = None,
        unit: str | None = None,
        message: str | None = None,
    ) -> AsyncIterator[T]: ...

    def track(
        self,
        iterable: Iterable[T] | AsyncIterable[T],
        *,
        total: float | None = None,
        phase: str | None = None,
        unit: str | None = None,
        message: str | None = None,
    ) -> Iterator[T] | AsyncIterator[T]:
        """
        Go through an iterable, sync or async, and report how far it is; each item is also a checkpoint.

        Args:
            total: How many there are; by default the length, if the iterable has one.
            phase: Run as this phase.

        Raises:
            Cancelled: While iterating, when the job was asked to stop.
        """
        count = _Count(self, _length(iterable) if total is None else total, unit, message)
        if isinstance(iterable, AsyncIterable):
            return self._track_async(iterable, count, phase)
        return self._track(iterable, count, phase)

    def log(self, message: str, *, level: str = "info", **fields: object) -> None:
        """
        Write a line into the job's log.

        Raises:
            ValueError: The level is not one of LEVELS.
            TooLarge: The fields together are over the limit of an event.
        """
        if level not in LEVELS:
            raise ValueError(f"log: the level is {level!r}; it must be one of {', '.join(LEVELS)}")
        plain = _plain(fields, "log", self._limits.event_bytes_max) if fields else {}
        self._reports.send(LogWritten, message=self._cut(message), level=level, fields=plain)

    def emit(self, name: str, chunk: object) -> None:
        """
        Send a chunk of a stream of your own, such as the tokens of an answer: any JSON value.

        Raises:
            TooLarge: The chunk is over the limit of an event; send smaller ones.
        """
        encoded = _encode(chunk, f"emit {name!r}", self._limits.event_bytes_max)
        self._reports.send(ChunkEmitted, name=name, chunk=msgspec.Raw(encoded))

    def save(self, partial: object) -> None:
        """
        Keep the best result so far; a job that is cancelled later still has it.

        Raises:
            TooLarge: It is over the limit of a result.
        """
        encoded = _encode(partial, "save", self._limits.result_bytes_max)
        self._reports.send(PartialSaved, result=msgspec.Raw(encoded))

    def spawn(
        self, task: Task[..., Any] | str, /, *args: object, weight: float = 1.0, **kwargs: object
    ) -> str:
        """
        Start a child job and answer its id. This job ends after its children; `weight` is the child's share of the bar.

        Raises:
            InvalidRequest: The arguments do not fit the task.
            UnknownTask: The serving side does not know the task.
        """
        return _job_id(self._attempt.ask("submit", _submit(task, args, kwargs, weight)))

    async def aspawn(
        self, task: Task[..., Any] | str, /, *args: object, weight: float = 1.0, **kwargs: object
    ) -> str:
        """
        `spawn` for an `async def` task.
        """
        body = _submit(task, args, kwargs, weight)
        return _job_id(await self._attempt.ask_async("submit", body))

    def _refuse_two_percents(self, current: float | None, total: float | None) -> None:
        if current is not None or total is not None:
            raise ValueError(
                "progress: give percent (of the whole job), or current and total (of the running phase), not both; "
                "percent would be computed from current and total"
            )
        if self._open_phase is not None:
            raise ValueError(
                f"progress: inside phase {self._open_phase!r} percent follows from the weights of the phases; "
                "give current and total, or report percent outside of a phase"
            )

    def _cut(self, message: str) -> str:
        return str(message)[: self._limits.message_chars_max]

    def _track(self, items: Iterable[T], count: "_Count", phase: str | None) -> Iterator[T]:
        with _maybe(self, phase):
            count.begin()
            for item in items:
                self.checkpoint()
                yield item
                count.step()
            count.end()

    async def _track_async(
        self, items: AsyncIterable[T], count: "_Count", phase: str | None
    ) -> AsyncIterator[T]:
        with _maybe(self, phase):
            count.begin()
            async for item in items:
                self.checkpoint()
                yield item
                count.step()
            count.end()


class OpenPhase:
    """
    A phase as a block; see `Job.phase`.
    """

    def __init__(self, job: Job, id: str, label: str | None) -> None:
        self._job = job
        self._id = id
        self._label = label

    def __enter__(self) -> Job:
        job = self._job
        if job._open_phase is not None:
            raise ValueError(
                f"phase {self._id!r}: phase {job._open_phase!r} is still open, and phases follow one another; "
                "inside a phase use current and total"
            )
        job._open_phase = self._id
        job._reports.send(PhaseReached, id=self._id, state="running", label=self._label)
        return job

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._job._open_phase = None
        if kind is None:
            self._job._reports.send(PhaseReached, id=self._id, state="done")


@contextmanager
def _maybe(job: Job, phase: str | None) -> Iterator[None]:
    if phase is None or phase == job._open_phase:
        yield
        return
    with job.phase(phase):
        yield


class _Count:
    def __init__(
        self, job: Job, total: float | None, unit: str | None, message: str | None
    ) -> None:
        self._job = job
        self._total = total
        self._unit = unit
        self._message = message
        self._current = 0
        self._shown = 0
        self._next_s = 0.0

    def begin(self) -> None:
        self._show(self._job._monotonic_s())

    def step(self) -> None:
        self._current += 1
        now_s = self._job._monotonic_s()
        if now_s >= self._next_s:
            self._show(now_s)

    def end(self) -> None:
        if self._shown != self._current:
            self._show(self._job._monotonic_s())

    def _show(self, now_s: float) -> None:
        self._next_s = now_s + TRACK_INTERVAL_S
        self._shown = self._current
        self._job.progress(
            current=self._current, total=self._total, unit=self._unit, message=self._message
        )
        # Said once: the shown message stays until another replaces it, which may be one from inside the loop.
        self._message = None


class _Outside:
    """
    The place where no job runs.
    """

    run = Run(job_id="", attempt=0, task="", input=b"", runner="")
    is_cancelled = False

    def report(self, report: object, /) -> None:
        return None

    def ask(self, what: str, body: bytes, /) -> bytes:
        raise InvalidRequest(
            f"{what}: no job runs here, so it can have no children; submit the task itself",
            code="no_current_job",
        )

    async def ask_async(self, what: str, body: bytes, /) -> bytes:
        return self.ask(what, body)


_OUTSIDE = _Outside()
_current: ContextVar[Job | None] = ContextVar("avance_job", default=None)
_finders: list[Callable[[], Job | None]] = []


def current() -> Job:
    """
    The job that runs here, or outside of one a `Job` whose reporting calls do nothing.
    """
    running = _current.get()
    if running is not None:
        return running
    for find in _finders:
        found = find()
        if found is not None:
            return found
    return Job(_OUTSIDE)


def add_finder(find: Callable[[], Job | None]) -> None:
    """
    Let an integration answer for the jobs of a queue of its own; asked when no task of avance runs here.
    """
    if find not in _finders:
        _finders.append(find)


@contextmanager
def running(job: Job) -> Iterator[None]:
    """
    Make a job the current one.
    """
    token = _current.set(job)
    try:
        yield
    finally:
        _current.reset(token)


class _Proxy:
    def __getattr__(self, name: str) -> Any:
        return getattr(current(), name)

    def __repr__(self) -> str:
        return repr(current())


job = cast(Job, _Proxy())
"""The current job, for code that is not handed one: `from avance import job`."""


def _encode(value: object, what: str, bytes_max: int) -> bytes:
    try:
        encoded = _encoder.encode(value)
    except (TypeError, ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise InvalidRequest(
            f"{what}: the value is not JSON ({error}); pass plain values", code="not_json"
        ) from error
    if len(encoded) > bytes_max:
        raise TooLarge(
            f"{what}: {len(encoded)} bytes, the limit is {bytes_max}; send less, or store it elsewhere and send a reference",
            bytes=len(encoded),
            bytes_max=bytes_max,
        )
    return encoded


def _plain(values: dict[str, object], what: str, bytes_max: int) -> dict[str, object]:
    # As readers will see it (a datetime is a text), whichever way the report travels.
    plain: dict[str, object] = msgspec.json.decode(_encode(values, what, bytes_max))
    return plain


def _number(name: str, value: float | None) -> float | None:
    if value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"progress: {name} is {value!r}; a number is wanted") from None


def _length(iterable: object) -> float | None:
    try:
        return len(iterable)  # type: ignore[arg-type]
    except TypeError:
        return None


def _submit(
    task: Task[..., Any] | str, args: tuple[object, ...], kwargs: dict[str, object], weight: float
) -> bytes:
    if isinstance(task, Task):
        task.encode(args, kwargs)
    name = task if isinstance(task, str) else task.name
    body = {"task": name, "args": args, "kwargs": kwargs, "weight": float(weight), "options": {}}
    return _encode(body, f"spawn {name}", 2 * JOB_LIMITS.input_bytes_max)


class Refusal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    Why a question of a running task was not answered: `{"error": {"code": …, "message": …, "status": …}}`.
    """

    code: str
    message: str
    status: int = 500


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    job_id: str | None = None
    error: Refusal | None = None


_answers = msgspec.json.Decoder(_Answer)
_by_code: dict[str, type[AvanceError]] = {
    kind.code: kind
    for kind in (
        InvalidRequest,
        UnknownTask,
        TooLarge,
        Unauthenticated,
        PermissionDenied,
        NotFound,
        Conflict,
        Unavailable,
    )
}
_by_status: dict[int, type[AvanceError]] = {
    413: TooLarge,
    422: InvalidRequest,
    401: Unauthenticated,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    503: Unavailable,
}


def _job_id(encoded: bytes) -> str:
    answer = _answers.decode(encoded)
    refusal = answer.error
    if refusal is not None:
        kind = _by_code.get(refusal.code) or _by_status.get(refusal.status, AvanceError)
        raise kind(refusal.message, code=refusal.code)
    if answer.job_id is None:
        raise AvanceError(f"spawn: the answer names no job: {encoded[:200]!r}")
    return answer.job_id
