from typing import Any

import msgspec
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import Job, JobStatus


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """
    How a job of RQ ended.
    """

    result: Any = None
    error: str | None = None
    """None where it ended well."""


def outcome(connection: Any, job_id: str) -> Outcome | None:
    """
    How it ended, or None where it has not, or nobody knows. Blocks.
    """
    try:
        job = Job.fetch(job_id, connection=connection)
        status = job.get_status(refresh=True)
        if status is JobStatus.FINISHED:
            return Outcome(result=job.return_value())
        if status is JobStatus.FAILED:
            result = job.latest_result()
            return Outcome(
                error=(result.exc_string if result else None) or "RQ says that it failed"
            )
    except (NoSuchJobError, InvalidJobOperation):
        return None
    return None
