import pytest
from hypothesis import given
from hypothesis import strategies as st

from avance.backends.embedded.backlog import Backlog, merge
from avance.backends.embedded.frames import frame_up
from avance.backends.embedded.limits import EmbeddedLimits
from avance.model.report import AnyReport, LogWritten, PhaseReached, ProgressMade


def progress(n: int, **fields: object) -> ProgressMade:
    return ProgressMade(job_id="j", attempt=1, n=n, **fields)  # type: ignore[arg-type]


def log(n: int) -> LogWritten:
    return LogWritten(job_id="j", attempt=1, n=n, message="m")


def filled(limits: EmbeddedLimits, *reports: AnyReport) -> Backlog:
    backlog = Backlog(frame_up, limits)
    for report in reports:
        backlog.put(report)
    return backlog


def test_without_pressure_every_report_is_kept():
    reports = [progress(n, percent=float(n)) for n in range(20)]
    assert filled(EmbeddedLimits(conflate_from=100), *reports).take() == reports


def test_under_pressure_progress_gives_way_to_the_progress_after_it():
    limits = EmbeddedLimits(conflate_from=2)
    reports = [progress(n, percent=n + 10.0) for n in range(9)]
    assert filled(limits, *reports).take() == [reports[0], reports[-1]]


def test_under_pressure_all_else_stays_and_keeps_its_place():
    limits = EmbeddedLimits(conflate_from=0 + 1)
    phase = PhaseReached(job_id="j", attempt=1, n=4, id="p")
    first = [progress(1, current=1), progress(2, current=2), log(3), phase]
    then = [progress(5, current=1), progress(6, current=2), log(7)]
    kept = [report.n for report in filled(limits, *first, *then).take()]
    assert kept == [2, 3, 4, 6, 7]


@pytest.mark.parametrize(
    "before",
    [
        progress(1, percent=0.0),
        progress(1, percent=100.0),
        progress(1, current=0, total=5),
        progress(1, current=5, total=5),
        progress(1, current=1, phase="p"),
        progress(1, percent=5.0),
        log(1),
    ],
    ids=["zero", "hundred", "first", "last", "other phase", "other kind", "log"],
)
def test_what_must_be_seen_is_not_merged(before: AnyReport):
    assert merge(before, progress(2, current=2, total=5)) is None


def test_a_merged_report_says_what_both_said():
    before = progress(1, current=1, total=9, unit="page", message="a", data={"x": 1})
    merged = merge(before, progress(2, current=2))
    assert merged == progress(2, current=2, total=9, unit="page", message="a", data={"x": 1})


def test_reports_of_different_attempts_are_not_merged():
    other = ProgressMade(job_id="j", attempt=2, n=1, current=1)
    assert merge(progress(5, current=1), other) is None


def test_it_is_full_by_count_and_by_bytes():
    by_count = EmbeddedLimits(backlog_reports_max=2)
    assert not filled(by_count, log(1)).is_full
    assert filled(by_count, log(1), log(2)).is_full
    size = len(frame_up(log(1)))
    assert filled(EmbeddedLimits(backlog_bytes_max=size), log(1)).is_full
    assert not filled(EmbeddedLimits(backlog_bytes_max=size + 1), log(1)).is_full


@given(
    st.lists(
        st.one_of(
            st.builds(progress, st.just(0), current=st.integers(0, 9), total=st.just(9)),
            st.builds(progress, st.just(0), percent=st.floats(0, 100)),
            st.builds(log, st.just(0)),
        ),
        max_size=40,
    ),
    st.integers(1, 10),
)
def test_taking_bytes_gives_what_taking_reports_gives(reports: list[AnyReport], conflate_from: int):
    limits = EmbeddedLimits(conflate_from=conflate_from, write_bytes=100)
    whole = b"".join(frame_up(report) for report in filled(limits, *reports).take())
    backlog = filled(limits, *reports)
    taken = b""
    while len(backlog):
        taken += backlog.take_bytes()
    assert taken == whole
    backlog.put(log(1))
    assert not backlog.is_full
