"""
The frames of `/ws/optimize/{job_id}`. docs/contract/routes.md, 2.1 and 2.4.
"""

from datetime import UTC, datetime
from typing import Literal

import msgspec

STATUS_WORDS = {
    "scheduled": "queued",
    "queued": "queued",
    "running": "running",
    "retrying": "running",
    "completed": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
    "expired": "failed",
}
"""The core's states in the words of this system."""

ERROR_CODES = {
    "invalid_input": "INVALID_INPUT",
    "invalid_request": "INVALID_INPUT",
    "timeout": "TIMEOUT",
    "time_limit": "TIMEOUT",
    "worker_lost": "WORKER_LOST",
    "solver_lost": "WORKER_LOST",
    "expired": "EXPIRED",
}
OPTIMIZATION_FAILED = "OPTIMIZATION_FAILED"
UNKNOWN_MESSAGE = "No se conoce ningún trabajo con el identificador {job_id}; si aparece, su progreso llegará por aquí"


class Progress(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="progress"
):
    """
    Where a running job is.
    """

    job_id: str
    phase: str
    progress: int
    message: str
    timestamp: str
    current: float | None = None
    total: float | None = None
    unit: str | None = None
    eta_s: float | None = None
    attempt: int | None = None
    best_buses: int | None = None


class Status(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="status"):
    job_id: str
    status: str
    message: str
    timestamp: str


class Completed(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="completed"):
    """
    The end of a job that succeeded.
    """

    job_id: str
    result: msgspec.Raw
    stats: msgspec.Raw
    timestamp: str


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="error"):
    """
    The end of a job that failed; with BAD_MESSAGE, the answer to a frame that was not understood.
    """

    job_id: str
    error_code: str
    message: str
    timestamp: str


class Pong(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="pong"):
    timestamp: str


class Action(msgspec.Struct, frozen=True, kw_only=True):
    action: Literal["ping", "get_status"]


def seconds_time(moment_ms: int) -> str:
    """
    `2026-02-10T10:30:00Z`.
    """
    return datetime.fromtimestamp(moment_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def cut_time(text: str) -> str:
    """
    The same from a moment of an event.
    """
    return text[:19] + "Z"


def status_frame(job_id: str, word: str, timestamp: str, *, message: str | None = None) -> bytes:
    return msgspec.json.encode(
        Status(
            job_id=job_id,
            status=word,
            message=message or f"Job status: {word}",
            timestamp=timestamp,
        )
    )


def error_code_of(kind: str, code: str) -> str:
    """
    The word of this system for an error of the core.
    """
    return ERROR_CODES.get(code.lower()) or ERROR_CODES.get(kind.lower()) or OPTIMIZATION_FAILED
