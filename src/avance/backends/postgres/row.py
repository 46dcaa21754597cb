"""
The columns of a job's row.
"""

import msgspec
from msgspec.structs import replace

from avance.model.job import TERMINAL, Job, State

Record = tuple[bytes, bytes | None]
"""A job as stored: the columns `doc` and `inline_result`."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Job).decode

_COLUMNS = (
    *("seq", "percent", "doc", "inline_result", "state", "is_active", "priority", "queued_ms"),
    *("due_ms", "expires_ms", "ended_ms", "created_ms", "kind", "runner", "title", "owner"),
    *("tenant", "parent_id", "retry_of", "weight", "unique_key", "limit_key", "limit_max"),
    *("tags", "id"),
)
INSERT_JOB = (
    f"INSERT INTO jobs ({', '.join(_COLUMNS)}) VALUES ({', '.join(['%s'] * len(_COLUMNS))})"
)
UPDATE_JOB = f"UPDATE jobs SET {', '.join(f'{name} = %s' for name in _COLUMNS[:-1])} WHERE id = %s"


def values(job: Job, record: Record) -> tuple[object, ...]:
    """
    In the order of the columns. A title is only searched for, so what PostgreSQL cannot keep in a text is left out of it.
    """
    state = job.state
    is_waiting = state is State.SCHEDULED or state is State.RETRYING
    return (
        job.seq,
        job.progress.percent,
        *record,
        state.value,
        state not in TERMINAL,
        job.priority,
        job.queued_ms,
        (job.not_before_ms or 0) if is_waiting else None,
        job.expires_ms,
        job.ended_ms if state in TERMINAL else None,
        job.created_ms,
        job.kind,
        job.runner,
        None if job.title is None else job.title.casefold().replace("\0", ""),
        job.owner,
        job.tenant,
        job.parent_id,
        job.retry_of,
        job.weight,
        job.unique_key,
        job.limit_key,
        job.limit_max,
        list(dict.fromkeys(job.tags)),
        job.id,
    )


def encode_job(job: Job) -> Record:
    if job.result is None:
        return _encode(job), None
    return _encode(replace(job, result=None)), bytes(job.result)


def decode_job(doc: bytes, inline_result: bytes | None) -> Job:
    job = _decode(doc)
    return job if inline_result is None else replace(job, result=msgspec.Raw(inline_result))
