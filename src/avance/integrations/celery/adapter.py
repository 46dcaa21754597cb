"""
`attach`: hear of everything that a Celery app does, in the publisher, in the worker and in its children.
"""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import celery
from celery import signals
from celery.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded, WorkerLostError
from celery.worker import state as worker_state
from kombu.exceptions import OperationalError

from avance.app.reports import THE_CURRENT, Alive, Courier
from avance.integrations.celery import bonds
from avance.integrations.celery.bonds import Bond, attempt_of
from avance.integrations.celery.task import Task
from avance.jobs.context import Job as JobContext
from avance.jobs.context import add_finder

log: logging.Logger = logging.getLogger("avance.celery")

DEFAULT_COUNTDOWN_S = 180.0


def attach(
    app: celery.Celery, url: str, *, owner_of: Callable[[Any], str | None] | None = None
) -> None:
    """
    Let avance follow the tasks of an app; call it where the app is made, before its tasks are declared.

    Args:
        url: The Redis that the servers of avance have as their bus.
        owner_of: Called with the request of a task, names the user that it belongs to; by default the header `avance_owner` does.
    """
    bond = Bond(Courier(url), owner_of)
    bonds.tie(app, bond)
    app.Task = Task
    add_finder(_current)
    _Publisher(app, bond).connect()
    _Child(app, bond).connect()
    _Main(app, bond).connect()


class _Publisher:
    def __init__(self, app: celery.Celery, bond: Bond) -> None:
        self._app = app
        self._bond = bond

    def connect(self) -> None:
        signals.after_task_publish.connect(self._published, weak=False)

    def _published(self, sender: str, headers: dict[str, Any], **_: Any) -> None:
        task = self._app.tasks.get(sender)
        # A retry is told by the attempt that failed, and comes here before it.
        if not headers.get("retries") and headers.get("id"):
            self._bond.published(task, headers, _moment_ms(headers.get("eta")))


class _Child:
    """
    Where a task runs.
    """

    def __init__(self, app: celery.Celery, bond: Bond) -> None:
        self._app = app
        self._bond = bond

    def connect(self) -> None:
        signals.task_prerun.connect(self._prerun, weak=False)
        signals.task_success.connect(self._success, weak=False)
        signals.task_retry.connect(self._retry, weak=False)
        signals.task_failure.connect(self._failure, weak=False)
        signals.task_postrun.connect(self._postrun, weak=False)

    def _is_ours(self, task: Any) -> bool:
        return bonds.of(task.app) is self._bond

    def _prerun(self, task: Any, **_: Any) -> None:
        request = task.request
        if self._is_ours(task) and not self._bond.courier.is_cancelled(request.id):
            self._bond.started(task, request, request.hostname or "")

    def _success(self, sender: Any, result: Any, **_: Any) -> None:
        if self._is_ours(sender):
            self._bond.succeeded(sender.request, result)

    def _retry(self, sender: Any, request: Any, reason: Any, einfo: Any, **_: Any) -> None:
        if self._is_ours(sender):
            error = reason.exc if isinstance(reason.exc, BaseException) else reason
            self._bond.retried(request, error, str(einfo), _wait_s(reason.when))

    def _failure(
        self, sender: Any, task_id: str, exception: BaseException, einfo: Any, **_: Any
    ) -> None:
        if not self._is_ours(sender):
            return
        # Of a lost child and of the hard time limit the main process tells, which does not know the request.
        is_here = getattr(sender.request, "id", None) == task_id
        attempt = attempt_of(sender.request) if is_here else THE_CURRENT
        self._bond.failed(task_id, attempt, _kind(exception), exception, str(einfo or ""))

    def _postrun(self, task: Any, **_: Any) -> None:
        if self._is_ours(task):
            self._bond.left(task.request)


class _Main:
    """
    The main process of a worker: it tells what is alive, and stops what was cancelled.
    """

    def __init__(self, app: celery.Celery, bond: Bond) -> None:
        self._app = app
        self._bond = bond
        self._is_over = threading.Event()
        self._stopped: frozenset[str] = frozenset()
        """Revoked, and still here."""

    def connect(self) -> None:
        signals.worker_ready.connect(self._ready, weak=False)
        signals.worker_shutdown.connect(self._shutdown, weak=False)
        signals.task_revoked.connect(self._revoked, weak=False)

    def _ready(self, sender: Any, **_: Any) -> None:
        beat = threading.Thread(
            target=self._beat, args=(sender.hostname,), name="avance-beat", daemon=True
        )
        beat.start()
        self._bond.courier.writer.listen(self._stop)

    def _shutdown(self, **_: Any) -> None:
        self._is_over.set()
        self._bond.courier.flush()

    def _revoked(self, sender: Any, request: Any, expired: bool = False, **_: Any) -> None:
        if bonds.of(sender.app) is self._bond:
            self._bond.drop(request.id, is_expired=bool(expired))

    def _beat(self, hostname: str) -> None:
        while True:
            held = tuple(request.id for request in tuple(worker_state.active_requests))
            if held:
                self._bond.courier.tell(Alive(worker=hostname, job_ids=held))
            if self._is_over.wait(self._bond.courier.limits.beat_s):
                return

    def _stop(self, job_id: str) -> None:
        requests = (*worker_state.active_requests, *worker_state.reserved_requests)
        here = {request.id for request in requests}
        # It is said again for as long as the task is here, and a second signal would disturb the cleaning up.
        if job_id in here - self._stopped:
            try:
                self._app.control.revoke(job_id, terminate=True, signal="SIGTERM")
                self._stopped |= {job_id}
            except OperationalError as error:
                log.warning("task %s is stopped when the broker is there again: %s", job_id, error)
        self._stopped &= here


def _current() -> JobContext | None:
    task = celery.current_task
    if not task or task.request.called_directly or task.request.id is None:
        return None
    bond = bonds.of(task.app)
    return None if bond is None else bond.context(task.request)


def _kind(error: BaseException) -> str:
    if isinstance(error, WorkerLostError):
        return "worker_lost"
    if isinstance(error, TimeLimitExceeded | SoftTimeLimitExceeded):
        return "timeout"
    return "error"


def _wait_s(when: Any) -> float:
    if isinstance(when, datetime):
        return max((when - datetime.now(when.tzinfo)).total_seconds(), 0.0)  # noqa: TID251 - Celery's own moment
    return DEFAULT_COUNTDOWN_S if when is None else max(float(when), 0.0)


def _moment_ms(moment: Any) -> int | None:
    if moment is None:
        return None
    when = moment if isinstance(moment, datetime) else datetime.fromisoformat(str(moment))
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return round(when.timestamp() * 1000)
