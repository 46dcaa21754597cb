"""
What the gate of an attempt lets through.
"""

from avance.jobs.task import Throttle
from avance.jobs.throttle import Gate
from avance.model.report import LogWritten, PhaseReached, ProgressMade


def progress(**values: object) -> ProgressMade:
    return ProgressMade(job_id="j", attempt=1, **values)  # type: ignore[arg-type]


def test_ordinary_progress_passes_at_its_rate_and_the_newest_wins() -> None:
    gate = Gate(Throttle(hz=10))
    assert gate.admit(progress(percent=1.0, message="one"), 0.0)
    assert gate.admit(progress(percent=2.0), 0.01) == []
    assert gate.admit(progress(percent=3.0, message="three"), 0.02) == []
    assert gate.waits_for_time
    assert gate.due_s == 0.1
    assert gate.release(0.1) == [progress(percent=3.0, message="three")]


def test_what_was_given_before_is_not_lost_with_what_replaced_it() -> None:
    gate = Gate(Throttle(hz=10))
    gate.admit(progress(percent=1.0), 0.0)
    gate.admit(progress(message="kept"), 0.01)
    gate.admit(progress(percent=2.0), 0.02)
    assert gate.release(0.1) == [progress(percent=2.0, message="kept")]


def test_a_log_line_takes_held_progress_with_it_in_order() -> None:
    gate = Gate(Throttle(hz=10))
    gate.admit(progress(percent=1.0), 0.0)
    gate.admit(progress(percent=2.0), 0.01)
    line = LogWritten(job_id="j", attempt=1, message="careful", level="warning")
    assert gate.admit(line, 0.02) == [progress(percent=2.0), line]


def test_ends_and_new_phases_never_wait() -> None:
    gate = Gate(Throttle(hz=1))
    assert gate.admit(progress(percent=0.0), 0.0)
    assert gate.admit(progress(percent=100.0), 0.01)
    assert gate.admit(progress(phase="indexing", percent=50.0), 0.02)
    assert gate.admit(PhaseReached(job_id="j", attempt=1, id="done"), 0.03)
    assert gate.admit(progress(current=20, total=20), 0.04)


def test_the_first_reports_pass_where_the_task_asks_for_it() -> None:
    gate = Gate(Throttle(hz=1, keep_first=3))
    passed = [gate.admit(progress(percent=float(n)), 0.001 * n) for n in range(1, 6)]
    assert [len(batch) for batch in passed] == [1, 1, 1, 0, 0]


def test_a_step_that_is_too_small_waits_for_a_larger_one() -> None:
    gate = Gate(Throttle(hz=10, min_step=5))
    assert gate.admit(progress(percent=10.0), 0.0)
    assert gate.admit(progress(percent=12.0), 1.0) == []
    assert not gate.waits_for_time
    assert gate.admit(progress(percent=15.0), 1.1) == [progress(percent=15.0)]
