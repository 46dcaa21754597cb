"""
What the place where a task runs tells of it. Every report names its attempt, which fences it, and its number, which deduplicates it.
"""

import msgspec

from avance.model.job import JobError


class Report(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    job_id: str
    attempt: int
    n: int = 0
    """Grows within an attempt; 0 where nothing can be delivered twice."""


class Started(Report, tag="started", frozen=True, kw_only=True, omit_defaults=True):
    """
    For executors that take work from a queue of their own.
    """

    worker: str


class ProgressMade(Report, tag="progress", frozen=True, kw_only=True, omit_defaults=True):
    percent: float | None = None
    current: float | None = None
    total: float | None = None
    unit: str | None = None
    phase: str | None = None
    message: str | None = None
    data: dict[str, object] | None = None


class PhaseReached(Report, tag="phase", frozen=True, kw_only=True, omit_defaults=True):
    id: str
    state: str = "running"
    """`running`, `done` or `skipped`."""
    label: str | None = None


class LogWritten(Report, tag="log", frozen=True, kw_only=True, omit_defaults=True):
    message: str
    level: str = "info"
    fields: dict[str, object] = {}


class ChunkEmitted(Report, tag="data", frozen=True, kw_only=True, omit_defaults=True):
    name: str
    chunk: msgspec.Raw


class MetaChanged(Report, tag="meta", frozen=True, kw_only=True, omit_defaults=True):
    patch: dict[str, object]


class PartialSaved(Report, tag="save", frozen=True, kw_only=True, omit_defaults=True):
    result: msgspec.Raw


class Done(Report, tag="done", frozen=True, kw_only=True, omit_defaults=True):
    result: msgspec.Raw


class Failed(Report, tag="failed", frozen=True, kw_only=True, omit_defaults=True):
    error: JobError


class Lost(Report, tag="lost", frozen=True, kw_only=True, omit_defaults=True):
    """
    The worker is gone, or gave the job back because it stops.
    """

    reason: str
    is_counted: bool = True
    """False for a worker that stops in order: the job is queued again without using up an attempt."""
    has_begun: bool = True
    """False where the task was never called: it is the same attempt that is queued again."""


AnyReport = (
    Started
    | ProgressMade
    | PhaseReached
    | LogWritten
    | ChunkEmitted
    | MetaChanged
    | PartialSaved
    | Done
    | Failed
    | Lost
)
