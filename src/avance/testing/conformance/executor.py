"""
What every executor must do. A backend's test module subclasses `ExecutorConformance` and says how one is made.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any, ClassVar

import msgspec
import pytest

from avance.errors import Conflict, UnknownTask
from avance.model.report import AnyReport, Done, Failed, LogWritten, Lost, Report
from avance.ports.executor import Executor, Run

End = Done | Failed | Lost


class ReportLog:
    """
    The serving side of an executor under test: keeps what is told, and lets a test wait for it.
    """

    def __init__(self) -> None:
        self.reports: list[AnyReport] = []
        self.asked: list[tuple[str, int, str, object]] = []
        self.answer: bytes | Exception = b'{"job_id":"child-1"}'
        self.frees: int = 0
        self.answers: asyncio.Event = asyncio.Event()
        """Cleared, it keeps every question waiting."""
        self.answers.set()
        self.restart: Callable[[tuple[str, int]], None] | None = None
        """What an engine does with an attempt that is given back before it has begun; None keeps the report."""
        self._changed = asyncio.Event()

    def attach(self, executor: Executor) -> None:
        executor.attach(self._take, self._ask, self._free)

    def of(self, job_id: str, attempt: int = 1) -> list[AnyReport]:
        return [one for one in self.reports if (one.job_id, one.attempt) == (job_id, attempt)]

    def ends(self, job_id: str, attempt: int = 1) -> list[End]:
        return [one for one in self.of(job_id, attempt) if isinstance(one, Done | Failed | Lost)]

    async def until(self, is_so: Callable[[], bool]) -> None:
        """
        Wait until something is true that a report, a question or a place that becomes free can make true.
        """
        while not is_so():
            self._changed.clear()
            await self._changed.wait()

    async def end(self, job_id: str, attempt: int = 1) -> End:
        await self.until(lambda: bool(self.ends(job_id, attempt)))
        return self.ends(job_id, attempt)[0]

    async def running(self, job_id: str, attempt: int = 1) -> None:
        """
        Wait until the task says by a log line that it runs.
        """
        await self.until(
            lambda: any(isinstance(one, LogWritten) for one in self.of(job_id, attempt))
        )

    def _take(self, report: AnyReport) -> None:
        if self.restart is not None and isinstance(report, Lost) and not report.has_begun:
            key = report.job_id, report.attempt
            asyncio.get_running_loop().call_soon(self.restart, key)
            return
        self.reports.append(report)
        self._changed.set()

    async def _ask(self, job_id: str, attempt: int, what: str, body: bytes) -> bytes:
        self.asked.append((job_id, attempt, what, msgspec.json.decode(body)))
        self._changed.set()
        await self.answers.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def _free(self) -> None:
        self.frees += 1
        self._changed.set()


class Bench:
    """
    An open executor, its log, and short words for what the suite does with them.
    """

    def __init__(self, executor: Executor, log: ReportLog, runner: str) -> None:
        self.executor = executor
        self.log = log
        self.runner = runner
        self._runs: dict[tuple[str, int], Run] = {}
        log.restart = lambda key: executor.start(self._runs[key])

    def start(
        self, job_id: str, task: str, *args: object, attempt: int = 1, **options: Any
    ) -> None:
        name = f"{task}_async" if self.runner == "async" else task
        encoded = msgspec.json.encode({"args": args, "kwargs": {}})
        run = Run(
            job_id=job_id,
            attempt=attempt,
            task=name,
            input=encoded,
            runner=self.runner,
            **options,
        )
        self._runs[job_id, attempt] = run
        self.executor.start(run)

    @property
    def free(self) -> int:
        return self.executor.free()[self.runner]

    async def ready(self, places: int = 1) -> None:
        await self.log.until(lambda: self.free >= places)


class ExecutorConformance:
    """
    Give `runners`, the places of each, and `make`; the executor must know the tasks of `executor_tasks.performer`.
    """

    runners: ClassVar[Sequence[str]]
    places: ClassVar[int] = 2
    killable: ClassVar[Sequence[str]] = ()
    """The runners whose workers can be killed one by one; `kill` then does it."""

    def make(self, runner: str) -> Executor:
        """
        An executor with `places` places of this runner, attached to nothing and not open.
        """
        raise NotImplementedError

    def kill(self, executor: Executor, job_id: str | None) -> None:
        """
        Kill (SIGKILL) the worker that runs a job, or any worker.
        """
        raise NotImplementedError

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "runner" in metafunc.fixturenames:
            metafunc.parametrize("runner", self.runners)

    @asynccontextmanager
    async def bench(self, runner: str) -> AsyncIterator[Bench]:
        log = ReportLog()
        executor = self.make(runner)
        log.attach(executor)
        async with executor:
            bench = Bench(executor, log, runner)
            await bench.ready(self.places)
            try:
                yield bench
            finally:
                log.restart = None

    async def test_a_result_is_the_last_and_only_end(self, runner: str) -> None:
        async with self.bench(runner) as bench:
            bench.start("a", "add", 1, 2)
            end = await bench.log.end("a")
            await bench.ready(self.places)
        assert isinstance(end, Done)
        assert bytes(end.result) == b"3"
        assert bench.log.of("a")[-1] is end
        assert len(bench.log.ends("a")) == 1

    async def test_reports_arrive_complete_and_in_order(self, runner: str) -> None:
        async with self.bench(runner) as bench:
            bench.start("a", "tell", 50)
            await bench.log.end("a")
        numbers = [one.n for one in bench.log.of("a")]
        assert numbers == sorted(set(numbers))
        lines = [one.message for one in bench.log.of("a") if isinstance(one, LogWritten)]
        assert lines == [f"piece {number}" for number in range(50)]
        kinds = [_tag(one) for one in bench.log.of("a") if _tag(one) not in ("log", "progress")]
        assert kinds == ["phase", "phase", "data", "save", "meta", "done"]

    async def test_an_error_is_told_with_code_message_and_stack(self, runner: str) -> None:
        async with self.bench(runner) as bench:
            bench.start("a", "fail", "no paper")
            end = await bench.log.end("a")
        assert isinstance(end, Failed)
        assert (end.error.kind, end.error.code) == ("error", "planned_failure")
        assert end.error.message == "no paper"
        assert "planned_failure" in (end.error.traceback or "")

    async def test_an_unknown_task_fails_and_names_those_known(self, runner: str) -> None:
        async with self.bench(runner) as bench:
            bench.start("a", "nothing")
            end = await bench.log.end("a")
        assert isinstance(end, Failed)
        assert end.error.code == "unknown_task"
        assert "add" in end.error.message

    async def test_a_large_result_arrives_whole(self, runner: str) -> None:
        async with self.bench(runner) as bench:
            bench.start("a", "large", 3_000_000)
            end = await bench.log.end("a")
        assert isinstance(end, Done)
        assert len(bytes(end.result)) == 3_000_002

    async def test_places_are_taken_and_given_back(self, runner: str) -> None:
        async with self.bench(runner) as bench:
            for number in range(self.places):
                bench.start(f"job-{number}", "pause", 0.05)
            assert bench.free == 0
            for number in range(self.places):
                await bench.log.end(f"job-{number}")
            await bench.ready(self.places)
            assert bench.log.frees >= self.places
            assert all(len(bench.log.ends(f"job-{n}")) == 1 for n in range(self.places))

    async def test_many_attempts_end_once_each(self, runner: str) -> None:
        count = 60
        async with self.bench(runner) as bench:
            for number in range(count):
                await bench.ready()
                bench.start(f"job-{number}", "add", number, 1)
            for number in range(count):
                await bench.log.end(f"job-{number}")
            await bench.ready(self.places)
        ends = [bench.log.ends(f"job-{number}") for number in range(count)]
        assert [len(one) for one in ends] == [1] * count
        results = [bytes(one[0].result) for one in ends if isinstance(one[0], Done)]
        assert results == [b"%d" % (number + 1) for number in range(count)]

    async def test_a_stopped_attempt_frees_its_place_without_an_end(self, runner: str) -> None:
        async with self.bench(runner) as bench:
            bench.start("a", "hold")
            await bench.log.running("a")
            bench.executor.stop("a", 1, grace_s=5)
            await bench.ready(self.places)
        assert [one for one in bench.log.ends("a") if isinstance(one, Lost | Done)] == []

    async def test_the_next_attempt_of_a_stopped_job_is_untouched(self, runner: str) -> None:
        async with self.bench(runner) as bench:
            bench.start("a", "hold")
            await bench.log.running("a")
            bench.executor.stop("a", 1, grace_s=5)
            bench.start("a", "pause", 0.02, attempt=2)
            bench.executor.stop("a", 1, grace_s=0)
            end = await bench.log.end("a", 2)
        assert isinstance(end, Done)

    async def test_stopping_what_does_not_run_is_ignored(self, runner: str) -> None:
        async with self.bench(runner) as bench:
            bench.executor.stop("never", 1, grace_s=0)
            bench.start("a", "pause", 0.05)
            bench.executor.stop("a", 7, grace_s=0)
            assert isinstance(await bench.log.end("a"), Done)
            bench.executor.stop("a", 1, grace_s=0)
            await bench.ready(self.places)
            bench.start("b", "add", 1, 1)
            assert isinstance(await bench.log.end("b"), Done)

    async def test_an_attempt_over_its_time_fails_once(self, runner: str) -> None:
        async with self.bench(runner) as bench:
            bench.start("a", "hold", timeout_s=0.1, grace_s=1.0)
            end = await bench.log.end("a")
            await bench.ready(self.places)
        assert isinstance(end, Failed)
        assert (end.error.kind, end.error.code, end.error.retryable) == ("timeout", "timeout", True)
        assert len(bench.log.ends("a")) == 1

    async def test_a_question_is_answered(self, runner: str) -> None:
        async with self.bench(runner) as bench:
            bench.start("a", "spawn")
            end = await bench.log.end("a")
        assert isinstance(end, Done)
        assert bytes(end.result) == b'"child-1"'
        body = {"task": "add", "args": [1, 2], "kwargs": {}, "weight": 1.0, "options": {}}
        assert bench.log.asked == [("a", 1, "submit", body)]

    @pytest.mark.parametrize(
        ("error", "said"),
        [
            (UnknownTask("no task"), b'"refused UnknownTask unknown_task"'),
            (Conflict("twice", code="duplicate"), b'"refused Conflict duplicate"'),
            (RuntimeError("a bug"), b'"refused AvanceError internal"'),
        ],
    )
    async def test_a_refused_question_raises_in_the_task(
        self, runner: str, error: Exception, said: bytes
    ) -> None:
        async with self.bench(runner) as bench:
            bench.log.answer = error
            bench.start("a", "spawn")
            end = await bench.log.end("a")
        assert isinstance(end, Done)
        assert bytes(end.result) == said

    async def test_a_drained_executor_takes_nothing_and_waits_for_the_rest(
        self, runner: str
    ) -> None:
        async with self.bench(runner) as bench:
            bench.start("a", "pause", 0.05)
            await bench.log.running("a")
            await bench.executor.drain(10)
            assert len(bench.log.ends("a")) == 1
            assert not any(bench.executor.free().values())

    async def test_draining_ends_with_its_time(self, runner: str) -> None:
        async with self.bench(runner) as bench:
            bench.start("a", "hold")
            await bench.log.running("a")
            await bench.executor.drain(0.02)
            assert bench.log.ends("a") == []
            bench.executor.stop("a", 1, grace_s=1)

    async def test_closing_gives_back_what_runs_without_counting_it(self, runner: str) -> None:
        async with self.bench(runner) as bench:
            for number in range(self.places):
                bench.start(f"job-{number}", "hold")
            for number in range(self.places):
                await bench.log.running(f"job-{number}")
        for number in range(self.places):
            (end,) = bench.log.ends(f"job-{number}")
            assert isinstance(end, Lost)
            assert not end.is_counted

    async def test_a_killed_worker_is_told_once_as_lost(self, runner: str) -> None:
        self._require_kill(runner)
        async with self.bench(runner) as bench:
            bench.start("a", "hold")
            await bench.log.running("a")
            self.kill(bench.executor, "a")
            end = await bench.log.end("a")
            await bench.ready(self.places)
        assert isinstance(end, Lost)
        assert end.is_counted
        assert len(bench.log.ends("a")) == 1

    async def test_a_worker_killed_after_a_stop_is_not_told_as_lost(self, runner: str) -> None:
        self._require_kill(runner)
        async with self.bench(runner) as bench:
            bench.start("a", "hold")
            await bench.log.running("a")
            bench.executor.stop("a", 1, grace_s=60)
            self.kill(bench.executor, "a")
            await bench.ready(self.places)
        assert bench.log.ends("a") == []

    @pytest.mark.parametrize("seed", range(2))
    @pytest.mark.timeout(120)
    async def test_kills_at_any_moment_leave_exactly_one_end_each(
        self, runner: str, seed: int
    ) -> None:
        self._require_kill(runner)
        chance = Random(seed)
        count = 30
        async with self.bench(runner) as bench:
            for number in range(count):
                await bench.ready()
                bench.start(f"job-{number}", "tell", 3)
                if chance.random() < 0.2:
                    for _ in range(chance.randrange(8)):
                        await asyncio.sleep(0)
                    self.kill(bench.executor, None)
            for number in range(count):
                await bench.log.end(f"job-{number}")
            await bench.ready(self.places)
        assert [len(bench.log.ends(f"job-{n}")) for n in range(count)] == [1] * count

    def _require_kill(self, runner: str) -> None:
        if runner not in self.killable:
            pytest.skip(f"a worker of the runner {runner!r} cannot be killed by itself")


def _tag(report: Report) -> object:
    return type(report).__struct_config__.tag
