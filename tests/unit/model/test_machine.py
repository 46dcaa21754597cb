"""
The job as a state machine: whatever facts arrive, in whatever order, a job moves along the table, ends once, and never shows less than before.
"""

import json
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avance.errors import Conflict
from avance.model import machine
from avance.model.job import Children, Job, JobError, Phase, RetryPolicy, State
from avance.model.machine import TRANSITIONS, Cause, Step
from avance.model.report import (
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
from avance.model.stream import job_channel, stamp

NOW = 1_767_225_600_000
PHASES = (
    Phase(id="parsing", label="parsing", weight=30),
    Phase(id="indexing", label="indexing", weight=70),
)


def a_job(**changes: object) -> Job:
    values: dict[str, object] = {
        "id": "j",
        "kind": "demo",
        "state": State.RUNNING,
        "created_ms": NOW,
        "started_ms": NOW,
        "owner": "ana",
    }
    return Job(**{**values, **changes})  # type: ignore[arg-type]


def events(step: Step) -> list[dict[str, object]]:
    return [
        json.loads(append.body) for append in step.appends if append.channel == job_channel("j")
    ]


def types(step: Step) -> list[object]:
    return [event["type"] for event in events(step)]


def failure(*, retryable: bool = True) -> JobError:
    return JobError(kind="error", code="task_error", message="no", retryable=retryable)


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("cause", list(Cause))
def test_a_job_moves_only_along_the_table(state: State, cause: Cause) -> None:
    job = a_job(state=state)
    target = TRANSITIONS.get((state, cause))
    if target is None:
        with pytest.raises(Conflict, match=state.value):
            machine.move(job, cause, NOW)
    else:
        assert machine.move(job, cause, NOW).job.state is target


def test_nothing_leaves_a_terminal_state() -> None:
    assert not [state for state, _ in TRANSITIONS if state.is_terminal]


def test_cancel_is_final_at_once_and_a_late_result_is_refused() -> None:
    cancelled = machine.cancel(a_job(), NOW).job
    late = machine.report(cancelled, Done(job_id="j", attempt=1, result=msgspec.Raw(b"1")), NOW)
    assert cancelled.state is State.CANCELLED
    assert late.job is cancelled
    assert late.appends == ()


def test_cancel_of_a_finished_job_is_a_conflict() -> None:
    with pytest.raises(Conflict, match="completed"):
        machine.cancel(a_job(state=State.COMPLETED), NOW)


def test_a_report_of_an_old_attempt_changes_nothing() -> None:
    job = a_job(attempt=2)
    assert machine.report(job, ProgressMade(job_id="j", attempt=1, percent=50), NOW).job is job


def test_one_try_and_three_retries_wait_as_declared() -> None:
    job = a_job(retry=RetryPolicy(max_attempts=4, backoff_s=(60, 120, 240)))
    waits = []
    for _ in range(3):
        job = machine.report(job, Failed(job_id="j", attempt=job.attempt, error=failure()), NOW).job
        assert job.state is State.RETRYING
        assert job.not_before_ms is not None
        waits.append((job.not_before_ms - NOW) / 1000)
        job = machine.claim(machine.due(job, NOW).job, "w", NOW).job
    last = machine.report(job, Failed(job_id="j", attempt=job.attempt, error=failure()), NOW)
    assert waits == [60, 120, 240]
    assert last.job.state is State.FAILED
    assert last.job.attempt == 4


def test_without_a_retry_an_error_ends_the_job_and_a_lost_worker_does_not() -> None:
    assert (
        machine.report(a_job(), Failed(job_id="j", attempt=1, error=failure()), NOW).job.state
        is State.FAILED
    )
    job = a_job()
    for attempt in (2, 3):
        job = machine.report(job, Lost(job_id="j", attempt=job.attempt, reason="SIGKILL"), NOW).job
        assert (job.state, job.attempt) == (State.QUEUED, attempt)
        job = machine.claim(job, "w", NOW).job
    ended = machine.report(job, Lost(job_id="j", attempt=3, reason="SIGKILL"), NOW).job
    assert ended.state is State.FAILED
    assert ended.error is not None
    assert ended.error.kind == "worker_lost"


def test_a_worker_that_stops_in_order_uses_up_no_attempt() -> None:
    job = a_job(retry=RetryPolicy(lost_max=1))
    assert (
        machine.report(
            job, Lost(job_id="j", attempt=1, reason="stop", is_counted=False), NOW
        ).job.state
        is State.QUEUED
    )


def test_a_retried_attempt_is_never_announced_as_the_end() -> None:
    step = machine.report(
        a_job(retry=RetryPolicy(max_attempts=2)),
        Failed(job_id="j", attempt=1, error=failure()),
        NOW,
    )
    assert types(step) == ["error", "state"]
    assert events(step)[-1]["to"] == "retrying"


def test_a_stack_goes_into_the_record_and_never_on_a_stream() -> None:
    error = msgspec.structs.replace(failure(), traceback="Traceback: secret")
    step = machine.report(a_job(), Failed(job_id="j", attempt=1, error=error), NOW)
    assert step.job.error is not None
    assert step.job.error.traceback == "Traceback: secret"
    assert not [append for append in step.appends if b"secret" in append.body]


def test_the_end_of_a_job_is_its_last_event() -> None:
    step = machine.report(
        a_job(phases=PHASES), Done(job_id="j", attempt=1, result=msgspec.Raw(b'{"n":1}')), NOW
    )
    assert types(step)[-1] == "state"
    assert events(step)[-1]["to"] == "completed"
    assert step.job.progress.percent == 100


def test_a_large_result_is_kept_by_reference() -> None:
    large = b'"' + b"x" * 40_000 + b'"'
    step = machine.report(a_job(), Done(job_id="j", attempt=1, result=msgspec.Raw(large)), NOW)
    assert step.job.result is None
    assert step.large_result == large
    assert events(step)[0]["result_url"] == "/v1/jobs/j/result"


def test_phases_weigh_the_bar() -> None:
    job = a_job(phases=PHASES)
    parsing = machine.report(job, PhaseReached(job_id="j", attempt=1, id="parsing"), NOW).job
    half = machine.report(
        parsing, ProgressMade(job_id="j", attempt=1, current=5, total=10), NOW
    ).job
    indexing = machine.report(half, PhaseReached(job_id="j", attempt=1, id="indexing"), NOW).job
    assert [parsing.progress.percent, half.progress.percent, indexing.progress.percent] == [
        0,
        15,
        30,
    ]
    assert [phase.state for phase in indexing.phases] == ["done", "running"]


def test_without_a_total_the_bar_is_indeterminate() -> None:
    assert (
        machine.report(
            a_job(), ProgressMade(job_id="j", attempt=1, current=4), NOW
        ).job.progress.percent
        is None
    )


def test_a_new_attempt_shows_only_messages_until_it_passes_the_old_one() -> None:
    job = machine.report(
        a_job(), ProgressMade(job_id="j", attempt=1, percent=60, message="six"), NOW
    ).job
    job = machine.claim(
        machine.report(job, Lost(job_id="j", attempt=1, reason="gone"), NOW).job, "w", NOW
    ).job
    behind = machine.report(
        job, ProgressMade(job_id="j", attempt=2, percent=10, message="again"), NOW
    ).job
    past = machine.report(
        behind, ProgressMade(job_id="j", attempt=2, percent=61, message="on"), NOW
    ).job
    assert (behind.progress.percent, behind.progress.message) == (60, "again")
    assert (past.progress.percent, past.progress.message) == (61, "on")


def test_a_parent_ends_after_its_children() -> None:
    parent = machine.children_changed(a_job(), Children(total=2, completed=1, percent=50), NOW).job
    waiting = machine.report(parent, Done(job_id="j", attempt=1, result=msgspec.Raw(b"1")), NOW).job
    assert waiting.state is State.RUNNING
    assert waiting.awaits_children
    ended = machine.children_changed(
        waiting, Children(total=2, completed=1, failed=1, percent=100), NOW
    ).job
    assert ended.state is State.COMPLETED


def test_a_parent_that_needs_its_children_fails_with_them() -> None:
    parent = a_job(needs_children=True, awaits_children=True)
    ended = machine.children_changed(parent, Children(total=1, failed=1, percent=0), NOW).job
    assert ended.state is State.FAILED
    assert ended.error is not None
    assert ended.error.code == "child_failed"


def test_a_parent_that_waits_has_no_worker_to_lose() -> None:
    waiting = a_job(awaits_children=True)
    assert machine.lose(waiting, NOW, reason="gone").job is waiting


def test_why_a_job_was_broken_off_is_told_before_its_last_state() -> None:
    for step, kind in (
        (machine.cancel(a_job(), NOW), "cancelled"),
        (machine.expire(a_job(state=State.QUEUED), NOW), "expired"),
    ):
        error, state = events(step)
        assert (error["type"], state["type"], state["to"]) == ("error", "state", kind)
        assert error["error"] == msgspec.to_builtins(step.job.error)


def test_a_lost_worker_tells_how_many_attempts_there_are_by_now() -> None:
    submitted = machine.created(a_job(state=State.QUEUED), NOW)
    lost = machine.lose(a_job(), NOW, reason="worker_lost")
    assert [event["max_attempts"] for event in events(submitted)] == [1]
    assert [event["max_attempts"] for event in events(lost)] == [lost.job.max_attempts] == [3]


def test_a_change_of_meta_is_told_whole_and_only_the_latest_matters() -> None:
    job = a_job(meta={"rows": 1, "file": "a"})
    step = machine.report(job, MetaChanged(job_id="j", attempt=1, patch={"rows": 2}), NOW)
    (event,) = events(step)
    assert event["meta"] == step.job.meta == {"rows": 2, "file": "a"}
    assert step.job.seq == job.seq + 1
    assert [append.conflate for append in step.appends] == ["meta"]


def test_meta_that_stays_as_it_is_tells_nothing() -> None:
    job = a_job(meta={"rows": 1})
    step = machine.report(job, MetaChanged(job_id="j", attempt=1, patch={"rows": 1}), NOW)
    assert step.job is job


def test_the_stamp_puts_the_sequence_into_the_envelope() -> None:
    assert json.loads(stamp(b'{"type":"log"}', 7)) == {"v": 1, "seq": 7, "type": "log"}
    assert json.loads(stamp(b"{}", 1)) == {"v": 1, "seq": 1}


_attempts = st.integers(1, 4)
_reports = st.one_of(
    st.builds(Started, job_id=st.just("j"), attempt=_attempts, worker=st.just("w")),
    st.builds(
        ProgressMade,
        job_id=st.just("j"),
        attempt=_attempts,
        percent=st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)),
        message=st.one_of(st.none(), st.text(max_size=5)),
    ),
    st.builds(
        ProgressMade,
        job_id=st.just("j"),
        attempt=_attempts,
        current=st.integers(-1, 20),
        total=st.one_of(st.none(), st.integers(0, 20)),
        phase=st.sampled_from([None, "parsing", "indexing", "own"]),
    ),
    st.builds(
        PhaseReached,
        job_id=st.just("j"),
        attempt=_attempts,
        id=st.sampled_from(["parsing", "indexing", "own"]),
        state=st.sampled_from(["running", "done", "skipped"]),
    ),
    st.builds(LogWritten, job_id=st.just("j"), attempt=_attempts, message=st.text(max_size=5)),
    st.builds(
        ChunkEmitted,
        job_id=st.just("j"),
        attempt=_attempts,
        name=st.just("t"),
        chunk=st.just(msgspec.Raw(b"1")),
    ),
    st.builds(MetaChanged, job_id=st.just("j"), attempt=_attempts, patch=st.just({"a": 1})),
    st.builds(
        PartialSaved, job_id=st.just("j"), attempt=_attempts, result=st.just(msgspec.Raw(b"1"))
    ),
    st.builds(Done, job_id=st.just("j"), attempt=_attempts, result=st.just(msgspec.Raw(b"1"))),
    st.builds(
        Failed,
        job_id=st.just("j"),
        attempt=_attempts,
        error=st.builds(failure, retryable=st.booleans()),
    ),
    st.builds(
        Lost, job_id=st.just("j"), attempt=_attempts, reason=st.just("x"), is_counted=st.booleans()
    ),
)
_facts = st.one_of(
    _reports,
    st.sampled_from(["due", "claim", "cancel", "expire"]),
    st.builds(Children, total=st.just(2), completed=st.integers(0, 2)),
)


def _happen(job: Job, fact: object, now_ms: int) -> Step:
    if isinstance(fact, Children):
        return machine.children_changed(job, fact, now_ms)
    if not isinstance(fact, str):
        return machine.report(job, fact, now_ms)  # type: ignore[arg-type]
    try:
        return (
            {"due": machine.due, "cancel": machine.cancel, "expire": machine.expire}[fact](
                job, now_ms
            )
            if fact != "claim"
            else machine.claim(job, "w", now_ms)
        )
    except Conflict:
        return machine.stay(job)


@settings(max_examples=400, deadline=None)
@given(facts=st.lists(_facts, max_size=40), scheduled=st.booleans(), max_attempts=st.integers(1, 3))
def test_any_facts_in_any_order_keep_the_promises(
    facts: list[object], scheduled: bool, max_attempts: int
) -> None:
    start = a_job(
        state=State.SCHEDULED if scheduled else State.QUEUED,
        phases=PHASES,
        retry=RetryPolicy(max_attempts=max_attempts),
        seq=0,
    )
    step = machine.created(start, NOW)
    told = events(step)
    shown = [step.job]
    job = step.job
    for number, fact in enumerate(facts):
        step = _happen(job, fact, NOW + number * 1000)
        assert step.job.seq == job.seq + len(events(step))
        told += events(step)
        job = step.job
        shown.append(job)
    ends = [
        event for event in told if event["type"] == "state" and State(str(event["to"])).is_terminal
    ]
    assert len(ends) == int(job.state.is_terminal)
    if ends:
        assert told[-1] is ends[0]
    for before, after in pairwise(shown):
        assert (after.progress.percent or 0) >= (before.progress.percent or 0)
        assert (after.progress.phase_index or 0) >= (before.progress.phase_index or 0)
        assert after.attempt >= before.attempt
        assert not before.state.is_terminal or after is before
    percents = [
        event["progress"].get("percent") or 0 for event in told if event["type"] == "progress"
    ]  # type: ignore[attr-defined]
    assert percents == sorted(percents)
