"""
Celery tasks that know nothing of avance: its Redis result backend publishes each state, and that is shown.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Self

import msgspec

from avance.app.buses import missing_redis
from avance.app.celery_meta import progress_of
from avance.app.reports import Appeared, Dropped, ReportReader, Retried, Told, report_url
from avance.model.job import Job, JobError, RetryPolicy, State
from avance.model.report import Done, Failed, ProgressMade, Started
from avance.ports.clock import Clock

if TYPE_CHECKING:
    from avance.edge.http.services import Health, Probe

log = logging.getLogger("avance.celery")

PATTERN = "celery-task-meta-*"
DEADLINE_S = 86_400.0
"""Nobody tells when the worker of such a task is lost, so it ends at this time at the latest."""


class CeleryState(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the backend publishes. The name of the task and its retries are there with `result_extended`.
    """

    task_id: str
    status: str
    result: Any = None
    traceback: str | None = None
    name: str | None = None
    retries: int | None = None


_decoder = msgspec.json.Decoder(CeleryState)


class CeleryWatch:
    """
    An async context manager: it listens while it is open.
    """

    def __init__(self, url: str, reader: ReportReader, clock: Clock) -> None:
        try:
            from avance.backends.redis import Overheard  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise missing_redis(error) from error
        self._overheard = Overheard(report_url(url), PATTERN)
        self._reader = reader
        self._clock = clock
        self._tasks = asyncio.TaskGroup()
        self._loop: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._loop = self._tasks.create_task(self._run())
        # A task that is sent once this server is ready has no state that nobody heard.
        await self._overheard.begun()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._overheard.close()
        if self._loop is not None:
            self._loop.cancel()
        await self._tasks.__aexit__(None, None, None)
        await self._overheard.aclose()

    def probe(self) -> "Probe":
        """
        Whether Celery's result backend is heard.
        """
        from avance.edge.http.services import Health  # noqa: PLC0415

        async def probe() -> "Health":
            problem = self._overheard.problem
            return Health(is_ok=problem is None, detail=problem, is_required=False)

        return probe

    async def _run(self) -> None:
        messages: AsyncGenerator[bytes]
        async with aclosing(self._overheard.messages()) as messages:
            async for body in messages:
                try:
                    state = _decoder.decode(body)
                except msgspec.DecodeError as error:
                    log.warning("a state of a Celery task cannot be read: %s", error)
                    continue
                await self._reader.apply(state.task_id, told_of(state, self._clock.now_ms()))


def told_of(state: CeleryState, now_ms: int) -> list[Told]:
    """
    A state in our words. A state of the task's own making is progress.
    """
    task_id, attempt = state.task_id, (state.retries or 0) + 1
    appeared = Appeared(
        job=Job(
            id=task_id,
            kind=state.name or "celery",
            state=State.QUEUED,
            created_ms=now_ms,
            queued_ms=now_ms,
            expires_ms=now_ms + round(DEADLINE_S * 1000),
            runner="track",
            retry=RetryPolicy(lost_max=1),
        )
    )
    started = Started(job_id=task_id, attempt=attempt, worker="celery")
    match state.status:
        case "PENDING" | "RECEIVED":
            return [appeared]
        case "SUCCESS":
            result = msgspec.Raw(msgspec.json.encode(state.result))
            return [appeared, Done(job_id=task_id, attempt=attempt, result=result)]
        case "FAILURE" | "REJECTED":
            return [appeared, Failed(job_id=task_id, attempt=attempt, error=_error(state))]
        case "RETRY":
            # How long it waits is not published; the next attempt is seen when it starts.
            error = _error(state)
            return [appeared, Retried(job_id=task_id, attempt=attempt, error=error, wait_s=0.0)]
        case "REVOKED":
            return [appeared, Dropped(job_id=task_id)]
    progress = progress_of(state.result) if state.status != "STARTED" else None
    if progress is None:
        return [appeared, started]
    return [appeared, started, ProgressMade(job_id=task_id, attempt=attempt, **progress)]


def _error(state: CeleryState) -> JobError:
    told = state.result if isinstance(state.result, dict) else {}
    words = told.get("exc_message", state.result)
    message = " ".join(map(str, words)) if isinstance(words, list | tuple) else str(words)
    code = str(told.get("exc_type", "task_error"))
    return JobError(kind="error", code=code, message=message or code, traceback=state.traceback)
