"""
An attempt as the serving side follows it.
"""

import asyncio
import time
from collections.abc import Callable
from typing import TypedDict

from avance.model.job import JobError
from avance.model.report import AnyReport, Done, Failed, Lost
from avance.ports.executor import ReportSink, Run


class WorkerInfo(TypedDict):
    """
    One place, for the console.
    """

    worker: str
    pid: int
    runner: str
    job_id: str | None
    since_ms: int | None
    """When the attempt began, in milliseconds since 1970."""
    jobs_done: int


class Course:
    """
    Lets the reports of an attempt through, up to one end.
    """

    def __init__(self, run: Run, sink: ReportSink, on_timeout: Callable[["Course"], None]) -> None:
        self.run = run
        self.is_over = False
        """An end was told, or none is wanted any more."""
        self.is_stopping = False
        self.since_ms: int | None = None
        self._since_s = time.monotonic()
        self._sink = sink
        self._on_timeout = on_timeout
        self._timers: list[asyncio.TimerHandle] = []

    @property
    def ran_s(self) -> float:
        """
        Since it began.
        """
        return time.monotonic() - self._since_s

    @property
    def key(self) -> tuple[str, int]:
        return self.run.job_id, self.run.attempt

    def begin(self) -> None:
        """
        The task runs from now on.
        """
        self.since_ms = time.time_ns() // 1_000_000
        self._since_s = time.monotonic()
        if self.run.timeout_s is not None:
            self.later(self.run.timeout_s, self._time_out)

    def later(self, delay_s: float, act: Callable[[], None]) -> None:
        """
        Do something, unless the place is free before.
        """
        self._timers.append(asyncio.get_running_loop().call_later(delay_s, act))

    def tell(self, report: AnyReport) -> None:
        if self.is_over:
            return
        if isinstance(report, Done | Failed | Lost):
            self.is_over = True
        self._sink(report)

    def lose(self, reason: str, *, is_counted: bool = True) -> None:
        job_id, attempt = self.key
        has_begun = self.since_ms is not None
        self.tell(
            Lost(
                job_id=job_id,
                attempt=attempt,
                reason=reason,
                is_counted=is_counted,
                has_begun=has_begun,
            )
        )

    def hush(self) -> None:
        """
        Nothing that it still reports counts.
        """
        self.is_over = True

    def free(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _time_out(self) -> None:
        if self.is_over or self.is_stopping:
            return
        job_id, attempt = self.key
        error = JobError(
            kind="timeout",
            code="timeout",
            message=f"Attempt {attempt} did not end within {self.run.timeout_s:g} s.",
            retryable=True,
        )
        self.tell(Failed(job_id=job_id, attempt=attempt, error=error))
        self._on_timeout(self)
