"""
A queue as a state machine: whatever workers do, and whenever time passes, what the ports show agrees with itself.
"""

import asyncio
from collections import Counter
from collections.abc import Callable

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from avance.model import machine
from avance.model.job import Job, JobError, RetryPolicy, State
from avance.model.report import Done, Failed
from avance.model.stream import job_channel
from avance.ports.queue import Queue, Swept
from avance.ports.store import JobFilter, Store
from avance.testing.clock import FIRST_MS, FakeClock
from avance.testing.conformance.sample import MakeStore, a_job, begin, submit, take

WORKERS = ("w1", "w2", "w3")
KINDS = ("ocr", "route")
RUNNERS = ("process", "thread")
LEASE_MS = 100

workers: st.SearchStrategy[str] = st.sampled_from(WORKERS)


class QueueMachine(RuleBasedStateMachine):
    def __init__(self, make_store: MakeStore, make_queue: Callable[[Store], Queue]) -> None:
        super().__init__()
        self.runner: asyncio.Runner = asyncio.Runner()
        self.store: Store = self.runner.run(make_store(FakeClock()).__aenter__())
        self.queue: Queue = make_queue(self.store)
        self.now_ms: int = FIRST_MS
        self.given: set[tuple[str, int]] = set()
        self.runner.run(self._end_what_is_left())

    async def _end_what_is_left(self) -> None:
        # Examples of one test share its data.
        for job in await self._jobs():
            if not job.state.is_terminal:
                await take(self.store, job, machine.cancel(job, self.now_ms))

    def teardown(self) -> None:
        self.runner.run(self.store.__aexit__(None, None, None))
        self.runner.close()

    @rule(
        kind=st.sampled_from(KINDS),
        runner=st.sampled_from(RUNNERS),
        priority=st.integers(-1, 1),
        limit=st.one_of(st.none(), st.tuples(st.sampled_from("kl"), st.integers(1, 2))),
        delay_ms=st.sampled_from([0, 0, 50, 500]),
        expires_in_ms=st.sampled_from([None, None, 300]),
        worker=st.one_of(st.none(), workers),
    )
    def submit(
        self,
        kind: str,
        runner: str,
        priority: int,
        limit: tuple[str, int] | None,
        delay_ms: int,
        expires_in_ms: int | None,
        worker: str | None,
    ) -> None:
        key, most = limit or (None, 0)
        job = a_job(
            kind=kind,
            runner=runner,
            priority=priority,
            limit_key=key,
            limit_max=most,
            retry=RetryPolicy(max_attempts=2, backoff_s=(0.05,), lost_max=2),
            state=State.SCHEDULED if delay_ms else State.QUEUED,
            not_before_ms=self.now_ms + delay_ms if delay_ms else None,
            queued_ms=None if delay_ms else self.now_ms,
            expires_ms=None if expires_in_ms is None else self.now_ms + expires_in_ms,
        )
        if worker is None or delay_ms or limit:
            self.runner.run(submit(self.store, job))
            return
        begun = self.runner.run(begin(self.store, worker, self.now_ms + LEASE_MS, job))
        self.given.add((begun.id, begun.attempt))

    @rule(
        worker=workers,
        free=st.dictionaries(st.sampled_from(RUNNERS), st.integers(0, 3)),
        kinds=st.lists(st.sampled_from(KINDS), unique=True),
    )
    def claim(self, worker: str, free: dict[str, int], kinds: list[str]) -> None:
        claims = self.runner.run(
            self.queue.claim(
                worker,
                free,
                kinds,
                now_ms=self.now_ms,
                lease_until_ms=self.now_ms + LEASE_MS,
            )
        )
        got = Counter(claimed.job.runner for claimed in claims.claimed)
        assert all(got[runner] <= free.get(runner, 0) for runner in got)
        for claimed in claims.claimed:
            job = claimed.job
            assert (job.state, job.worker) == (State.RUNNING, worker)
            assert job.kind in kinds
            assert job.expires_ms is None or job.expires_ms > self.now_ms
            assert (job.id, job.attempt) not in self.given
            self.given.add((job.id, job.attempt))

    @rule(worker=workers)
    def renew(self, worker: str) -> None:
        running = {
            (job.id, job.attempt)
            for job in self.runner.run(self._jobs())
            if job.state is State.RUNNING and job.worker == worker
        }
        held = self.runner.run(
            self.queue.renew(
                worker, dict(sorted(self.given)), lease_until_ms=self.now_ms + LEASE_MS
            )
        )
        assert {(one.job_id, one.attempt) for one in held} == running

    @rule(worker=workers, is_counted=st.booleans())
    def release(self, worker: str, is_counted: bool) -> None:
        swept = self.runner.run(
            self.queue.release(worker, now_ms=self.now_ms, is_counted=is_counted)
        )
        self._check(swept)
        assert all(job.worker != worker for job in self._running())

    @rule(milliseconds=st.sampled_from([1, 49, 50, 100, 400]))
    def let_time_pass(self, milliseconds: int) -> None:
        self.now_ms += milliseconds

    @rule()
    def sweep(self) -> None:
        swept = self.runner.run(self.queue.sweep(self.now_ms))
        self._check(swept)
        assert not swept.has_more
        assert swept.next_due_ms is None or swept.next_due_ms > self.now_ms
        for job in self.runner.run(self._jobs()):
            if job.state in (State.SCHEDULED, State.RETRYING):
                assert job.not_before_ms is not None
                assert job.not_before_ms > self.now_ms
            if not job.state.is_terminal:
                assert job.expires_ms is None or job.expires_ms > self.now_ms

    @precondition(lambda self: self._running())
    @rule(data=st.data(), outcome=st.sampled_from(["done", "failed", "cancel"]))
    def end(self, data: st.DataObject, outcome: str) -> None:
        running = self._running()
        job = running[data.draw(st.integers(0, len(running) - 1))]
        if outcome == "cancel":
            step = machine.cancel(job, self.now_ms)
        elif outcome == "done":
            done = Done(job_id=job.id, attempt=job.attempt, result=msgspec.Raw(b"1"))
            step = machine.report(job, done, self.now_ms)
        else:
            error = JobError(kind="error", code="boom", message="boom", retryable=True)
            failed = Failed(job_id=job.id, attempt=job.attempt, error=error)
            step = machine.report(job, failed, self.now_ms)
        self.runner.run(take(self.store, job, step))

    @invariant()
    def no_limit_is_passed(self) -> None:
        running = Counter(job.limit_key for job in self._running() if job.limit_key)
        most = {
            key: max(job.limit_max for job in self._running() if job.limit_key == key)
            for key in running
        }
        assert all(running[key] <= most[key] for key in running)

    @invariant()
    def streams_count_what_records_say(self) -> None:
        self.runner.run(self._compare())

    async def _compare(self) -> None:
        for job in await self._jobs():
            page = await self.store.stream(job_channel(job.id), limit=1_000)
            assert page.top.offset == job.seq
            assert [p.offset for p in page.publications] == list(range(1, job.seq + 1))

    def _check(self, swept: Swept) -> None:
        for job in swept.jobs:
            assert self.runner.run(self.store.job(job.id)) is not None

    def _running(self) -> list[Job]:
        return [job for job in self.runner.run(self._jobs()) if job.state is State.RUNNING]

    async def _jobs(self) -> list[Job]:
        jobs: list[Job] = []
        cursor: str | None = None
        while True:
            page = await self.store.jobs(JobFilter(limit=200, cursor=cursor))
            jobs += page.jobs
            cursor = page.cursor
            if cursor is None:
                return jobs
