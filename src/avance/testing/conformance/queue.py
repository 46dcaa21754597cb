import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from avance.model import machine
from avance.model.job import Job, JobError, RetryPolicy, State
from avance.model.report import Done, Failed
from avance.model.stream import job_channel
from avance.ports.queue import Claims, Held, Queue, Swept
from avance.ports.store import Store
from avance.testing.clock import FIRST_MS, FakeClock
from avance.testing.conformance.queue_machine import QueueMachine
from avance.testing.conformance.sample import MakeStore, a_job, begin, submit, take

LEASE_MS = 15_000
ROOM = {"process": 10, "thread": 10, "async": 10}


async def claim(
    queue: Queue,
    worker: str = "w1",
    *,
    free: dict[str, int] | None = None,
    kinds: tuple[str, ...] = ("sample",),
    now_ms: int = FIRST_MS,
    lease_until_ms: int | None = None,
) -> Claims:
    return await queue.claim(
        worker,
        ROOM if free is None else free,
        kinds,
        now_ms=now_ms,
        lease_until_ms=now_ms + LEASE_MS if lease_until_ms is None else lease_until_ms,
    )


def ids(claims: Claims) -> list[str]:
    return [claimed.job.id for claimed in claims.claimed]


async def sweep_all(queue: Queue, now_ms: int) -> list[Swept]:
    swept = [await queue.sweep(now_ms)]
    while swept[-1].has_more:
        swept.append(await queue.sweep(now_ms))
    return swept


@pytest.mark.anyio
class QueueConformance:
    @pytest.fixture
    def make_store(self) -> MakeStore:
        """
        As for the suite of stores.
        """
        raise NotImplementedError

    @pytest.fixture
    def make_queue(self) -> Callable[[Store], Queue]:
        """
        A function that makes the queue of a store.
        """
        raise NotImplementedError

    @pytest.fixture
    async def store(self, make_store: MakeStore) -> AsyncIterator[Store]:
        async with make_store(FakeClock()) as store:
            yield store

    @pytest.fixture
    def queue(self, store: Store, make_queue: Callable[[Store], Queue]) -> Queue:
        return make_queue(store)

    # claim

    async def test_a_claimed_job_runs_and_says_so(self, store: Store, queue: Queue) -> None:
        job = await submit(store, input=b'{"args":[7]}')
        claims = await claim(queue, "w1")
        (claimed,) = claims.claimed
        assert claimed.input == b'{"args":[7]}'
        assert claimed.job == machine.claim(job, "w1", FIRST_MS).job
        assert await store.job(job.id) == claimed.job
        page = await store.stream(job_channel(job.id), since=job.seq, limit=9)
        assert page.publications == claims.publications

    async def test_a_job_is_given_once(self, store: Store, queue: Queue) -> None:
        await submit(store)
        assert len(ids(await claim(queue))) == 1
        assert ids(await claim(queue, "w2")) == []

    async def test_an_empty_queue_gives_nothing(self, queue: Queue) -> None:
        claims = await claim(queue)
        assert (claims.claimed, claims.publications) == ((), ())

    async def test_a_claim_that_says_nothing_is_left_has_left_nothing(
        self, store: Store, queue: Queue
    ) -> None:
        for runner in ("process", "async", "async"):
            await submit(store, a_job(runner=runner))
        given: list[str] = []
        has_more = True
        while has_more and (claims := await claim(queue, free={"async": 1, "process": 1})).claimed:
            given += ids(claims)
            has_more = claims.has_more
        assert len(given) == 3
        assert ids(await claim(queue)) == []

    async def test_higher_priority_goes_first_then_what_waits_longer(
        self, store: Store, queue: Queue
    ) -> None:
        for job_id, priority, queued_ms in (
            ("late", 0, 5),
            ("early", 0, 3),
            ("low", -1, 1),
            ("high", 7, 9),
        ):
            await submit(store, a_job(job_id, priority=priority, queued_ms=queued_ms))
        order = [ids(await claim(queue, free={"process": 1})) for _ in range(4)]
        assert order == [["high"], ["early"], ["late"], ["low"]]

    async def test_each_runner_gets_what_it_has_room_for(self, store: Store, queue: Queue) -> None:
        for n in range(4):
            for runner in ("process", "thread", "async"):
                await submit(store, a_job(f"{runner}-{n}", runner=runner))
        claims = await claim(queue, free={"process": 1, "thread": 3, "async": 0})
        runners = Counter(claimed.job.runner for claimed in claims.claimed)
        assert runners == {"process": 1, "thread": 3}

    async def test_only_kinds_that_the_worker_knows_are_given(
        self, store: Store, queue: Queue
    ) -> None:
        await submit(store, a_job("other", kind="other"))
        await submit(store, a_job("known", kind="known"))
        assert ids(await claim(queue, kinds=("known", "unheard"))) == ["known"]
        assert ids(await claim(queue, kinds=())) == []

    async def test_work_that_runs_elsewhere_is_never_given(
        self, store: Store, queue: Queue
    ) -> None:
        await submit(store, a_job(runner="track", state=State.RUNNING, queued_ms=None))
        assert ids(await claim(queue)) == []

    async def test_a_job_past_its_deadline_is_not_given(self, store: Store, queue: Queue) -> None:
        await submit(store, a_job(expires_ms=FIRST_MS + 10))
        assert ids(await claim(queue, now_ms=FIRST_MS + 10)) == []

    async def test_a_cancelled_job_is_not_given(self, store: Store, queue: Queue) -> None:
        job = await submit(store)
        await take(store, job, machine.cancel(job, FIRST_MS))
        assert ids(await claim(queue)) == []

    async def test_no_two_workers_get_the_same_attempt(self, store: Store, queue: Queue) -> None:
        wanted = {(await submit(store)).id for _ in range(60)}
        given: list[str] = []

        async def work(worker: str) -> None:
            while got := ids(await claim(queue, worker, free={"process": 3})):
                given.extend(got)

        await asyncio.gather(*(work(f"w{n}") for n in range(6)))
        assert sorted(given) == sorted(wanted)

    # limits

    async def test_a_limit_holds_over_workers_and_claims(self, store: Store, queue: Queue) -> None:
        for _ in range(5):
            await submit(store, a_job(limit_key="ana", limit_max=2))
        assert len(ids(await claim(queue, "w1", free={"process": 1}))) == 1
        assert len(ids(await claim(queue, "w2"))) == 1
        assert ids(await claim(queue, "w3")) == []

    async def test_a_job_that_waits_for_its_limit_does_not_hold_up_others(
        self, store: Store, queue: Queue
    ) -> None:
        for n in range(3):
            await submit(store, a_job(f"ana-{n}", limit_key="ana", limit_max=1, priority=9))
        await submit(store, a_job("bob-0", limit_key="bob", limit_max=1))
        await submit(store, a_job("free"))
        assert sorted(ids(await claim(queue))) == ["ana-0", "bob-0", "free"]

    async def test_a_limit_counts_jobs_of_every_runner(self, store: Store, queue: Queue) -> None:
        await submit(store, a_job("p", runner="process", limit_key="k", limit_max=1))
        await submit(store, a_job("t", runner="thread", limit_key="k", limit_max=1, priority=1))
        assert ids(await claim(queue)) == ["t"]
        assert ids(await claim(queue)) == []

    async def test_the_end_of_a_job_makes_room_under_its_limit(
        self, store: Store, queue: Queue
    ) -> None:
        for _ in range(2):
            await submit(store, a_job(limit_key="k", limit_max=1))
        (running,) = (await claim(queue)).claimed
        report = Done(job_id=running.job.id, attempt=1, result=msgspec.Raw(b"1"))
        await take(store, running.job, machine.report(running.job, report, FIRST_MS))
        assert len(ids(await claim(queue))) == 1

    async def test_a_parent_that_awaits_its_children_takes_no_room(
        self, store: Store, queue: Queue
    ) -> None:
        await submit(
            store,
            a_job(
                state=State.RUNNING,
                awaits_children=True,
                limit_key="k",
                limit_max=1,
            ),
        )
        await submit(store, a_job("child", limit_key="k", limit_max=1))
        assert ids(await claim(queue)) == ["child"]

    # leases

    async def test_a_worker_is_told_what_it_runs_and_keeps_it(
        self, store: Store, queue: Queue
    ) -> None:
        first, second = await submit(store), await submit(store)
        await submit(store, a_job("other", kind="other"))
        await claim(queue, "w1")
        await claim(queue, "w2", kinds=("other",))
        ours = {first.id: 1, second.id: 1}
        held = await queue.renew("w1", ours, lease_until_ms=FIRST_MS + 9 * LEASE_MS)
        assert set(held) == {Held(job_id=first.id, attempt=1), Held(job_id=second.id, attempt=1)}
        swept = await queue.sweep(FIRST_MS + 5 * LEASE_MS)
        assert [job.id for job in swept.jobs] == ["other"]

    async def test_a_worker_keeps_nothing_that_it_does_not_know_of(
        self, store: Store, queue: Queue
    ) -> None:
        """
        As when the answer to its claim was lost: the job must go to another.
        """
        known, unknown = await submit(store), await submit(store)
        await claim(queue, "w1")
        held = await queue.renew("w1", {known.id: 1}, lease_until_ms=FIRST_MS + 9 * LEASE_MS)
        assert list(held) == [Held(job_id=known.id, attempt=1)]
        swept = await queue.sweep(FIRST_MS + 5 * LEASE_MS)
        assert [job.id for job in swept.jobs] == [unknown.id]

    async def test_another_attempt_or_worker_renews_nothing(
        self, store: Store, queue: Queue
    ) -> None:
        job = await submit(store)
        await claim(queue, "w1")
        for worker, attempt in (("w1", 2), ("w2", 1)):
            assert not await queue.renew(worker, {job.id: attempt}, lease_until_ms=99 * FIRST_MS)
        assert [lost.id for lost in (await queue.sweep(FIRST_MS + LEASE_MS)).jobs] == [job.id]

    async def test_a_worker_whose_job_was_cancelled_no_longer_holds_it(
        self, store: Store, queue: Queue
    ) -> None:
        await submit(store)
        (claimed,) = (await claim(queue, "w1")).claimed
        await take(store, claimed.job, machine.cancel(claimed.job, FIRST_MS))
        assert (
            list(await queue.renew("w1", {claimed.job.id: 1}, lease_until_ms=FIRST_MS + LEASE_MS))
            == []
        )

    async def test_a_job_that_was_written_as_begun_is_its_workers_like_a_claimed_one(
        self, store: Store, queue: Queue
    ) -> None:
        job = await begin(store, "w1", FIRST_MS + LEASE_MS)
        assert not (await claim(queue, "w2")).claimed
        assert not await queue.renew("w2", {job.id: 1}, lease_until_ms=FIRST_MS + 9 * LEASE_MS)
        held = await queue.renew("w1", {job.id: 1}, lease_until_ms=FIRST_MS + 2 * LEASE_MS)
        assert list(held) == [Held(job_id=job.id, attempt=1)]
        assert (await queue.sweep(FIRST_MS + 2 * LEASE_MS - 1)).jobs == ()
        (lost,) = (await queue.sweep(FIRST_MS + 2 * LEASE_MS)).jobs
        assert (lost.id, lost.state, lost.attempt, lost.losses) == (job.id, State.QUEUED, 2, 1)
        (again,) = (await claim(queue, "w2", now_ms=FIRST_MS + 2 * LEASE_MS)).claimed
        assert (again.job.id, again.job.attempt, again.input) == (job.id, 2, b"{}")

    async def test_a_lease_that_ran_out_queues_the_job_again_with_the_next_attempt(
        self, store: Store, queue: Queue
    ) -> None:
        job = await submit(store)
        await claim(queue, "w1")
        assert (await queue.sweep(FIRST_MS + LEASE_MS - 1)).jobs == ()
        swept = await queue.sweep(FIRST_MS + LEASE_MS)
        (lost,) = swept.jobs
        assert (lost.state, lost.attempt, lost.losses, lost.worker) == (State.QUEUED, 2, 1, None)
        assert await store.job(job.id) == lost
        assert (
            list(await queue.renew("w1", {job.id: 1}, lease_until_ms=FIRST_MS + 99 * LEASE_MS))
            == []
        )
        (again,) = (await claim(queue, "w2", now_ms=FIRST_MS + LEASE_MS)).claimed
        assert (again.job.attempt, again.job.worker) == (2, "w2")

    async def test_a_job_that_loses_too_many_workers_fails(
        self, store: Store, queue: Queue
    ) -> None:
        job = await submit(store, a_job(retry=RetryPolicy(lost_max=2)))
        for n in range(2):
            now_ms = FIRST_MS + n * LEASE_MS
            await claim(queue, now_ms=now_ms)
            await queue.sweep(now_ms + LEASE_MS)
        failed = await store.job(job.id)
        assert failed is not None
        assert failed.state is State.FAILED
        assert failed.error is not None
        assert failed.error.code == "worker_lost"

    async def test_a_report_of_the_lost_attempt_changes_nothing(
        self, store: Store, queue: Queue
    ) -> None:
        await submit(store)
        (old,) = (await claim(queue, "w1")).claimed
        await queue.sweep(FIRST_MS + LEASE_MS)
        (new,) = (await claim(queue, "w2", now_ms=FIRST_MS + LEASE_MS)).claimed
        late = Done(job_id=old.job.id, attempt=old.job.attempt, result=msgspec.Raw(b"1"))
        assert machine.report(new.job, late, FIRST_MS).job == new.job

    # release

    @pytest.mark.parametrize(("is_counted", "losses"), [(True, 1), (False, 0)])
    async def test_a_released_worker_gives_its_jobs_back(
        self, store: Store, queue: Queue, is_counted: bool, losses: int
    ) -> None:
        job, other = await submit(store), await submit(store, a_job(kind="other"))
        await claim(queue, "w1")
        await claim(queue, "w2", kinds=("other",))
        swept = await queue.release("w1", now_ms=FIRST_MS + 5, is_counted=is_counted)
        (released,) = swept.jobs
        assert (released.id, released.state, released.attempt) == (job.id, State.QUEUED, 2)
        assert released.losses == losses
        assert swept.publications[0].channel == job_channel(job.id)
        assert await store.job(job.id) == released
        kept = await store.job(other.id)
        assert kept is not None
        assert kept.worker == "w2"

    async def test_a_release_of_a_worker_that_runs_nothing_moves_nothing(
        self, queue: Queue
    ) -> None:
        assert (await queue.release("nobody", now_ms=FIRST_MS, is_counted=True)).jobs == ()

    # sweep

    async def test_a_scheduled_job_is_queued_when_it_is_due(
        self, store: Store, queue: Queue
    ) -> None:
        job = await submit(
            store,
            a_job(state=State.SCHEDULED, not_before_ms=FIRST_MS + 50, queued_ms=None),
        )
        assert ids(await claim(queue)) == []
        assert (await queue.sweep(FIRST_MS + 49)).jobs == ()
        swept = await queue.sweep(FIRST_MS + 50)
        assert swept.jobs == (machine.due(job, FIRST_MS + 50).job,)
        assert await store.job(job.id) == swept.jobs[0]
        assert ids(await claim(queue, now_ms=FIRST_MS + 50)) == [job.id]

    async def test_a_retrying_job_is_queued_after_its_back_off(
        self, store: Store, queue: Queue
    ) -> None:
        await submit(store, a_job(retry=RetryPolicy(max_attempts=2, backoff_s=(60.0,))))
        (claimed,) = (await claim(queue)).claimed
        error = JobError(kind="error", code="boom", message="boom", retryable=True)
        failed = Failed(job_id=claimed.job.id, attempt=1, error=error)
        waiting = await take(store, claimed.job, machine.report(claimed.job, failed, FIRST_MS))
        assert waiting.state is State.RETRYING
        assert (await queue.sweep(FIRST_MS + 59_999)).jobs == ()
        (again,) = (await queue.sweep(FIRST_MS + 60_000)).jobs
        assert (again.state, again.attempt) == (State.QUEUED, 2)

    @pytest.mark.parametrize("state", [s for s in State if not s.is_terminal])
    async def test_a_deadline_ends_a_job_in_any_state_that_is_not_final(
        self, store: Store, queue: Queue, state: State
    ) -> None:
        job = await submit(
            store,
            a_job(
                state=state,
                expires_ms=FIRST_MS + 50,
                not_before_ms=FIRST_MS + 10 if state in (State.SCHEDULED, State.RETRYING) else None,
            ),
        )
        swept = await sweep_all(queue, FIRST_MS + 50)
        assert [(j.id, j.state) for s in swept for j in s.jobs] == [(job.id, State.EXPIRED)]
        kept = await store.job(job.id)
        assert kept is not None
        assert kept.state is State.EXPIRED

    async def test_a_deadline_that_is_past_does_not_touch_what_has_ended(
        self, store: Store, queue: Queue
    ) -> None:
        job = await submit(store, a_job(expires_ms=FIRST_MS + 50))
        await take(store, job, machine.cancel(job, FIRST_MS))
        assert (await queue.sweep(FIRST_MS + 99)).jobs == ()

    async def test_a_sweep_says_when_the_next_thing_is_due(
        self, store: Store, queue: Queue
    ) -> None:
        assert (await queue.sweep(FIRST_MS)).next_due_ms is None
        await submit(store, a_job(expires_ms=FIRST_MS + 90_000, kind="unknown"))
        assert (await queue.sweep(FIRST_MS)).next_due_ms == FIRST_MS + 90_000
        await submit(
            store, a_job(state=State.SCHEDULED, not_before_ms=FIRST_MS + 70_000, queued_ms=None)
        )
        assert (await queue.sweep(FIRST_MS)).next_due_ms == FIRST_MS + 70_000
        await submit(store)
        await claim(queue, lease_until_ms=FIRST_MS + 15_000)
        assert (await queue.sweep(FIRST_MS)).next_due_ms == FIRST_MS + 15_000

    async def test_a_sweep_is_bounded_and_says_that_there_is_more(
        self, store: Store, queue: Queue
    ) -> None:
        jobs = [
            a_job(state=State.SCHEDULED, not_before_ms=FIRST_MS + 1, queued_ms=None)
            for _ in range(600)
        ]
        await asyncio.gather(*(submit(store, job) for job in jobs))
        swept = await sweep_all(queue, FIRST_MS + 1)
        assert len(swept) > 1
        moved = [job.id for round_ in swept for job in round_.jobs]
        assert sorted(moved) == sorted(job.id for job in jobs)

    async def test_what_a_sweep_tells_is_in_the_streams(self, store: Store, queue: Queue) -> None:
        job = await submit(
            store,
            a_job(state=State.SCHEDULED, not_before_ms=FIRST_MS + 1, queued_ms=None, owner="ana"),
        )
        swept = await queue.sweep(FIRST_MS + 1)
        assert [p.channel for p in swept.publications] == [job_channel(job.id), "jobs:#ana"]
        page = await store.stream(job_channel(job.id), since=1, limit=9)
        assert page.publications == (swept.publications[0],)

    async def test_a_claim_and_a_cancel_at_once_leave_one_truth(
        self, store: Store, queue: Queue
    ) -> None:
        for _ in range(20):
            job = await submit(store)
            claims, _ = await asyncio.gather(
                claim(queue),
                take(store, job, machine.cancel(job, FIRST_MS)),
                return_exceptions=True,
            )
            kept = await store.job(job.id)
            assert kept is not None
            assert isinstance(claims, Claims)
            was_claimed = ids(claims) == [job.id]
            assert kept.state is (State.RUNNING if was_claimed else State.CANCELLED)
            if was_claimed:
                await take(store, kept, machine.cancel(kept, FIRST_MS))
            assert_no_gap(await _offsets(store, job))

    @pytest.mark.timeout(120)
    def test_whatever_workers_do_the_queue_agrees_with_itself(
        self, make_store: MakeStore, make_queue: Callable[[Store], Queue]
    ) -> None:
        class Machine(QueueMachine):
            def __init__(self) -> None:
                super().__init__(make_store, make_queue)

        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=12,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )


async def _offsets(store: Store, job: Job) -> list[int]:
    page = await store.stream(job_channel(job.id), limit=99)
    return [publication.offset for publication in page.publications]


def assert_no_gap(offsets: list[int]) -> None:
    assert offsets == list(range(1, len(offsets) + 1))
