import asyncio
import contextlib
from typing import Any

import msgspec
import pytest

from avance.errors import Cancelled, Conflict
from avance.jobs.context import Job, current
from avance.jobs.perform import Performer
from avance.jobs.task import Retry, Runner, Task, TaskOptions
from avance.model.job import JobLimits
from avance.model.report import AnyReport, Done, Failed, ProgressMade
from avance.ports.executor import Run


class Recorder:
    def __init__(self, task: str, *args: object, **kwargs: object) -> None:
        encoded = msgspec.json.encode({"args": args, "kwargs": kwargs})
        self.run = Run(job_id="j", attempt=1, task=task, input=encoded, runner="thread")
        self.is_cancelled = False
        self.reports: list[AnyReport] = []

    def report(self, report: AnyReport, /) -> None:
        self.reports.append(report)

    def ask(self, what: str, body: bytes, /) -> bytes:
        raise NotImplementedError

    async def ask_async(self, what: str, body: bytes, /) -> bytes:
        raise NotImplementedError


class Point(msgspec.Struct):
    x: int


class Stubborn(Exception):
    code = "not a code"

    def __str__(self) -> str:
        raise RuntimeError("no text")


def add(a: int, b: int = 1) -> int:
    return a + b


def move(left: Point, job: Job, right: Point, *rest: int, **named: int) -> list[object]:
    job.progress(current=1)
    return [left.x, right.x, list(rest), named, job.id]


def ask_proxy() -> str:
    return current().id


async def add_later(a: int, job: Job) -> int:
    await asyncio.sleep(0)
    return a + len(job.id)


def give(what: str) -> Any:
    return {"object": object(), "nan": float("nan"), "large": "x" * 200, "point": Point(3)}[what]


def throw(what: str) -> None:
    raise {
        "plain": ValueError("bad page"),
        "silent": ValueError(),
        "coded": Conflict("taken", code="seat_taken"),
        "odd": Stubborn(),
        "exit": SystemExit("bye"),
        "interrupt": KeyboardInterrupt(),
        "cancelled": Cancelled("enough"),
        "cancelled_error": asyncio.CancelledError(),
        "long": ValueError("x" * 5_000),
    }[what]


def recurse() -> None:
    recurse()


def swallow(job: Job) -> str:
    with contextlib.suppress(Cancelled):
        job.checkpoint()
    return "went on"


RETRY = Retry(max_attempts=3, dont_retry_on=(Conflict,))
FUNCTIONS = (add, move, ask_proxy, add_later, give, throw, recurse, swallow)


@pytest.fixture
def performer() -> Performer:
    options = TaskOptions(runner=Runner.PROCESS)
    tasks = {f.__name__: Task(f.__name__, f, options, Job) for f in FUNCTIONS}
    retrying = TaskOptions(runner=Runner.PROCESS, retry=RETRY)
    tasks["retried"] = Task("retried", throw, retrying, Job)
    return Performer(tasks, limits=JobLimits(result_bytes_max=150))


def end(performer: Performer, task: str, *args: object, **kwargs: object) -> Done | Failed:
    attempt = Recorder(task, *args, **kwargs)
    performer.perform(attempt)
    last = attempt.reports[-1]
    assert isinstance(last, Done | Failed)
    return last


def result(performer: Performer, task: str, *args: object, **kwargs: object) -> object:
    last = end(performer, task, *args, **kwargs)
    assert isinstance(last, Done), last
    return msgspec.json.decode(last.result)


def failure(performer: Performer, task: str, *args: object) -> Any:
    last = end(performer, task, *args)
    assert isinstance(last, Failed), last
    return last.error


def test_a_task_gets_its_arguments_converted_and_its_job_wherever_that_stands(
    performer: Performer,
):
    assert result(performer, "add", 2) == 3
    assert result(performer, "add", 2, b=5) == 7
    moved = result(performer, "move", {"x": 1}, {"x": 2}, 3, 4, k=5)
    assert moved == [1, 2, [3, 4], {"k": 5}, "j"]
    assert result(performer, "move", left={"x": 1}, right={"x": 2}) == [1, 2, [], {}, "j"]
    assert result(performer, "ask_proxy") == "j"


def test_the_end_is_numbered_after_the_reports(performer: Performer):
    attempt = Recorder("move", {"x": 1}, {"x": 2})
    performer.perform(attempt)
    assert [(type(one), one.n) for one in attempt.reports] == [(ProgressMade, 1), (Done, 2)]


def test_an_async_task_runs_where_there_is_no_loop(performer: Performer):
    assert result(performer, "add_later", 1) == 2


@pytest.mark.parametrize("task", ["add_later", "add"])
async def test_tasks_run_in_the_event_loop(performer: Performer, task: str):
    attempt = Recorder(task, 1)
    await performer.perform_async(attempt)
    (done,) = attempt.reports
    assert isinstance(done, Done)
    assert bytes(done.result) == b"2"


def test_results_may_be_structs(performer: Performer):
    assert result(performer, "give", "point") == {"x": 3}


def test_a_result_that_is_not_json_fails_and_says_of_what_kind_it_is(performer: Performer):
    error = failure(performer, "give", "object")
    assert (error.kind, error.code) == ("error", "result_not_json")
    assert "returned a object" in error.message


def test_a_result_over_the_limit_fails(performer: Performer):
    error = failure(performer, "give", "large")
    assert error.code == "result_too_large"
    assert "202 bytes, the limit is 150" in error.message


def test_bad_arguments_fail_with_the_name_of_the_parameter(performer: Performer):
    error = failure(performer, "add", "one")
    assert error.code == "invalid_params"
    assert "'a'" in error.message


def test_an_unknown_task_names_those_that_are_known(performer: Performer):
    error = failure(performer, "nothing")
    assert error.code == "unknown_task"
    assert "'nothing'" in error.message
    assert "add, add_later" in error.message


def test_many_known_names_are_not_all_listed():
    options = TaskOptions(runner=Runner.PROCESS)
    tasks = {f"t{n:03}": Task(f"t{n:03}", add, options, Job) for n in range(50)}
    error = failure(Performer(tasks), "nothing")
    assert "t019 and 30 more" in error.message
    assert "t020" not in error.message


@pytest.mark.parametrize(
    ("what", "code", "message"),
    [
        ("plain", "task_error", "bad page"),
        ("silent", "task_error", "ValueError"),
        ("coded", "seat_taken", "taken"),
        ("odd", "task_error", "its text cannot be shown"),
        ("exit", "task_error", "the task raised SystemExit: bye"),
        ("interrupt", "task_error", "the task raised KeyboardInterrupt"),
        ("cancelled", "cancelled_by_task", "nobody had cancelled the job: "),
        ("cancelled_error", "cancelled_by_task", "CancelledError, but nobody"),
    ],
)
def test_whatever_a_task_raises_ends_it_as_failed(performer: Performer, what, code, message):
    error = failure(performer, "throw", what)
    assert (error.kind, error.code) == ("error", code)
    assert message in error.message
    assert not error.retryable


@pytest.mark.parametrize("what", ["plain", "exit", "interrupt", "cancelled", "coded"])
async def test_nothing_that_a_task_raises_leaves_the_performer(performer: Performer, what):
    attempt = Recorder("throw", what)
    await performer.perform_async(attempt)
    assert [type(one) for one in attempt.reports] == [Failed]


@pytest.mark.parametrize(
    ("what", "is_retryable"),
    [("plain", True), ("coded", False), ("exit", False), ("cancelled", False)],
)
def test_the_policy_of_the_task_says_what_is_tried_again(performer: Performer, what, is_retryable):
    assert failure(performer, "retried", what).retryable is is_retryable


def test_the_stack_shows_the_task_and_not_its_surroundings(performer: Performer):
    stack = failure(performer, "throw", "plain").traceback
    assert "in throw" in stack
    assert "perform.py" not in stack.replace("test_perform.py", "")


def test_message_and_stack_are_bounded(performer: Performer):
    limits = JobLimits(message_chars_max=100, traceback_chars_max=300)
    bounded = Performer(performer._tasks, limits=limits)
    error = failure(bounded, "throw", "long")
    assert len(error.message) == 100
    assert len(error.traceback) == 300
    assert error.traceback.endswith("x\n")
    deep = failure(bounded, "recurse")
    assert len(deep.traceback) == 300
    assert "recursion" in deep.message


def test_a_cancelled_task_ends_without_a_word(performer: Performer):
    attempt = Recorder("throw", "cancelled")
    attempt.is_cancelled = True
    performer.perform(attempt)
    assert attempt.reports == []


def test_a_cancelled_task_that_goes_on_tells_its_result(performer: Performer):
    attempt = Recorder("swallow")
    attempt.is_cancelled = True
    performer.perform(attempt)
    assert [type(one) for one in attempt.reports] == [Done]


def test_nothing_is_told_after_the_end():
    kept: list[Job] = []

    def keep(job: Job) -> None:
        kept.append(job)

    attempt = Recorder("keep")
    keep.__annotations__["job"] = Job
    Performer({"keep": Task("keep", keep, TaskOptions(runner=Runner.THREAD), Job)}).perform(attempt)
    kept[0].progress(50)
    assert [type(one) for one in attempt.reports] == [Done]
