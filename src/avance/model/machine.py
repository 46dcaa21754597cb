"""
Everything about how a job moves is in this file: the table of transitions, and pure functions that turn a job and a fact into the next
job and the events that tell of it. The reporter, and the store's own claim and sweep, call nothing else.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypedDict

import msgspec
from msgspec.structs import replace

from avance.errors import Conflict, TooLarge
from avance.model.event import (
    ChildChanged,
    Emitted,
    ErrorRaised,
    JobListed,
    Logged,
    MetaUpdated,
    PhaseChanged,
    Progressed,
    ResultReady,
    StateChanged,
    encode,
)
from avance.model.job import (
    JOB_LIMITS,
    Children,
    Job,
    JobError,
    JobLimits,
    Phase,
    State,
    summary,
)
from avance.model.moment import wire_time
from avance.model.progress import advance, enter_phase
from avance.model.report import (
    AnyReport,
    ChunkEmitted,
    Done,
    Failed,
    LogWritten,
    Lost,
    MetaChanged,
    PartialSaved,
    PhaseReached,
    ProgressMade,
    Started,
)
from avance.model.stream import Append, job_channel, jobs_channel

LIST_PROGRESS_INTERVAL_MS = 500
"""A list of jobs hears of ordinary progress at most this often for each job; of every state and phase at once."""


class Cause(StrEnum):
    DUE = "due"
    CLAIM = "claimed"
    RETRY = "retry"
    REQUEUE = "worker_lost"
    RELEASE = "released"
    DONE = "done"
    FAIL = "failed"
    CANCEL = "cancelled"
    EXPIRE = "expired"


TRANSITIONS: dict[tuple[State, Cause], State] = {
    (State.SCHEDULED, Cause.DUE): State.QUEUED,
    (State.RETRYING, Cause.DUE): State.QUEUED,
    (State.QUEUED, Cause.CLAIM): State.RUNNING,
    (State.RUNNING, Cause.RETRY): State.RETRYING,
    (State.RUNNING, Cause.REQUEUE): State.QUEUED,
    (State.RUNNING, Cause.RELEASE): State.QUEUED,
    (State.RUNNING, Cause.DONE): State.COMPLETED,
    (State.RUNNING, Cause.FAIL): State.FAILED,
    **{(state, Cause.CANCEL): State.CANCELLED for state in State if not state.is_terminal},
    **{(state, Cause.EXPIRE): State.EXPIRED for state in State if not state.is_terminal},
}


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """
    The next job, what tells of it, and a result that is too large for the record.
    """

    job: Job
    appends: tuple[Append, ...] = ()
    large_result: bytes | None = None

    def then(self, other: "Step") -> "Step":
        """
        Join with the step that follows on this step's job.
        """
        return Step(
            job=other.job,
            appends=self.appends + other.appends,
            large_result=other.large_result
            if other.large_result is not None
            else self.large_result,
        )


def stay(job: Job) -> Step:
    """
    Nothing happens: how a late or repeated fact is answered.
    """
    return Step(job=job)


def created(job: Job, now_ms: int) -> Step:
    """
    Announce a job that is new: scheduled, queued, or (work that runs elsewhere) running.
    """
    return _tell(
        job,
        now_ms,
        StateChanged(
            **_envelope(job, now_ms),
            from_state=None,
            to_state=job.state,
            reason="submitted",
            max_attempts=job.max_attempts,
        ),
    )


def move(
    job: Job, cause: Cause, now_ms: int, *, reason: str | None = None, **changes: object
) -> Step:
    """
    Take a job along the table.

    Raises:
        Conflict: The table has no such way.
    """
    target = TRANSITIONS.get((job.state, cause))
    if target is None:
        raise Conflict(
            f"job {job.id} is {job.state}; it cannot be {cause.value}",
            code="job_state",
            job_id=job.id,
            state=job.state.value,
        )
    if target.is_terminal:
        changes |= {"ended_ms": now_ms, "worker": None, "awaits_children": False}
    moved = replace(job, state=target, **changes)
    event = StateChanged(
        **_envelope(moved, now_ms),
        from_state=job.state,
        to_state=target,
        reason=reason or cause.value,
        not_before=None
        if moved.not_before_ms is None or target is not State.RETRYING
        else wire_time(moved.not_before_ms),
        max_attempts=moved.max_attempts,
    )
    return _tell(moved, now_ms, event)


def due(job: Job, now_ms: int) -> Step:
    """
    The time of a scheduled job, or of the next attempt, has come.
    """
    attempt = job.attempt + 1 if job.state is State.RETRYING else job.attempt
    return move(job, Cause.DUE, now_ms, attempt=attempt, queued_ms=now_ms, not_before_ms=None)


def claim(job: Job, worker: str, now_ms: int) -> Step:
    """
    A worker takes the job.
    """
    return move(job, Cause.CLAIM, now_ms, worker=worker, started_ms=job.started_ms or now_ms)


def cancel(job: Job, now_ms: int, *, reason: str = "cancelled") -> Step:
    """
    Final at once; freeing the process comes after, and whatever it still reports is refused.
    """
    error = JobError(kind="cancelled", code="cancelled", message="The job was cancelled.")
    told = _raised(job, error, now_ms)
    return told.then(
        move(told.job, Cause.CANCEL, now_ms, reason=reason, cancel_requested=True, error=error)
    )


def expire(job: Job, now_ms: int) -> Step:
    """
    The deadline of the whole job has passed.
    """
    error = JobError(
        kind="expired", code="expired", message="The job did not end before its deadline."
    )
    told = _raised(job, error, now_ms)
    return told.then(move(told.job, Cause.EXPIRE, now_ms, error=error))


def lose(
    job: Job, now_ms: int, *, reason: str, is_counted: bool = True, has_begun: bool = True
) -> Step:
    """
    The worker of a running job is gone: queue the job again, up to its attempts for that.
    """
    if job.awaits_children:
        return stay(job)
    next_attempt = job.attempt + 1 if has_begun else job.attempt
    if not is_counted:
        return move(job, Cause.RELEASE, now_ms, worker=None, attempt=next_attempt, queued_ms=now_ms)
    losses = job.losses + 1
    if losses < job.retry.lost_max:
        return move(
            job,
            Cause.REQUEUE,
            now_ms,
            reason=reason,
            worker=None,
            losses=losses,
            attempt=next_attempt,
            queued_ms=now_ms,
        )
    error = JobError(
        kind="worker_lost",
        code="worker_lost",
        message=f"The worker was lost in attempt {job.attempt}, the {losses}. loss of {job.retry.lost_max} allowed: {reason}.",
    )
    told = _raised(job, error, now_ms)
    return told.then(move(told.job, Cause.FAIL, now_ms, reason=reason, losses=losses, error=error))


def report(
    job: Job, told: AnyReport, now_ms: int, *, limits: JobLimits = JOB_LIMITS, spread: float = 0.0
) -> Step:
    """
    Apply what the place where the task runs tells; a report of another attempt, or after the end, changes nothing.

    Args:
        spread: A random number in [-1, 1] for the jitter of a back-off.
    """
    if isinstance(told, Started):
        is_awaited = job.state is State.QUEUED and told.attempt == job.attempt
        return claim(job, told.worker, now_ms) if is_awaited else stay(job)
    if job.state is not State.RUNNING or told.attempt != job.attempt or job.awaits_children:
        return stay(job)
    match told:
        case ProgressMade():
            return _progress(job, told, now_ms, limits)
        case PhaseReached():
            return _phase(job, told, now_ms, limits)
        case LogWritten():
            message = told.message[: limits.message_chars_max]
            return _tell(
                job,
                now_ms,
                Logged(
                    **_envelope(job, now_ms), level=told.level, message=message, fields=told.fields
                ),
            )
        case ChunkEmitted():
            return _tell(
                job, now_ms, Emitted(**_envelope(job, now_ms), name=told.name, chunk=told.chunk)
            )
        case MetaChanged():
            return _meta(job, told.patch, now_ms)
        case PartialSaved():
            return _keep_result(job, told.result, now_ms, limits, is_partial=True)
        case Done():
            return _done(job, told.result, now_ms, limits)
        case Failed():
            return _failed(job, told.error, now_ms, limits, spread)
        case Lost():
            return lose(
                job,
                now_ms,
                reason=told.reason,
                is_counted=told.is_counted,
                has_begun=told.has_begun,
            )


def list_again(job: Job, now_ms: int) -> Step:
    """
    Tell the owner's list of progress that it was spared until now.
    """
    if not job.is_list_behind or job.owner is None or job.state.is_terminal:
        return stay(job)
    told = replace(job, listed_ms=now_ms, is_list_behind=False)
    body = encode(JobListed(job=summary(told)))
    listed = Append(channel=jobs_channel(job.owner), body=body, conflate=job.id)
    return Step(job=told, appends=(listed,))


def children_changed(job: Job, children: Children, now_ms: int) -> Step:
    """
    Roll the children up into their parent, and end it when it waited for them and all have ended.
    """
    if job.state.is_terminal or children == job.children:
        return stay(job)
    progress = job.progress
    if children.percent is not None:
        progress = replace(progress, percent=max(progress.percent or 0.0, children.percent))
    rolled = replace(job, children=children, progress=progress)
    envelope = _envelope(job, now_ms)
    step = _tell(
        rolled,
        now_ms,
        ChildChanged(
            **envelope,
            total=children.total,
            completed=children.completed,
            failed=children.failed,
            percent=children.percent,
        ),
        *([Progressed(**envelope, progress=progress)] if progress != job.progress else []),
        conflate=True,
        lists=True,
    )
    return step.then(_settle(step.job, now_ms))


def _done(job: Job, result: msgspec.Raw, now_ms: int, limits: JobLimits) -> Step:
    step = _keep_result(job, result, now_ms, limits, is_partial=False)
    if job.has_open_children:
        return step.then(stay(replace(step.job, awaits_children=True, worker=None)))
    return step.then(_complete(step.job, now_ms))


def _settle(job: Job, now_ms: int) -> Step:
    if not job.awaits_children or job.children is None or not job.children.is_settled:
        return stay(job)
    return _complete(job, now_ms)


def _complete(job: Job, now_ms: int) -> Step:
    if job.needs_children and job.children is not None and job.children.failed:
        error = JobError(
            kind="error",
            code="child_failed",
            message=f"{job.children.failed} of {job.children.total} child jobs did not complete.",
        )
        told = _raised(job, error, now_ms)
        return told.then(move(told.job, Cause.FAIL, now_ms, reason="child_failed", error=error))
    phases = tuple(
        replace(p, state="done", ended_ms=now_ms) if p.state == "running" else p for p in job.phases
    )
    ended = [
        PhaseChanged(**_envelope(job, now_ms), id=p.id, label=p.label, state="done")
        for p in job.phases
        if p.state == "running"
    ]
    progress = replace(job.progress, percent=100.0, eta_s=None)
    whole = _tell(
        replace(job, phases=phases, progress=progress),
        now_ms,
        *ended,
        Progressed(**_envelope(job, now_ms), progress=progress),
    )
    return whole.then(move(whole.job, Cause.DONE, now_ms))


def _failed(job: Job, error: JobError, now_ms: int, limits: JobLimits, spread: float) -> Step:
    error = replace(
        error,
        message=error.message[: limits.message_chars_max],
        traceback=None
        if error.traceback is None
        else error.traceback[-limits.traceback_chars_max :],
    )
    errors = job.errors + 1
    # The stack is for the console alone: it stays in the record and never goes out on a stream.
    shown = replace(error, traceback=None)
    told = _raised(job, shown, now_ms)
    if not error.retryable or errors >= job.retry.max_attempts:
        return told.then(
            move(told.job, Cause.FAIL, now_ms, reason=error.kind, errors=errors, error=error)
        )
    wait_s = job.retry.wait_s(errors) * (1 + job.retry.jitter * spread)
    not_before_ms = now_ms + round(wait_s * 1000)
    return told.then(
        move(
            told.job,
            Cause.RETRY,
            now_ms,
            reason=error.kind,
            errors=errors,
            error=error,
            worker=None,
            not_before_ms=not_before_ms,
        )
    )


def _keep_result(
    job: Job, result: msgspec.Raw, now_ms: int, limits: JobLimits, *, is_partial: bool
) -> Step:
    size = len(bytes(result))
    if size > limits.result_bytes_max:
        raise TooLarge(
            f"the result of job {job.id} has {size} bytes; the limit is {limits.result_bytes_max}: store it elsewhere and return a reference",
            code="result_too_large",
            bytes=size,
            bytes_max=limits.result_bytes_max,
        )
    is_inline = size <= limits.inline_result_bytes_max
    kept = replace(
        job, result=result if is_inline else None, result_bytes=size, is_partial=is_partial
    )
    event = ResultReady(
        **_envelope(job, now_ms),
        result=result if is_inline else None,
        result_url=None if is_inline else f"/v1/jobs/{job.id}/result",
        is_partial=is_partial,
    )
    step = _tell(kept, now_ms, event)
    return step if is_inline else replace(step, large_result=bytes(result))


def _meta(job: Job, patch: Mapping[str, object], now_ms: int) -> Step:
    meta = {**job.meta, **patch}
    if meta == job.meta:
        return stay(job)
    return _tell(replace(job, meta=meta), now_ms, MetaUpdated(**_envelope(job, now_ms), meta=meta))


def _progress(job: Job, told: ProgressMade, now_ms: int, limits: JobLimits) -> Step:
    entered = _enter(job, told.phase, now_ms, limits) if told.phase is not None else stay(job)
    before = entered.job
    after = advance(before, told, now_ms, limits)
    if after.progress == before.progress and after.progress_attempt == before.progress_attempt:
        return entered
    percent = after.progress.percent
    is_ordinary = percent not in (0.0, 100.0)
    is_due = _is_list_due(after, now_ms)
    after = replace(after, is_list_behind=not is_due)
    event = Progressed(**_envelope(after, now_ms), progress=after.progress)
    return entered.then(_tell(after, now_ms, event, conflate=is_ordinary, lists=is_due))


def _phase(job: Job, told: PhaseReached, now_ms: int, limits: JobLimits) -> Step:
    if told.state == "running":
        return _enter(job, told.id, now_ms, limits, label=told.label)
    phases = tuple(
        replace(p, state=told.state, ended_ms=now_ms)
        if p.id == told.id and p.state in ("pending", "running")
        else p
        for p in job.phases
    )
    return _show_phases(job, phases, now_ms)


def _enter(
    job: Job, phase_id: str, now_ms: int, limits: JobLimits, *, label: str | None = None
) -> Step:
    return _show_phases(job, enter_phase(job, phase_id, label, now_ms, limits), now_ms)


def _show_phases(job: Job, phases: tuple[Phase, ...], now_ms: int) -> Step:
    known = {phase.id: phase.state for phase in job.phases}
    changed = [phase for phase in phases if known.get(phase.id, "pending") != phase.state]
    if not changed:
        return stay(job)
    after = advance(replace(job, phases=phases), None, now_ms, JOB_LIMITS)
    envelope = _envelope(after, now_ms)
    events = [
        PhaseChanged(**envelope, id=phase.id, label=phase.label, state=phase.state)
        for phase in changed
    ]
    return _tell(
        after, now_ms, *events, Progressed(**envelope, progress=after.progress), lists=True
    )


def _raised(job: Job, error: JobError, now_ms: int) -> Step:
    return _tell(job, now_ms, ErrorRaised(**_envelope(job, now_ms), error=error))


def _is_list_due(job: Job, now_ms: int) -> bool:
    return now_ms - job.listed_ms >= LIST_PROGRESS_INTERVAL_MS


class _Envelope(TypedDict):
    job_id: str
    attempt: int
    ts: str


def _envelope(job: Job, now_ms: int) -> _Envelope:
    return _Envelope(job_id=job.id, attempt=job.attempt, ts=wire_time(now_ms))


def _tell(
    job: Job, now_ms: int, *events: msgspec.Struct, conflate: bool = False, lists: bool = False
) -> Step:
    """
    Number the events on the job's own stream, and tell the owner's list where it matters there.
    """
    channel = job_channel(job.id)
    appends = [
        Append(
            channel=channel,
            body=encode(event),
            conflate=_conflation(event, is_ordinary=conflate),
        )
        for event in events
    ]
    told = replace(job, seq=job.seq + len(appends))
    has_news = lists or any(isinstance(event, StateChanged) for event in events)
    if job.owner is None or not has_news:
        return Step(job=told, appends=tuple(appends))
    told = replace(told, listed_ms=now_ms, is_list_behind=False)
    is_ordinary = conflate and not any(
        isinstance(event, StateChanged | PhaseChanged) for event in events
    )
    listed = Append(
        channel=jobs_channel(job.owner),
        body=encode(JobListed(job=summary(told))),
        conflate=told.id if is_ordinary else None,
    )
    return Step(job=told, appends=(*appends, listed))


def _conflation(event: msgspec.Struct, *, is_ordinary: bool) -> str | None:
    if isinstance(event, Progressed):
        return "progress" if is_ordinary else None
    return "meta" if isinstance(event, MetaUpdated) else None


def fold(
    job: Job,
    reports: Iterable[AnyReport],
    now_ms: int,
    *,
    limits: JobLimits = JOB_LIMITS,
    spread: float = 0.0,
) -> Step:
    """
    Apply several reports as one step.
    """
    step = stay(job)
    for told in reports:
        step = step.then(report(step.job, told, now_ms, limits=limits, spread=spread))
    return step
