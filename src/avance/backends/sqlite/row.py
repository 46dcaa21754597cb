"""
The columns of a job's row. Most writes change only what a reader sees, some move the job along, few touch its facts; each writes, and
indexes, no more than it must.
"""

import msgspec
from msgspec.structs import replace

from avance.model.job import TERMINAL, Job, State

_CHANGING = ("seq", "percent", "doc", "inline_result")
_MOTION = ("state", "is_active", "priority", "queued_ms", "due_ms", "expires_ms", "ended_ms")
_FACTS = (
    "created_ms",
    "kind",
    "runner",
    "title",
    "owner",
    "tenant",
    "parent_id",
    "retry_of",
    "weight",
    "unique_key",
    "limit_key",
    "limit_max",
)
_INSERTED = ("pk", *_CHANGING, *_MOTION, *_FACTS, "id")


def _set(columns: tuple[str, ...]) -> str:
    return ", ".join(f"{column} = ?" for column in columns)


SHOW_JOB = f"UPDATE jobs SET {_set(_CHANGING)} WHERE pk = ?"
MOVE_JOB = f"UPDATE jobs SET {_set(_CHANGING + _MOTION)} WHERE pk = ?"
REWRITE_JOB = f"UPDATE jobs SET {_set(_CHANGING + _MOTION + _FACTS)} WHERE pk = ?"
INSERT_JOB = f"INSERT INTO jobs ({', '.join(_INSERTED)}) VALUES ({', '.join('?' * len(_INSERTED))})"


def motion(job: Job) -> tuple[object, ...]:
    """
    What changes when the job moves. The worker, the attempt and whether children are awaited stand behind the columns: the row in
    `runs` follows them.
    """
    state = job.state
    is_waiting = state is State.SCHEDULED or state is State.RETRYING
    return (
        state.value,
        state not in TERMINAL,
        job.priority,
        job.queued_ms,
        (job.not_before_ms or 0) if is_waiting else None,
        job.expires_ms,
        job.ended_ms if state in TERMINAL else None,
        job.worker,
        job.attempt,
    )


def columns_of(motion: tuple[object, ...]) -> tuple[object, ...]:
    return motion[: len(_MOTION)]


def facts(job: Job) -> tuple[object, ...]:
    """
    What is known of the job from its beginning; the tags come first, they have a table.
    """
    return (
        job.tags,
        job.created_ms,
        job.kind,
        job.runner,
        None if job.title is None else job.title.casefold(),
        job.owner,
        job.tenant,
        job.parent_id,
        job.retry_of,
        job.weight,
        job.unique_key,
        job.limit_key,
        job.limit_max,
    )


Record = tuple[bytes, bytes | None]
"""A job as stored: the columns `doc` and `inline_result`."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Job).decode


def encode_job(job: Job) -> Record:
    if job.result is None:
        return _encode(job), None
    return _encode(replace(job, result=None)), bytes(job.result)


def decode_job(doc: bytes, inline_result: bytes | None) -> Job:
    job = _decode(doc)
    return job if inline_result is None else replace(job, result=msgspec.Raw(inline_result))
