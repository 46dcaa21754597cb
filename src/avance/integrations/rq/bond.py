"""
How what RQ does is told.
"""

import logging
import os
from typing import Any
from urllib.parse import quote

import msgspec
import rq

from avance.app.reports import THE_CURRENT, Appeared, Courier, ForeignAttempt
from avance.jobs.context import Job as JobContext
from avance.jobs.context import Reports, add_finder
from avance.model.job import Job, JobError, RetryPolicy, State
from avance.ports.executor import Run

log: logging.Logger = logging.getLogger("avance.rq")

RUNNER = "rq"
OWNER_META = "avance_owner"
URL_VARIABLES = ("AVANCE_BUS", "REDIS_URL")

_couriers: dict[str, Courier] = {}


def courier_of(connection: Any) -> Courier:
    """
    Reports go to the Redis that the environment names, else to the one of RQ.
    """
    named = next((os.environ[name] for name in URL_VARIABLES if os.environ.get(name)), None)
    url = named or _url(connection)
    if url not in _couriers:
        _couriers[url] = Courier(url)
    return _couriers[url]


def appeared(job: Any, courier: Courier, *, not_before_ms: int | None = None) -> Appeared:
    """
    A job of RQ as one of ours.
    """
    now_ms = courier.now_ms
    is_later = not_before_ms is not None and not_before_ms > now_ms
    return Appeared(
        job=Job(
            id=job.id,
            kind=job.func_name or "rq",
            state=State.SCHEDULED if is_later else State.QUEUED,
            created_ms=now_ms,
            queued_ms=None if is_later else now_ms,
            not_before_ms=not_before_ms if is_later else None,
            title=job.description,
            owner=job.meta.get(OWNER_META),
            runner=RUNNER,
            # RQ decides about the next attempt; a worker that is lost comes back for nobody.
            retry=RetryPolicy(max_attempts=(job.retries_left or 0) + 1, lost_max=1),
        )
    )


def failure(kind: str, stack: str) -> JobError:
    """
    The error that a traceback ends with.
    """
    last = stack.strip().rpartition("\n")[2] or "no reason is known"
    code = last.partition(":")[0].rpartition(".")[2]
    is_name = code.isidentifier()
    return JobError(
        kind=kind,
        code=code if is_name else "job_failed",
        message=last.partition(": ")[2] or last,
        traceback=stack or None,
    )


def encoded(result: Any) -> msgspec.Raw:
    """
    A result as JSON, or its text where it cannot be.
    """
    try:
        return msgspec.Raw(msgspec.json.encode(result))
    except (TypeError, ValueError, msgspec.MsgspecError, RecursionError) as error:
        log.warning("a result is told as text: %s", error)
        return msgspec.Raw(msgspec.json.encode(repr(result)))


_context: tuple[str, int, JobContext] | None = None


def _current() -> JobContext | None:
    global _context
    job = rq.get_current_job()
    if job is None:
        return None
    key = (job.id, job.retries_left or 0)
    if _context is None or _context[:2] != key:
        run = Run(
            job_id=job.id,
            attempt=THE_CURRENT,
            task=job.func_name or "rq",
            input=b"",
            runner=RUNNER,
            owner=job.meta.get(OWNER_META),
        )
        # A work horse ends without running any exit handler.
        attempt = ForeignAttempt(courier_of(job.connection), run, is_flushed=True)
        _context = (*key, JobContext(attempt, Reports(attempt)))
    return _context[2]


def _url(connection: Any) -> str:
    given = connection.connection_pool.connection_kwargs
    if "path" in given:
        return f"unix://{given['path']}?db={given.get('db') or 0}"
    is_tls = "SSL" in connection.connection_pool.connection_class.__name__
    user = quote(given.get("username") or "", safe="")
    password = quote(given.get("password") or "", safe="")
    who = f"{user}:{password}@" if password else ""
    host, port = given.get("host", "localhost"), given.get("port", 6379)
    return f"{'rediss' if is_tls else 'redis'}://{who}{host}:{port}/{given.get('db') or 0}"


add_finder(_current)
