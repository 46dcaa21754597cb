import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import rq
from rq.command import send_stop_job_command
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import JobStatus
from rq.registry import ScheduledJobRegistry
from rq.worker import SimpleWorker as PlainSimpleWorker
from rq.worker import SpawnWorker as PlainSpawnWorker

from avance.app.reports import THE_CURRENT, Alive, Courier, Dropped, Retried
from avance.errors import Unavailable
from avance.integrations.rq.bond import appeared, courier_of, encoded, failure
from avance.model.report import Done, Failed, Started

log: logging.Logger = logging.getLogger("avance.rq")

_WAITING = (JobStatus.QUEUED, JobStatus.SCHEDULED, JobStatus.DEFERRED)
_HORSE_LOST = "Work-horse terminated unexpectedly"
_TIMED_OUT = "JobTimeoutException"


class FollowedWorker:
    """
    Put it in front of any worker class. It tells from the parent, whatever becomes of the work horse.
    """

    connection: Any
    name: str

    def work(self, *args: Any, **options: Any) -> bool:
        """
        As in RQ, hearing of cancels meanwhile.
        """
        self._courier.writer.listen(self._stop)
        try:
            return bool(super().work(*args, **options))  # type: ignore[misc]
        finally:
            self._courier.flush()

    def execute_job(self, job: Any, queue: Any, *args: Any, **options: Any) -> Any:
        """
        As in RQ, told before and after.
        """
        courier = self._courier
        if courier.writer.is_cancelled(job.id):
            _take_out(job, queue)
            return None
        courier.tell(appeared(job, courier))
        # RQ counts attempts only downwards and from a number that it forgets, so the reader counts them.
        courier.tell(Started(job_id=job.id, attempt=THE_CURRENT, worker=self.name))
        courier.flush()
        try:
            with self._beating(job.id):
                return super().execute_job(job, queue, *args, **options)  # type: ignore[misc]
        finally:
            self._tell_end(job, queue)

    @property
    def _courier(self) -> Courier:
        return courier_of(self.connection)

    @contextmanager
    def _beating(self, job_id: str) -> Iterator[None]:
        is_over = threading.Event()
        self._running = job_id
        beat = threading.Thread(
            target=self._beat, args=(job_id, is_over), name="avance-beat", daemon=True
        )
        beat.start()
        try:
            yield
        finally:
            self._running = ""
            is_over.set()

    def _beat(self, job_id: str, is_over: threading.Event) -> None:
        while not is_over.wait(self._courier.limits.beat_s):
            self._courier.tell(Alive(worker=self.name, job_ids=(job_id,)))

    def _tell_end(self, job: Any, queue: Any) -> None:
        courier = self._courier
        try:
            with courier.reachable():
                status, result = job.get_status(refresh=True), job.latest_result()
        except InvalidJobOperation:
            # With `result_ttl=0` nothing is left of a job that ended well.
            status, result = JobStatus.FINISHED, None
        except Unavailable as error:
            log.warning("how job %s ended cannot be read: %s", job.id, error)
            return
        stack = (result.exc_string if result is not None else "") or ""
        if status is JobStatus.FINISHED:
            value = None if result is None else result.return_value
            courier.tell(Done(job_id=job.id, attempt=THE_CURRENT, result=encoded(value)))
        elif status is JobStatus.FAILED:
            reason = failure(_kind(stack), stack)
            courier.tell(Failed(job_id=job.id, attempt=THE_CURRENT, error=reason))
        elif status in (JobStatus.STOPPED, JobStatus.CANCELED):
            courier.tell(Dropped(job_id=job.id))
        elif status in (JobStatus.QUEUED, JobStatus.SCHEDULED):
            reason = failure("error", stack)
            wait_s = _wait_s(job, queue) if status is JobStatus.SCHEDULED else 0.0
            courier.tell(Retried(job_id=job.id, attempt=THE_CURRENT, error=reason, wait_s=wait_s))
        courier.flush()

    def _stop(self, job_id: str) -> None:
        """
        A job was cancelled: one that waits is taken out, one that runs here may end by itself before its work horse is killed.
        """
        if getattr(self, "_running", "") == job_id:
            # Said again for as long as the job runs: the word before may have been lost, or what it led to.
            if getattr(self, "_stopping", "") == job_id:
                return
            self._stopping = job_id
            timer = threading.Timer(self._courier.limits.grace_s, self._kill, (job_id,))
            timer.daemon = True
            timer.start()
            return
        try:
            with self._courier.reachable():
                job = rq.job.Job.fetch(job_id, connection=self.connection)
                if job.get_status() in _WAITING:
                    job.cancel()
        except (NoSuchJobError, InvalidJobOperation):
            return
        except Unavailable as error:
            log.warning("job %s stays in its queue until a worker finds it: %s", job_id, error)

    def _kill(self, job_id: str) -> None:
        self._stopping = ""
        if getattr(self, "_running", "") != job_id:
            return
        try:
            with self._courier.reachable():
                send_stop_job_command(self.connection, job_id)
        except (NoSuchJobError, InvalidJobOperation):
            return
        except Unavailable as error:
            log.warning("job %s cannot be stopped: %s", job_id, error)


class Worker(FollowedWorker, rq.Worker):
    """
    One work horse for each job, forked.
    """


class SimpleWorker(FollowedWorker, PlainSimpleWorker):
    """
    Runs jobs in its own process.
    """


class SpawnWorker(FollowedWorker, PlainSpawnWorker):
    """
    One work horse for each job, started anew. Inside of it `avance.current()` needs `import avance.rq`.
    """


def _take_out(job: Any, queue: Any) -> None:
    """
    RQ would find it one day as a job that got stuck on its way to a work horse, and try it again.
    """
    try:
        job.cancel()
    except InvalidJobOperation:
        log.debug("another worker has heard meanwhile that job %s is cancelled", job.id)
    queue.intermediate_queue.remove(job.id)


def _kind(stack: str) -> str:
    if _HORSE_LOST in stack:
        return "worker_lost"
    return "timeout" if _TIMED_OUT in stack else "error"


def _wait_s(job: Any, queue: Any) -> float:
    when = ScheduledJobRegistry(queue=queue).get_scheduled_time(job)  # type: ignore[no-untyped-call]
    return max((when - datetime.now(UTC)).total_seconds(), 0.0)  # noqa: TID251 - RQ's own moment
