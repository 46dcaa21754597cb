"""
Which Celery apps are attached, and how what happens there is told.
"""

import logging
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from avance.app.reports import (
    THE_CURRENT,
    Appeared,
    Courier,
    Dropped,
    ForeignAttempt,
    Retried,
)
from avance.jobs.context import Job as JobContext
from avance.jobs.context import Reports
from avance.model.job import Job, JobError, RetryPolicy, State
from avance.model.report import Done, Failed, ProgressMade, Started
from avance.ports.executor import Run

log: logging.Logger = logging.getLogger("avance.celery")

RUNNER = "celery"
OWNER_HEADER = "avance_owner"
ATTEMPTS_UNLIMITED = 1_000
"""Shown where a task is tried again without end."""

_bonds: "WeakKeyDictionary[Any, Bond]" = WeakKeyDictionary()


def of(app: Any) -> "Bond | None":
    """
    The bond of an app, if it is attached.
    """
    return _bonds.get(app._get_current_object() if hasattr(app, "_get_current_object") else app)


def tie(app: Any, bond: "Bond") -> None:
    """
    Remember it.
    """
    _bonds[app] = bond


class Bond:
    """
    Tells of the tasks of one app. It holds no state of theirs.
    """

    def __init__(self, courier: Courier, owner_of: Callable[[Any], str | None] | None) -> None:
        self.courier = courier
        self._owner_of = owner_of
        self._contexts: dict[tuple[str, int], JobContext] = {}

    def published(self, task: Any, headers: dict[str, Any], not_before_ms: int | None) -> None:
        """
        A task was sent for the first time.
        """
        owner = headers.get(OWNER_HEADER)
        self._appear(task, headers["task"], headers["id"], owner, not_before_ms)

    def started(self, task: Any, request: Any, worker: str) -> None:
        """
        A worker begins an attempt.
        """
        owner = request.get(OWNER_HEADER) if self._owner_of is None else self._owner_of(request)
        self._appear(task, task.name, request.id, owner, None)
        self.courier.tell(Started(job_id=request.id, attempt=attempt_of(request), worker=worker))

    def progress(self, request: Any, told: dict[str, Any]) -> None:
        """
        A task told how far it is.
        """
        report = ProgressMade(job_id=request.id, attempt=attempt_of(request), **told)
        self.courier.tell(report)

    def succeeded(self, request: Any, result: Any) -> None:
        """
        An attempt ended well.
        """
        self.courier.tell(
            Done(job_id=request.id, attempt=attempt_of(request), result=_encoded(result))
        )

    def failed(
        self, task_id: str, attempt: int, kind: str, error: BaseException, stack: str
    ) -> None:
        """
        A task ended for good.
        """
        self.courier.tell(Failed(job_id=task_id, attempt=attempt, error=_error(kind, error, stack)))

    def retried(self, request: Any, error: BaseException, stack: str, wait_s: float) -> None:
        """
        An attempt failed, and Celery has already sent the next.
        """
        self.courier.tell(
            Retried(
                job_id=request.id,
                attempt=attempt_of(request),
                error=_error("error", error, stack),
                wait_s=wait_s,
            )
        )

    def drop(self, task_id: str, *, is_expired: bool = False) -> None:
        """
        A task will not run, or was stopped.
        """
        self.courier.tell(Dropped(job_id=task_id, is_expired=is_expired))

    def context(self, request: Any) -> JobContext:
        """
        What `avance.current()` answers inside a task.
        """
        key = (request.id, attempt_of(request))
        found = self._contexts.get(key)
        if found is None:
            run = Run(
                job_id=request.id, attempt=key[1], task=request.task, input=b"", runner=RUNNER
            )
            attempt = ForeignAttempt(self.courier, run)
            found = self._contexts[key] = JobContext(attempt, Reports(attempt))
        return found

    def left(self, request: Any) -> None:
        """
        A task has ended in this process.
        """
        self._contexts.pop((request.id, attempt_of(request)), None)
        self.courier.flush()

    def _appear(
        self, task: Any, name: str, task_id: str, owner: str | None, not_before_ms: int | None
    ) -> None:
        now_ms = self.courier.now_ms
        is_later = not_before_ms is not None and not_before_ms > now_ms
        retries = getattr(task, "max_retries", 0)
        job = Job(
            id=task_id,
            kind=name,
            state=State.SCHEDULED if is_later else State.QUEUED,
            created_ms=now_ms,
            queued_ms=None if is_later else now_ms,
            not_before_ms=not_before_ms if is_later else None,
            owner=owner,
            runner=RUNNER,
            # Celery decides about the next attempt; a worker that is lost comes back for nobody.
            retry=RetryPolicy(
                max_attempts=ATTEMPTS_UNLIMITED if retries is None else retries + 1, lost_max=1
            ),
        )
        self.courier.tell(Appeared(job=job))


def attempt_of(request: Any) -> int:
    """
    From 1; retries are counted from 0.
    """
    return int(request.retries or 0) + 1


def _error(kind: str, error: BaseException, stack: str) -> JobError:
    message = str(error) or type(error).__name__
    return JobError(kind=kind, code=type(error).__name__, message=message, traceback=stack or None)


def _encoded(result: Any) -> msgspec.Raw:
    try:
        return msgspec.Raw(msgspec.json.encode(result))
    except (TypeError, ValueError, msgspec.MsgspecError, RecursionError) as error:
        # Celery takes what JSON cannot hold (a pickle); the text of it is better than no end at all.
        log.warning("a result is told as text: %s", error)
        return msgspec.Raw(msgspec.json.encode(repr(result)))


__all__ = ["THE_CURRENT", "Bond", "attempt_of", "of", "tie"]
