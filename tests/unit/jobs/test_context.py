import asyncio
import datetime
import threading
from collections.abc import Iterator

import msgspec
import pytest

from avance.errors import AvanceError, Cancelled, Conflict, InvalidRequest, TooLarge, UnknownTask
from avance.jobs import context
from avance.jobs.context import Job, add_finder, current, job, running
from avance.jobs.task import Runner, Task, TaskOptions
from avance.model.job import JobLimits
from avance.model.report import (
    AnyReport,
    ChunkEmitted,
    LogWritten,
    MetaChanged,
    PartialSaved,
    PhaseReached,
    ProgressMade,
)
from avance.ports.executor import Run


class Recorder:
    """
    An attempt that keeps what is reported and answers as it is told.
    """

    def __init__(self, **run: object) -> None:
        known = {"job_id": "j", "attempt": 2, "task": "t", "input": b"", "runner": "thread", **run}
        self.run = Run(**known)  # type: ignore[arg-type]
        self.is_cancelled = False
        self.reports: list[AnyReport] = []
        self.asked: list[tuple[str, object]] = []
        self.answer = b'{"job_id":"child"}'

    def report(self, report: AnyReport, /) -> None:
        self.reports.append(report)

    def ask(self, what: str, body: bytes, /) -> bytes:
        self.asked.append((what, msgspec.json.decode(body)))
        return self.answer

    async def ask_async(self, what: str, body: bytes, /) -> bytes:
        return self.ask(what, body)

    @property
    def steps(self) -> list[tuple[float | None, float | None]]:
        return [(r.current, r.total) for r in self.reports if isinstance(r, ProgressMade)]

    @property
    def phases(self) -> list[tuple[str, str]]:
        return [(r.id, r.state) for r in self.reports if isinstance(r, PhaseReached)]


@pytest.fixture
def recorder() -> Recorder:
    return Recorder(owner="ana", tags=("blue",), meta={"page": 1})


@pytest.fixture
def here(recorder: Recorder) -> Job:
    return Job(recorder)


def test_a_job_knows_what_it_is(here: Job):
    assert (here.id, here.attempt, here.owner, here.tags) == ("j", 2, "ana", ("blue",))
    assert dict(here.meta) == {"page": 1}


def test_reports_are_numbered_in_the_order_in_which_they_are_sent(here: Job, recorder: Recorder):
    def report() -> None:
        for number in range(200):
            here.progress(current=number)

    threads = [threading.Thread(target=report) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.n for one in recorder.reports] == list(range(1, 801))


def test_progress_carries_everything_as_plain_values(here: Job, recorder: Recorder):
    here.progress(12.5, phase="p", message="m", when=datetime.date(2026, 1, 2), ids=(1, 2))
    here.progress(current=1, total=4, unit="page")
    first, second = recorder.reports
    assert first == ProgressMade(
        job_id="j",
        attempt=2,
        n=1,
        percent=12.5,
        phase="p",
        message="m",
        data={"when": "2026-01-02", "ids": [1, 2]},
    )
    assert second == ProgressMade(job_id="j", attempt=2, n=2, current=1.0, total=4.0, unit="page")


@pytest.mark.parametrize("counts", [{"current": 1}, {"total": 2}, {"current": 1, "total": 2}])
def test_percent_together_with_counts_is_refused(here: Job, recorder: Recorder, counts):
    with pytest.raises(ValueError, match="not both"):
        here.progress(10, **counts)
    assert recorder.reports == []


def test_percent_inside_a_phase_is_refused_and_after_it_taken(here: Job):
    with here.phase("parsing"), pytest.raises(ValueError, match=r"'parsing'.*weights"):
        here.progress(10)
    here.progress(10)


def test_what_is_no_number_is_refused_with_its_name(here: Job):
    with pytest.raises(ValueError, match="current is 'many'"):
        here.progress(current="many")  # type: ignore[arg-type]


def test_a_long_message_is_cut(recorder: Recorder):
    Job(recorder, limits=JobLimits(message_chars_max=5)).progress(message="a long one")
    assert recorder.reports[0].message == "a lon"  # type: ignore[union-attr]


def test_a_phase_runs_and_is_done(here: Job, recorder: Recorder):
    with here.phase("parsing", "Reading"):
        here.progress(current=1, total=2)
    assert recorder.phases == [("parsing", "running"), ("parsing", "done")]
    assert recorder.reports[0].label == "Reading"  # type: ignore[union-attr]


def test_a_phase_that_an_exception_leaves_goes_on_running(here: Job, recorder: Recorder):
    with pytest.raises(RuntimeError), here.phase("parsing"):
        raise RuntimeError
    assert recorder.phases == [("parsing", "running")]
    with here.phase("parsing"):
        """It may be entered again."""


def test_phases_do_not_nest(here: Job):
    with (
        here.phase("outer"),
        pytest.raises(ValueError, match="'outer' is still open"),
        here.phase("inner"),
    ):
        """Never reached."""


def test_a_skipped_phase_is_told(here: Job, recorder: Recorder):
    here.skip("indexing")
    assert recorder.phases == [("indexing", "skipped")]


class Ticks:
    """
    A clock that goes on by a fixed step at each look.
    """

    def __init__(self, step_s: float) -> None:
        self.now_s, self.step_s = 0.0, step_s

    def __call__(self) -> float:
        self.now_s += self.step_s
        return self.now_s


def test_track_reports_both_ends_and_at_most_once_in_ten_milliseconds(recorder: Recorder):
    tracked = Job(recorder, monotonic_s=Ticks(0.001))
    assert list(tracked.track(list(range(95)))) == list(range(95))
    assert recorder.steps == [(n, 95.0) for n in (0, *range(10, 91, 10), 95)]


def test_track_takes_the_total_of_a_generator_from_the_caller(recorder: Recorder):
    tracked = Job(recorder, monotonic_s=Ticks(1))
    assert list(tracked.track(iter("ab"), total=2, unit="letter")) == ["a", "b"]
    assert recorder.steps == [(0, 2), (1, 2), (2, 2)]
    recorder.reports.clear()
    assert list(tracked.track(iter("ab"))) == ["a", "b"]
    assert recorder.steps == [(0, None), (1, None), (2, None)]


def test_track_says_its_message_once_so_that_the_loop_may_say_another(recorder: Recorder):
    tracked = Job(recorder, monotonic_s=Ticks(1))
    list(tracked.track([1, 2], message="counting"))
    assert [one.message for one in recorder.reports] == ["counting", None, None]  # type: ignore[union-attr]


def test_track_runs_as_a_phase(here: Job, recorder: Recorder):
    list(here.track([1], phase="p"))
    assert recorder.phases == [("p", "running"), ("p", "done")]
    with here.phase("q"):
        list(here.track([1], phase="q"))
    assert recorder.phases[2:] == [("q", "running"), ("q", "done")]


def test_track_left_early_leaves_its_phase_running_and_lets_the_next_begin(
    here: Job, recorder: Recorder
):
    for _ in here.track([1, 2, 3], phase="search"):
        break
    with here.phase("next"):
        """The phase before is closed."""
    assert recorder.phases == [("search", "running"), ("next", "running"), ("next", "done")]


def test_track_stops_at_the_next_item_of_a_cancelled_job(here: Job, recorder: Recorder):
    tracked = here.track([1, 2, 3])
    assert next(tracked) == 1
    recorder.is_cancelled = True
    with pytest.raises(Cancelled):
        next(tracked)


async def test_track_goes_through_async_iterables(here: Job, recorder: Recorder):
    async def letters():
        for letter in "abc":
            await asyncio.sleep(0)
            yield letter

    assert [letter async for letter in here.track(letters(), total=3)] == ["a", "b", "c"]
    assert recorder.steps[0] == (0, 3)
    assert recorder.steps[-1] == (3, 3)


def test_checkpoint_passes_until_the_job_is_cancelled(here: Job, recorder: Recorder):
    here.checkpoint()
    assert not here.cancelled
    recorder.is_cancelled = True
    assert here.cancelled
    with pytest.raises(Cancelled):
        here.checkpoint()


def test_log_has_a_level_and_fields(here: Job, recorder: Recorder):
    here.log("slow", level="warning", seconds=3)
    assert recorder.reports == [
        LogWritten(
            job_id="j", attempt=2, n=1, message="slow", level="warning", fields={"seconds": 3}
        )
    ]
    with pytest.raises(ValueError, match=r"'loud'.*debug, info, warning, error"):
        here.log("x", level="loud")


def test_chunks_and_partial_results_travel_as_json(here: Job, recorder: Recorder):
    here.emit("tokens", "ñ")
    here.save({"best": 1})
    chunk, saved = recorder.reports
    assert isinstance(chunk, ChunkEmitted)
    assert (chunk.name, bytes(chunk.chunk)) == ("tokens", '"ñ"'.encode())
    assert isinstance(saved, PartialSaved)
    assert bytes(saved.result) == b'{"best":1}'


@pytest.mark.parametrize(
    "send",
    [
        lambda job, text: job.emit("tokens", text),
        lambda job, text: job.log("m", text=text),
        lambda job, text: job.progress(text=text),
        lambda job, text: job.save(text),
        lambda job, text: job.meta.update(text=text),
    ],
    ids=["emit", "log", "progress", "save", "meta"],
)
def test_what_is_sent_has_a_limit(recorder: Recorder, send):
    limits = JobLimits(event_bytes_max=100, result_bytes_max=100, meta_bytes_max=100)
    limited = Job(recorder, limits=limits)
    send(limited, "x" * 70)
    assert len(recorder.reports) == 1
    with pytest.raises(TooLarge, match="the limit is 100"):
        send(limited, "x" * 101)
    assert len(recorder.reports) == 1


def test_what_is_not_json_is_refused(here: Job):
    with pytest.raises(InvalidRequest, match="emit 'tokens': the value is not JSON") as refused:
        here.emit("tokens", object())
    assert refused.value.code == "not_json"


def test_written_meta_is_read_back_and_told(here: Job, recorder: Recorder):
    here.meta["page"] = 2
    here.meta.update({"a": 1}, b=(2,))
    assert dict(here.meta) == {"page": 2, "a": 1, "b": [2]}
    assert [one.patch for one in recorder.reports if isinstance(one, MetaChanged)] == [
        {"page": 2},
        {"a": 1, "b": [2]},
    ]


def test_the_limit_of_meta_counts_what_is_there(recorder: Recorder):
    limited = Job(recorder, limits=JobLimits(meta_bytes_max=40))
    limited.meta["a"] = "x" * 15
    with pytest.raises(TooLarge):
        limited.meta["b"] = "x" * 15
    assert "b" not in limited.meta


def add(a: int, b: int = 0) -> int:
    return a + b


ADD = Task("sums.add", add, TaskOptions(runner=Runner.PROCESS), Job)


def test_spawn_asks_for_a_child_and_answers_its_id(here: Job, recorder: Recorder):
    assert here.spawn(ADD, 1, b=2, weight=3) == "child"
    assert here.spawn("other.task") == "child"
    empty = {"args": [], "kwargs": {}, "weight": 1.0, "options": {}}
    assert recorder.asked == [
        (
            "submit",
            {"task": "sums.add", "args": [1], "kwargs": {"b": 2}, "weight": 3.0, "options": {}},
        ),
        ("submit", {"task": "other.task", **empty}),
    ]


async def test_aspawn_does_the_same(here: Job, recorder: Recorder):
    assert await here.aspawn(ADD, 1) == "child"
    assert recorder.asked[0][0] == "submit"


def test_spawn_checks_the_arguments_before_it_asks(here: Job, recorder: Recorder):
    with pytest.raises(InvalidRequest, match="parameter 'a'"):
        here.spawn(ADD, "one")
    assert recorder.asked == []


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": "unknown_task", "message": "m"}, UnknownTask),
        ({"code": "conflict", "message": "m"}, Conflict),
        ({"code": "limit_reached", "message": "m", "status": 409}, Conflict),
        ({"code": "own_code", "message": "m"}, AvanceError),
    ],
)
def test_a_refused_child_raises_the_matching_error(here: Job, recorder: Recorder, error, kind):
    recorder.answer = msgspec.json.encode({"error": error})
    with pytest.raises(AvanceError, match="m") as raised:
        here.spawn("t")
    assert type(raised.value) is kind
    assert raised.value.code == error["code"]


def test_outside_a_job_reports_do_nothing():
    outside = current()
    outside.progress(1, message="m")
    outside.log("m")
    outside.emit("n", 1)
    outside.save(1)
    outside.skip("p")
    outside.checkpoint()
    outside.meta["a"] = 1
    with outside.phase("p"):
        assert list(outside.track([1, 2])) == [1, 2]
    assert (outside.id, outside.attempt, outside.cancelled, outside.owner) == ("", 0, False, None)
    assert repr(job) == "<Job outside attempt 0>"
    with pytest.raises(InvalidRequest) as refused:
        outside.spawn("t")
    assert refused.value.code == "no_current_job"


def test_inside_a_job_the_proxy_and_current_are_that_job(here: Job, recorder: Recorder):
    with running(here):
        assert current() is here
        job.progress(5)
        assert job.id == "j"
    assert len(recorder.reports) == 1
    assert current().id == ""


def test_a_running_job_is_not_seen_from_another_context(here: Job):
    seen = []
    with running(here):
        thread = threading.Thread(target=lambda: seen.append(current().id))
        thread.start()
        thread.join()
    assert seen == [""]


@pytest.fixture
def finder(here: Job) -> Iterator[list[Job]]:
    found: list[Job] = []

    def find() -> Job | None:
        return found[0] if found else None

    add_finder(find)
    yield found
    context._finders.remove(find)


def test_an_integration_can_say_which_job_runs(here: Job, finder: list[Job]):
    assert current().id == ""
    finder.append(here)
    assert current() is here
