"""
Work that runs elsewhere, told as a job: an upload, an external engine, code that exists already.
"""

import traceback
from types import TracebackType
from typing import Any, Self

import msgspec

from avance.errors import Cancelled
from avance.jobs.reporter import Reporter
from avance.jobs.service import Jobs
from avance.model import machine
from avance.model.job import Job, JobError, State
from avance.model.report import AnyReport, Done, Failed, LogWritten, PhaseReached, ProgressMade

TRACK_DEADLINE_S = 3600.0
_CODE = "tracked_error"


def tracked_job(*, now_ms: int, deadline_s: float, **facts: Any) -> Job:
    """
    A job that runs from now on, somewhere else.
    """
    return Job(
        state=State.RUNNING,
        runner="track",
        created_ms=now_ms,
        queued_ms=now_ms,
        started_ms=now_ms,
        expires_ms=now_ms + round(deadline_s * 1000),
        **facts,
    )


class Tracker:
    """
    A job without a worker: it has a deadline instead of a lease. Used with `async with`, leaving the block ends it.
    """

    def __init__(self, job: Job, jobs: Jobs, reporter: Reporter) -> None:
        self.id: str = job.id
        self._job = job
        self._jobs = jobs
        self._reporter = reporter
        self._result: Any = None

    def __repr__(self) -> str:
        return f"<Tracker {self._job.kind} {self.id}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        stack: TracebackType | None,
    ) -> None:
        if error is None:
            await self.done(self._result)
        elif isinstance(error, Exception):
            await self.fail(
                str(error) or type(error).__name__,
                traceback_text="".join(traceback.format_exception(error)),
            )
        else:
            await self.fail(f"left by {type(error).__name__}")

    def progress(
        self,
        percent: float | None = None,
        *,
        current: float | None = None,
        total: float | None = None,
        unit: str | None = None,
        phase: str | None = None,
        message: str | None = None,
        **data: Any,
    ) -> None:
        """
        Tell how far it is; either `percent`, or `current` of `total`.
        """
        if percent is not None and (current is not None or total is not None):
            raise ValueError(
                "progress takes percent, or current and total from which it is computed; not both"
            )
        self._tell(
            ProgressMade(
                job_id=self.id,
                attempt=1,
                percent=percent,
                current=current,
                total=total,
                unit=unit,
                phase=phase,
                message=message,
                data=data or None,
            )
        )

    def phase(self, phase_id: str, *, label: str | None = None, state: str = "running") -> None:
        """
        Enter a phase; the one before it is done.
        """
        self._tell(PhaseReached(job_id=self.id, attempt=1, id=phase_id, label=label, state=state))

    def log(self, message: str, *, level: str = "info", **fields: Any) -> None:
        """
        Write a line of the job's log.
        """
        self._tell(
            LogWritten(job_id=self.id, attempt=1, level=level, message=message, fields=fields)
        )

    def returns(self, result: Any) -> None:
        """
        Set what the block's end will give as the result.
        """
        self._result = result

    async def is_cancelled(self) -> bool:
        """
        Ask whether somebody has cancelled it.
        """
        return (await self._jobs.get(self.id)).state is State.CANCELLED

    async def checkpoint(self) -> None:
        """
        Raise `Cancelled` when somebody has cancelled it.
        """
        if await self.is_cancelled():
            raise Cancelled(f"job {self.id} was cancelled")

    async def done(self, result: Any = None) -> Job:
        """
        End it; nothing happens when it has ended already.
        """
        return await self._end(
            Done(job_id=self.id, attempt=1, result=msgspec.Raw(msgspec.json.encode(result)))
        )

    async def fail(
        self, message: str, *, code: str = _CODE, traceback_text: str | None = None
    ) -> Job:
        """
        End it as failed; nothing happens when it has ended already.
        """
        error = JobError(kind="error", code=code, message=message, traceback=traceback_text)
        return await self._end(Failed(job_id=self.id, attempt=1, error=error))

    def _tell(self, report: AnyReport) -> None:
        self._reporter.tell(report)

    async def _end(self, report: AnyReport) -> Job:
        self._reporter.tell(report)
        # The mailbox keeps order, so an empty change that is answered has everything before it on the disk.
        return await self._reporter.change(self.id, machine.stay)
