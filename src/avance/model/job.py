"""
A job as it is stored, and as it is shown.
"""

from enum import StrEnum
from typing import Literal, NotRequired, TypedDict

import msgspec

from avance.model.moment import optional_wire_time, wire_time


class State(StrEnum):
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    RUNNING = "running"
    RETRYING = "retrying"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def is_terminal(self) -> bool:
        return self in TERMINAL


TERMINAL = frozenset({State.COMPLETED, State.FAILED, State.CANCELLED, State.EXPIRED})


class JobLimits(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one job may hold.
    """

    input_bytes_max: int = 262_144
    result_bytes_max: int = 16_777_216
    inline_result_bytes_max: int = 32_768
    """A larger result is shown by reference (`result_url`)."""
    event_bytes_max: int = 65_536
    message_chars_max: int = 2_000
    traceback_chars_max: int = 20_000
    tags_max: int = 16
    meta_bytes_max: int = 16_384
    phases_max: int = 64
    children_max: int = 10_000


JOB_LIMITS = JobLimits()


PhaseState = Literal["pending", "running", "done", "skipped"]


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    label: str
    weight: float
    state: PhaseState = "pending"
    started_ms: int | None = None
    ended_ms: int | None = None


class Progress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    `percent` and `phase` are always written; the rest where it is known.
    """

    percent: float | None
    """None while no total is known."""
    phase: str | None
    phase_index: int | None = None
    phase_count: int | None = None
    current: float | None = None
    total: float | None = None
    unit: str | None = None
    message: str | None = None
    eta_s: float | None = None
    rate: float | None = None
    data: dict[str, object] | None = None


NO_PROGRESS = Progress(percent=None, phase=None)


class JobError(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    """`error`, `timeout`, `worker_lost`, `cancelled` or `expired`."""
    code: str
    message: str
    retryable: bool = False
    traceback: str | None = None


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    max_attempts: int = 1
    """Attempts that may end in an error."""
    backoff_s: tuple[float, ...] = ()
    """The wait before attempt 2, 3, …; the last value repeats."""
    jitter: float = 0.0
    """0.2 spreads each wait over ±20 %."""
    lost_max: int = 3
    """Attempts that may end with a lost worker."""

    def wait_s(self, errors: int) -> float:
        if not self.backoff_s:
            return 0.0
        return self.backoff_s[min(errors, len(self.backoff_s)) - 1]


class Children(msgspec.Struct, frozen=True, kw_only=True):
    """
    The roll-up of a job's children, always computed from their rows; a child that was retried below the same parent counts as its retry.
    """

    total: int = 0
    completed: int = 0
    failed: int = 0
    """Failed, cancelled or expired."""
    percent: float | None = None
    """Weighted by each child's weight."""

    @property
    def is_settled(self) -> bool:
        return self.completed + self.failed >= self.total


class Job(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    The durable record. `seq` is the top offset of `job:<id>`, so it is the version that a write must have seen.
    """

    id: str
    kind: str
    state: State
    created_ms: int
    seq: int = 0
    title: str | None = None
    owner: str | None = None
    tenant: str | None = None
    tags: tuple[str, ...] = ()
    meta: dict[str, object] = {}
    runner: str = "process"
    """`process`, `thread`, `async`; `track` for work that runs elsewhere."""
    priority: int = 0
    retry: RetryPolicy = RetryPolicy()
    timeout_s: float | None = None
    """For one attempt."""
    grace_s: float = 5.0
    """Between SIGTERM and SIGKILL."""
    attempt: int = 1
    """The fencing token: a report of another attempt is refused."""
    errors: int = 0
    losses: int = 0
    worker: str | None = None
    progress: Progress = NO_PROGRESS
    progress_attempt: int = 1
    """The attempt that the shown progress comes from; until a new one passes it, only messages change."""
    phases: tuple[Phase, ...] = ()
    result: msgspec.Raw | None = None
    result_bytes: int = 0
    is_partial: bool = False
    """`result` was saved on the way, not returned."""
    error: JobError | None = None
    cancel_requested: bool = False
    parent_id: str | None = None
    weight: float = 1.0
    children: Children | None = None
    awaits_children: bool = False
    """The own work is done; the job ends when its children have."""
    needs_children: bool = False
    """A failed child fails this job."""
    retry_of: str | None = None
    unique_key: str | None = None
    limit_key: str | None = None
    limit_max: int = 0
    queued_ms: int | None = None
    started_ms: int | None = None
    ended_ms: int | None = None
    not_before_ms: int | None = None
    expires_ms: int | None = None
    listed_ms: int = 0
    """When the owner's list last heard of ordinary progress."""
    is_list_behind: bool = False
    """Progress was made since."""

    @property
    def has_open_children(self) -> bool:
        return self.children is not None and not self.children.is_settled

    @property
    def max_attempts(self) -> int:
        if self.losses:
            return max(self.retry.max_attempts, self.retry.lost_max)
        return self.retry.max_attempts


class PhaseView(TypedDict):
    """
    A phase on the wire.
    """

    id: str
    label: str
    weight: float
    state: PhaseState
    started_at: NotRequired[str]
    ended_at: NotRequired[str]


class JobView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    A job on the wire: in the snapshot, in REST answers, and (without the heavy fields) in lists.
    """

    id: str
    kind: str
    state: State
    seq: int
    attempt: int
    max_attempts: int
    progress: Progress
    created_at: str
    title: str | None = None
    phases: tuple[PhaseView, ...] = ()
    result: msgspec.Raw | None = None
    result_url: str | None = None
    result_is_partial: bool = False
    error: JobError | None = None
    owner: str | None = None
    tenant: str | None = None
    tags: tuple[str, ...] = ()
    meta: dict[str, object] = {}
    cancel_requested: bool = False
    parent_id: str | None = None
    children: Children | None = None
    retry_of: str | None = None
    priority: int = 0
    queued_at: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    not_before: str | None = None
    expires_at: str | None = None


def view(job: Job, *, with_traceback: bool = False) -> JobView:
    """
    Show the whole job.
    """
    error = job.error
    if error is not None and not with_traceback:
        error = msgspec.structs.replace(error, traceback=None)
    has_large_result = job.result is None and job.result_bytes > 0
    return msgspec.structs.replace(
        summary(job),
        phases=tuple(_phase_view(phase) for phase in job.phases),
        result=job.result,
        result_url=f"/v1/jobs/{job.id}/result" if has_large_result else None,
        result_is_partial=job.is_partial,
        error=error,
        meta=job.meta,
    )


def summary(job: Job) -> JobView:
    """
    Show what a list needs.
    """
    error = job.error
    return JobView(
        id=job.id,
        kind=job.kind,
        state=job.state,
        seq=job.seq,
        attempt=job.attempt,
        max_attempts=job.max_attempts,
        progress=job.progress,
        created_at=wire_time(job.created_ms),
        title=job.title,
        error=None if error is None else msgspec.structs.replace(error, traceback=None),
        owner=job.owner,
        tenant=job.tenant,
        tags=job.tags,
        cancel_requested=job.cancel_requested,
        parent_id=job.parent_id,
        children=job.children,
        retry_of=job.retry_of,
        priority=job.priority,
        queued_at=optional_wire_time(job.queued_ms),
        started_at=optional_wire_time(job.started_ms),
        ended_at=optional_wire_time(job.ended_ms),
        not_before=optional_wire_time(job.not_before_ms),
        expires_at=optional_wire_time(job.expires_ms),
    )


def _phase_view(phase: Phase) -> PhaseView:
    shown = PhaseView(id=phase.id, label=phase.label, weight=phase.weight, state=phase.state)
    if phase.started_ms is not None:
        shown["started_at"] = wire_time(phase.started_ms)
    if phase.ended_ms is not None:
        shown["ended_at"] = wire_time(phase.ended_ms)
    return shown
