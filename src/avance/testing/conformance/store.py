import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from msgspec.structs import replace

from avance.errors import Conflict, InvalidRequest
from avance.model import machine
from avance.model.job import Children, Job, JobError, Phase, Progress, RetryPolicy, State
from avance.model.report import Done, ProgressMade
from avance.model.stream import Position, job_channel
from avance.ports.store import Commit, Durability, JobFilter, JobWrite, Part, Retention, Store
from avance.testing.clock import FIRST_MS, FakeClock
from avance.testing.conformance.sample import (
    MakeStore,
    a_job,
    an_event,
    code_of,
    say,
    submit,
    take,
    with_events,
)
from avance.testing.conformance.stream_machine import StreamMachine

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@pytest.mark.anyio
class StoreConformance:
    keeps_data = True
    """False for a store that forgets when it is closed."""

    @pytest.fixture
    def make_store(self) -> MakeStore:
        """
        A function that makes a store on a clock, not yet open, always on the same data, which is empty when the test begins.
        """
        raise NotImplementedError

    @pytest.fixture
    async def store(self, make_store: MakeStore) -> AsyncIterator[Store]:
        async with make_store(FakeClock()) as store:
            yield store

    # commit

    async def test_a_commit_answers_its_appends_in_order_with_their_places(
        self, store: Store
    ) -> None:
        told = await store.commit(
            Commit(appends=(an_event("a"), an_event("b"), an_event("a"), an_event("a")))
        )
        assert [(p.channel, p.offset) for p in told] == [("a", 1), ("b", 1), ("a", 2), ("a", 3)]

    async def test_offsets_go_on_without_a_gap_over_commits(self, store: Store) -> None:
        offsets = [p.offset for _ in range(5) for p in await say(store, "a", b"{}", b"{}")]
        assert offsets == list(range(1, 11))

    async def test_an_event_is_stamped_with_its_offset(self, store: Store) -> None:
        await say(store, "a", b"{}")
        (told,) = await say(store, "a", b'{"type":"log","message":"x"}')
        assert msgspec.json.decode(told.data) == {
            "v": 1,
            "seq": 2,
            "type": "log",
            "message": "x",
        }

    async def test_an_event_that_is_not_to_be_stamped_keeps_its_bytes(self, store: Store) -> None:
        (told,) = await store.commit(Commit(appends=(an_event("a", b"[1, 2]", is_stamped=False),)))
        page = await store.stream("a", limit=1)
        assert (told.data, page.publications[0].data) == (b"[1, 2]", b"[1, 2]")

    async def test_what_a_commit_answers_is_what_a_reader_finds(self, store: Store) -> None:
        told = await store.commit(
            Commit(appends=(an_event("a", conflate="progress"), an_event("a")))
        )
        page = await store.stream("a", limit=10)
        assert page.publications == tuple(told)

    async def test_channels_have_epochs_of_their_own(self, store: Store) -> None:
        (a,) = await say(store, "a", b"{}")
        (b,) = await say(store, "b", b"{}")
        assert a.epoch
        assert a.epoch != b.epoch

    async def test_a_commit_with_one_stale_write_leaves_no_trace(self, store: Store) -> None:
        first, second = await submit(store), await submit(store)
        fresh = a_job()
        with pytest.raises(Conflict) as refusal:
            await store.commit(
                Commit(
                    writes=(
                        JobWrite(job=fresh, expects=None, input=b"x"),
                        JobWrite(job=with_events(first, 1), expects=first.seq),
                        JobWrite(job=replace(second, seq=second.seq + 7), expects=second.seq + 7),
                    ),
                    appends=(an_event(job_channel(first.id)), an_event("other")),
                )
            )
        assert refusal.value.code == "stale_write"
        assert await store.job(fresh.id) is None
        assert await store.part(fresh.id, Part.INPUT) is None
        assert await store.job(first.id) == first
        assert (await store.stream(job_channel(first.id))).top.offset == 1
        assert (await store.stream("other")).top.offset == 0

    async def test_a_job_that_must_be_new_and_is_not_is_a_stale_write(self, store: Store) -> None:
        job = await submit(store)
        with pytest.raises(Conflict) as refusal:
            await store.commit(Commit(writes=(JobWrite(job=replace(job, seq=0), expects=None),)))
        assert refusal.value.code == "stale_write"
        assert refusal.value.params["job_id"] == job.id

    async def test_a_write_to_a_job_that_is_not_there_is_stale(self, store: Store) -> None:
        with pytest.raises(Conflict) as refusal:
            await store.commit(Commit(writes=(JobWrite(job=a_job(seq=3), expects=3),)))
        assert refusal.value.code == "stale_write"

    async def test_of_two_writers_that_have_seen_the_same_one_wins(self, store: Store) -> None:
        job = await submit(store)
        steps = [
            machine.report(
                replace(job, state=State.RUNNING),
                ProgressMade(job_id=job.id, attempt=1, percent=float(n)),
                FIRST_MS,
            )
            for n in (10, 20)
        ]
        outcomes = await asyncio.gather(
            *(take(store, job, step) for step in steps), return_exceptions=True
        )
        assert sorted(code_of(o) or "won" for o in outcomes if not isinstance(o, Job)) == [
            "stale_write"
        ]
        assert (await store.stream(job_channel(job.id))).top.offset == 2

    async def test_commits_awaited_together_are_refused_one_by_one(self, store: Store) -> None:
        job = await submit(store)
        good = [Commit(appends=(an_event("a"),)) for _ in range(20)]
        stale = [
            Commit(writes=(JobWrite(job=replace(job, seq=9), expects=9),), appends=(an_event("a"),))
            for _ in range(5)
        ]
        mixed = [*good[:10], *stale, *good[10:]]
        outcomes = await asyncio.gather(
            *(store.commit(commit) for commit in mixed), return_exceptions=True
        )
        offsets = [o[0].offset for o in outcomes if not isinstance(o, BaseException)]
        assert sorted(offsets) == list(range(1, 21))
        assert [code_of(o) for o in outcomes if isinstance(o, BaseException)] == ["stale_write"] * 5
        assert (await store.stream("a")).top.offset == 20

    async def test_a_mistake_of_one_commit_does_not_touch_those_beside_it(
        self, store: Store
    ) -> None:
        wrong = a_job(meta={"not": object()})
        outcomes = await asyncio.gather(
            store.commit(Commit(appends=(an_event("a"),))),
            store.commit(Commit(writes=(JobWrite(job=wrong, expects=None),))),
            store.commit(Commit(appends=(an_event("a"),))),
            return_exceptions=True,
        )
        assert isinstance(outcomes[1], Exception)
        assert (await store.stream("a")).top.offset == 2
        assert await store.job(wrong.id) is None

    async def test_a_seq_that_does_not_count_the_appends_is_refused(self, store: Store) -> None:
        job = await submit(store)
        with pytest.raises(ValueError, match=job.id):
            await store.commit(Commit(writes=(JobWrite(job=replace(job, seq=5), expects=job.seq),)))
        assert await store.job(job.id) == job

    async def test_a_caller_that_gives_up_does_not_hurt_the_others(self, store: Store) -> None:
        async with asyncio.TaskGroup() as tasks:
            waiting = [tasks.create_task(say(store, "a", b"{}")) for _ in range(6)]
            await asyncio.sleep(0)
            waiting[2].cancel()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(outcomes[2], asyncio.CancelledError)
        offsets = {o[0].offset for o in outcomes if not isinstance(o, BaseException)}
        top = (await store.stream("a")).top.offset
        assert offsets <= set(range(1, top + 1))
        assert len(offsets) == 5

    async def test_a_record_comes_back_as_it_was_written(self, store: Store) -> None:
        job = a_job(
            title="Überschrift 文",
            owner="ana",
            tenant="t1",
            tags=("x", "y"),
            meta={"page": 3, "deep": {"list": [1, None, "ñ"]}},
            priority=-2,
            retry=RetryPolicy(max_attempts=4, backoff_s=(60.0, 120.0), jitter=0.2),
            timeout_s=9.5,
            attempt=3,
            errors=1,
            losses=1,
            worker="n1/w1",
            state=State.RUNNING,
            progress=Progress(percent=12.5, phase="b", phase_index=1, message="…"),
            phases=(Phase(id="a", label="A", weight=1, state="done", started_ms=1, ended_ms=2),),
            error=JobError(kind="error", code="boom", message="no", traceback="…"),
            children=Children(total=3, completed=1, failed=1, percent=40.0),
            parent_id="parent",
            weight=2.5,
            unique_key="u",
            limit_key="l",
            limit_max=2,
            started_ms=FIRST_MS + 1,
            not_before_ms=FIRST_MS + 2,
            expires_ms=FIRST_MS + 3,
        )
        await store.commit(Commit(writes=(JobWrite(job=job, expects=None),)))
        assert await store.job(job.id) == job

    @pytest.mark.parametrize("result", [b'{"x":[1,2]}', b"null", b'"text"', b"3"])
    async def test_an_inline_result_keeps_its_bytes(self, store: Store, result: bytes) -> None:
        job = await submit(store)
        running = await take(store, job, machine.claim(job, "w", FIRST_MS))
        done = machine.report(
            running, Done(job_id=job.id, attempt=1, result=msgspec.Raw(result)), FIRST_MS
        )
        await take(store, running, done)
        kept = await store.job(job.id)
        assert kept is not None
        assert kept.state is State.COMPLETED
        assert kept.result is not None
        assert bytes(kept.result) == result
        assert await store.part(job.id, Part.RESULT) is None

    async def test_a_large_result_is_kept_apart(self, store: Store) -> None:
        job = await submit(store)
        running = await take(store, job, machine.claim(job, "w", FIRST_MS))
        large = b'"' + b"x" * 100_000 + b'"'
        done = machine.report(
            running, Done(job_id=job.id, attempt=1, result=msgspec.Raw(large)), FIRST_MS
        )
        await take(store, running, done)
        kept = await store.job(job.id)
        assert kept is not None
        assert (kept.result, kept.result_bytes) == (None, len(large))
        assert await store.part(job.id, Part.RESULT) == large

    async def test_the_arguments_are_kept_with_the_job(self, store: Store) -> None:
        job = await submit(store, input=b'{"args":[1]}')
        assert await store.part(job.id, Part.INPUT) == b'{"args":[1]}'

    async def test_parts_of_an_unknown_job_are_none(self, store: Store) -> None:
        assert await store.part("nobody", Part.INPUT) is None
        assert await store.part("nobody", Part.RESULT) is None

    async def test_an_unknown_job_is_none(self, store: Store) -> None:
        assert await store.job("nobody") is None

    @pytest.mark.parametrize("durability", list(Durability))
    async def test_a_read_is_as_new_as_any_commit_that_has_returned(
        self, store: Store, durability: Durability
    ) -> None:
        job = await submit(store)
        for seq in range(2, 30):
            after = replace(job, seq=seq)
            await store.commit(
                Commit(
                    writes=(JobWrite(job=after, expects=seq - 1),),
                    appends=(an_event(job_channel(job.id)),),
                    durability=durability,
                )
            )
            assert await store.job(job.id) == after
            assert (await store.stream(job_channel(job.id))).top.offset == seq

    # unique keys

    async def test_a_second_active_job_with_a_unique_key_is_a_duplicate(self, store: Store) -> None:
        first = await submit(store, a_job(unique_key="k"))
        with pytest.raises(Conflict) as refusal:
            await submit(store, a_job(unique_key="k"))
        assert refusal.value.code == "duplicate"
        assert refusal.value.params["job_id"] == first.id

    async def test_of_submits_at_once_with_a_unique_key_one_wins(self, store: Store) -> None:
        outcomes = await asyncio.gather(
            *(submit(store, a_job(unique_key="k")) for _ in range(10)), return_exceptions=True
        )
        won = [o for o in outcomes if isinstance(o, Job)]
        lost = [o for o in outcomes if isinstance(o, Conflict)]
        assert len(won) == 1
        assert [refusal.params["job_id"] for refusal in lost] == [won[0].id] * 9

    async def test_two_jobs_of_one_commit_cannot_share_a_unique_key(self, store: Store) -> None:
        first, second = a_job(unique_key="k"), a_job(unique_key="k")
        with pytest.raises(Conflict) as refusal:
            await store.commit(
                Commit(
                    writes=(
                        JobWrite(job=first, expects=None),
                        JobWrite(job=second, expects=None),
                    )
                )
            )
        assert refusal.value.code == "duplicate"
        assert await store.job(first.id) is None

    async def test_a_job_keeps_its_unique_key_while_it_moves_and_frees_it_at_the_end(
        self, store: Store
    ) -> None:
        job = await submit(store, a_job(unique_key="k"))
        running = await take(store, job, machine.claim(job, "w", FIRST_MS))
        ended = await take(store, running, machine.cancel(running, FIRST_MS))
        assert ended.state is State.CANCELLED
        again = await submit(store, a_job(unique_key="k"))
        assert (await store.job(again.id)) == again

    # stream

    async def test_a_channel_that_was_never_written_to_has_the_epoch_of_its_first_write(
        self, store: Store
    ) -> None:
        before = await store.stream("new", limit=5)
        (told,) = await say(store, "new", b"{}")
        assert before.top == Position(epoch=told.epoch, offset=0)
        assert before.publications == ()

    async def test_a_stream_without_a_limit_answers_its_top_alone(self, store: Store) -> None:
        told = await say(store, "a", b"{}", b"{}")
        page = await store.stream("a")
        assert page.top == Position(epoch=told[-1].epoch, offset=2)
        assert page.publications == ()

    @pytest.mark.parametrize(
        ("since", "limit", "is_reversed", "offsets"),
        [
            (None, 3, False, [1, 2, 3]),
            (None, 100, False, [1, 2, 3, 4, 5, 6]),
            (0, 2, False, [1, 2]),
            (2, 2, False, [3, 4]),
            (5, 9, False, [6]),
            (6, 9, False, []),
            (99, 9, False, []),
            (None, 2, True, [6, 5]),
            (4, 2, True, [3, 2]),
            (4, 9, True, [3, 2, 1]),
            (1, 9, True, []),
            (0, 9, True, []),
        ],
    )
    async def test_a_stream_is_read_from_a_place_in_either_direction(
        self,
        store: Store,
        since: int | None,
        limit: int,
        is_reversed: bool,
        offsets: list[int],
    ) -> None:
        await say(store, "a", *[b"{}"] * 6)
        page = await store.stream("a", since=since, limit=limit, is_reversed=is_reversed)
        assert [p.offset for p in page.publications] == offsets
        assert page.top.offset == 6

    async def test_a_long_stream_is_read_from_any_place(self, store: Store) -> None:
        top, low = 400, 131
        # Others write between, as they do.
        for n in range(top):
            appends = (an_event("long"), an_event(f"other-{n % 7}"))
            await store.commit(Commit(appends=appends, durability=Durability.NORMAL))
        await self._trim_all(store, FIRST_MS, Retention(events_per_channel_max=top - low + 1))
        for since in (None, 0, 1, 63, 64, 65, 129, 130, 131, 132, 191, 192, 300, 399, 400, 401):
            for limit in (1, 2, 63, 64, 65, 128, 1_000):
                after = range(max(low, (since or 0) + 1), top + 1)[:limit]
                page = await store.stream("long", since=since, limit=limit)
                assert [p.offset for p in page.publications] == list(after)
                before = range(low, top + 1 if since is None else min(since, top + 1))
                page = await store.stream("long", since=since, limit=limit, is_reversed=True)
                assert [p.offset for p in page.publications] == list(before)[::-1][:limit]

    async def test_events_of_topics_go_with_their_age(self, make_store: MakeStore) -> None:
        clock = FakeClock()
        async with make_store(clock) as store:
            await say(store, "news", b"{}", b"{}")
            clock.advance(3_600)
            await say(store, "news", b"{}")
            job = await submit(store)
            policy = Retention(events_of_topics_ms=DAY_MS)
            assert await self._trim_all(store, FIRST_MS + DAY_MS, policy) == 0
            assert await self._trim_all(store, FIRST_MS + DAY_MS + 1, policy) == 2
            assert [p.offset for p in (await store.stream("news", limit=9)).publications] == [3]
            assert await self._trim_all(store, FIRST_MS + 9 * DAY_MS, policy) == 1
            page = await store.stream("news", limit=9)
            assert (page.top.offset, page.publications) == (3, ())
            assert len((await store.stream(job_channel(job.id), limit=9)).publications) == 1

    async def test_top_and_publications_come_from_one_moment(self, store: Store) -> None:
        async def write() -> None:
            for _ in range(100):
                await say(store, "a", b"{}", b"{}")

        async def read() -> None:
            while (page := await store.stream("a", limit=1_000)).top.offset < 200:
                offsets = [p.offset for p in page.publications]
                assert offsets == list(range(1, page.top.offset + 1))

        await asyncio.gather(write(), read(), read())

    # jobs

    async def test_jobs_come_newest_first_and_ties_by_id(self, store: Store) -> None:
        for job_id, created_ms in (("b", 5), ("a", 5), ("c", 4), ("d", 9)):
            await submit(store, a_job(job_id, created_ms=created_ms))
        page = await store.jobs(JobFilter())
        assert [job.id for job in page.jobs] == ["d", "b", "a", "c"]
        assert page.cursor is None

    async def test_pages_are_stable_while_jobs_arrive(self, store: Store) -> None:
        ids = [(await submit(store, a_job(created_ms=FIRST_MS + n // 3))).id for n in range(10)]
        seen: list[str] = []
        cursor: str | None = None
        for _ in range(10):
            page = await store.jobs(JobFilter(limit=3, cursor=cursor))
            seen += [job.id for job in page.jobs]
            cursor = page.cursor
            if cursor is None:
                break
            await submit(store, a_job(created_ms=FIRST_MS + 1_000))
        assert seen == ids[::-1]

    @pytest.mark.parametrize(
        "narrowed",
        [
            JobFilter(owner="ana"),
            JobFilter(tenant="t1"),
            JobFilter(states=(State.RUNNING, State.FAILED)),
            JobFilter(kind="ocr"),
            JobFilter(tag="blue"),
            JobFilter(parent_id="p"),
            JobFilter(limit_key="l"),
            JobFilter(text="ÑAND"),
            JobFilter(text="WANT"),
            JobFilter(created_after_ms=FIRST_MS + 1),
            JobFilter(created_before_ms=FIRST_MS + 3, created_after_ms=FIRST_MS + 1),
            JobFilter(owner="ana", tag="blue", states=(State.RUNNING,)),
        ],
    )
    async def test_every_field_of_a_filter_narrows(self, store: Store, narrowed: JobFilter) -> None:
        await submit(
            store,
            a_job(
                "wanted-1",
                owner="ana",
                tenant="t1",
                state=State.RUNNING,
                kind="ocr",
                tags=("red", "blue"),
                parent_id="p",
                limit_key="l",
                title="Un ñandú",
                created_ms=FIRST_MS + 2,
            ),
        )
        await submit(store, a_job("other-1", owner="bob", tags=("blueish",), title="50 % ñ"))
        assert [job.id for job in (await store.jobs(narrowed)).jobs] == ["wanted-1"]

    async def test_text_finds_titles_with_signs_that_patterns_use(self, store: Store) -> None:
        await submit(store, a_job("a", title="100 % sure_thing"))
        await submit(store, a_job("b", title="100 times sure thing"))
        assert [j.id for j in (await store.jobs(JobFilter(text="0 % s"))).jobs] == ["a"]
        assert [j.id for j in (await store.jobs(JobFilter(text="sure_"))).jobs] == ["a"]

    async def test_a_filter_follows_the_job_as_it_moves(self, store: Store) -> None:
        job = await submit(store)
        await take(store, job, machine.claim(job, "w", FIRST_MS))
        assert (await store.jobs(JobFilter(states=(State.QUEUED,)))).jobs == ()
        (found,) = (await store.jobs(JobFilter(states=(State.RUNNING,)))).jobs
        assert found.id == job.id

    async def test_a_filter_follows_changed_facts(self, store: Store) -> None:
        job = await submit(store, a_job(tags=("old",), title="before"))
        await store.commit(
            Commit(
                writes=(JobWrite(job=replace(job, tags=("new",), title="after"), expects=job.seq),)
            )
        )
        assert (await store.jobs(JobFilter(tag="old"))).jobs == ()
        assert (await store.jobs(JobFilter(text="before"))).jobs == ()
        assert len((await store.jobs(JobFilter(tag="new", text="after"))).jobs) == 1

    @pytest.mark.parametrize("cursor", ["", "x", "!!!", "bnVsbA", "WzEsMl0", "é"])
    async def test_a_cursor_that_no_page_gave_is_an_invalid_request(
        self, store: Store, cursor: str
    ) -> None:
        with pytest.raises(InvalidRequest) as refusal:
            await store.jobs(JobFilter(cursor=cursor))
        assert refusal.value.code == "invalid_cursor"

    # children

    async def test_children_are_rolled_up_by_weight(self, store: Store) -> None:
        for weight, percent, state in (
            (1.0, 50.0, State.RUNNING),
            (2.0, None, State.QUEUED),
            (1.0, 100.0, State.COMPLETED),
        ):
            await submit(
                store,
                a_job(
                    parent_id="p",
                    weight=weight,
                    state=state,
                    progress=Progress(percent=percent, phase=None),
                ),
            )
        assert await store.children("p") == Children(total=3, completed=1, failed=0, percent=37.5)

    @pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED, State.EXPIRED])
    async def test_a_child_that_ended_badly_counts_as_failed_and_over(
        self, store: Store, state: State
    ) -> None:
        await submit(store, a_job(parent_id="p", state=state))
        rolled = await store.children("p")
        assert (rolled.total, rolled.completed, rolled.failed, rolled.percent) == (1, 0, 1, 100.0)
        assert rolled.is_settled

    async def test_a_child_that_was_retried_below_the_same_parent_counts_as_its_retry(
        self, store: Store
    ) -> None:
        first = await submit(store, a_job(parent_id="p", weight=3.0, state=State.FAILED))
        await submit(store, a_job(parent_id="p", state=State.COMPLETED))
        second = await submit(
            store, a_job(parent_id="p", weight=3.0, state=State.FAILED, retry_of=first.id)
        )
        counted = await store.children("p")
        assert counted == Children(total=2, completed=1, failed=1, percent=100.0)
        third = a_job(parent_id="p", weight=3.0, retry_of=second.id)
        third = await submit(store, third)
        counted = await store.children("p")
        assert counted == Children(total=2, completed=1, failed=0, percent=25.0)
        running = await take(store, third, machine.claim(third, "w", FIRST_MS))
        done = machine.report(
            running, Done(job_id=third.id, attempt=1, result=msgspec.Raw(b"1")), FIRST_MS
        )
        await take(store, running, done)
        counted = await store.children("p")
        assert counted == Children(total=2, completed=2, failed=0, percent=100.0)

    async def test_a_retry_elsewhere_leaves_the_child_counted_where_it_failed(
        self, store: Store
    ) -> None:
        failed = await submit(store, a_job(parent_id="p", state=State.FAILED))
        await submit(store, a_job(parent_id="q", retry_of=failed.id))
        await submit(store, a_job(retry_of=failed.id))
        assert (await store.children("p")).failed == 1
        assert (await store.children("q")).total == 1

    async def test_a_job_without_children_rolls_up_nothing(self, store: Store) -> None:
        assert await store.children("p") == Children()

    async def test_parents_that_may_not_know_how_their_children_stand_are_found(
        self, store: Store
    ) -> None:
        family = (
            ("waits", State.RUNNING, FIRST_MS, State.FAILED, FIRST_MS + 5),
            ("has-long-known", State.RUNNING, FIRST_MS, State.COMPLETED, FIRST_MS),
            ("still-waits", State.RUNNING, FIRST_MS, State.RUNNING, None),
            ("was-cancelled", State.CANCELLED, FIRST_MS + 5, State.QUEUED, None),
            ("was-cancelled-long-ago", State.CANCELLED, FIRST_MS, State.QUEUED, None),
            ("left-them", State.COMPLETED, FIRST_MS + 5, State.QUEUED, None),
            ("has-none", State.CANCELLED, FIRST_MS + 5, None, None),
        )
        for parent, state, ended_ms, of_child, child_ended_ms in family:
            is_over = state.is_terminal
            await submit(store, a_job(parent, state=state, ended_ms=ended_ms if is_over else None))
            if of_child is not None:
                child = a_job(parent_id=parent, state=of_child, ended_ms=child_ended_ms)
                await submit(store, child)
        assert sorted(await store.parted(FIRST_MS + 1)) == ["waits", "was-cancelled"]

    # trim

    async def _end(self, store: Store, job: Job, ended_ms: int) -> Job:
        running = await take(store, job, machine.claim(job, "w", ended_ms))
        result = msgspec.Raw(b'{"ok":true}')
        step = machine.report(running, Done(job_id=job.id, attempt=1, result=result), ended_ms)
        return await take(store, running, step)

    async def _trim_all(self, store: Store, now_ms: int, policy: Retention) -> int:
        whole = 0
        while went := await store.trim(now_ms, policy):
            whole += went
        return whole

    async def test_a_channel_keeps_its_newest_events_up_to_the_limit(self, store: Store) -> None:
        told = await say(store, "a", *[b"{}"] * 30)
        await say(store, "b", *[b"{}"] * 5)
        went = await self._trim_all(store, FIRST_MS, Retention(events_per_channel_max=10))
        page = await store.stream("a", limit=100)
        assert went == 20
        assert [p.offset for p in page.publications] == list(range(21, 31))
        assert page.top == Position(epoch=told[0].epoch, offset=30)
        assert len((await store.stream("b", limit=100)).publications) == 5

    async def test_a_trimmed_stream_goes_on_where_it_was(self, store: Store) -> None:
        told = await say(store, "a", *[b"{}"] * 3)
        await self._trim_all(store, FIRST_MS, Retention(events_per_channel_max=0))
        assert (await store.stream("a", limit=9)).publications == ()
        (after,) = await say(store, "a", b"{}")
        assert (after.epoch, after.offset) == (told[0].epoch, 4)

    async def test_a_round_of_trimming_is_bounded(self, store: Store) -> None:
        await say(store, "a", *[b"{}"] * 50)
        policy = Retention(events_per_channel_max=0, rows_a_round_max=20)
        assert [await store.trim(FIRST_MS, policy) for _ in range(4)] == [20, 20, 10, 0]

    async def test_nothing_of_an_active_job_is_trimmed_by_age(self, store: Store) -> None:
        job = await submit(store)
        await self._trim_all(store, FIRST_MS + 900 * DAY_MS, Retention())
        assert await store.job(job.id) == job
        assert len((await store.stream(job_channel(job.id), limit=9)).publications) == 1

    async def test_log_and_result_go_before_the_job_does(self, store: Store) -> None:
        job = await submit(store)
        ended = await self._end(store, job, FIRST_MS)
        top = (await store.stream(job_channel(job.id))).top
        assert await self._trim_all(store, FIRST_MS + DAY_MS - 1, Retention()) == 0
        assert await self._trim_all(store, FIRST_MS + DAY_MS, Retention()) > 0
        kept = await store.job(job.id)
        assert kept is not None
        assert (kept.state, kept.seq, kept.result) == (State.COMPLETED, ended.seq, None)
        assert await store.part(job.id, Part.RESULT) is None
        assert (await store.stream(job_channel(job.id), limit=99)).publications == ()
        assert (await store.stream(job_channel(job.id))).top == top

    async def test_an_ended_job_goes_after_its_time_and_its_stream_keeps_its_place(
        self, store: Store
    ) -> None:
        job = await submit(store, a_job(tags=("t",)))
        await self._end(store, job, FIRST_MS)
        top = (await store.stream(job_channel(job.id))).top
        await self._trim_all(store, FIRST_MS + 30 * DAY_MS, Retention())
        assert await store.job(job.id) is None
        assert await store.part(job.id, Part.INPUT) is None
        assert (await store.jobs(JobFilter(tag="t"))).jobs == ()
        assert (await store.stream(job_channel(job.id), limit=9)).top == top

    # removes

    async def test_a_removed_job_goes_with_all_that_is_its_and_its_stream_keeps_its_place(
        self, store: Store
    ) -> None:
        job = await submit(store, a_job(tags=("t",), unique_key="k"), input=b"in")
        ended = await take(store, job, machine.cancel(job, FIRST_MS))
        top = (await store.stream(job_channel(job.id))).top
        (told,) = await store.commit(Commit(removes=(ended.id,), appends=(an_event("list"),)))
        assert told.offset == 1
        assert await store.job(job.id) is None
        assert await store.part(job.id, Part.INPUT) is None
        assert (await store.jobs(JobFilter(tag="t"))).jobs == ()
        page = await store.stream(job_channel(job.id), limit=9)
        assert (page.top, page.publications) == (top, ())

    async def test_a_job_that_has_not_ended_is_not_removed_nor_anything_beside_it(
        self, store: Store
    ) -> None:
        active = await submit(store)
        queued = await submit(store)
        ended = await take(store, queued, machine.cancel(queued, FIRST_MS))
        with pytest.raises(Conflict) as refusal:
            await store.commit(Commit(removes=(ended.id, active.id), appends=(an_event("list"),)))
        assert refusal.value.code == "job_state"
        assert await store.job(ended.id) == ended
        assert await store.job(active.id) == active
        assert (await store.stream("list")).top.offset == 0

    async def test_removing_what_is_not_there_removes_nothing(self, store: Store) -> None:
        await store.commit(Commit(removes=("nobody",)))

    async def test_the_id_of_a_removed_job_is_not_given_to_another(self, store: Store) -> None:
        job = await submit(store)
        ended = await take(store, job, machine.cancel(job, FIRST_MS))
        await store.commit(Commit(removes=(ended.id,)))
        # Its stream goes on where it was, so the numbers of a new record could not be those of its events.
        with pytest.raises(Conflict) as refusal:
            await submit(store, a_job(job.id))
        assert refusal.value.code == "stale_write"

    # over time

    async def test_everything_is_there_after_it_was_closed_and_opened_again(
        self, make_store: MakeStore
    ) -> None:
        if not self.keeps_data:
            pytest.skip("this store forgets when it is closed")
        async with make_store(FakeClock()) as store:
            job = await submit(store, a_job(unique_key="k", tags=("t",)), input=b"in")
            empty = await store.stream("never")
            page = await store.stream(job_channel(job.id), limit=9)
        async with make_store(FakeClock()) as store:
            assert await store.job(job.id) == job
            assert await store.part(job.id, Part.INPUT) == b"in"
            assert await store.stream(job_channel(job.id), limit=9) == page
            assert await store.stream("never") == empty
            with pytest.raises(Conflict):
                await submit(store, a_job(unique_key="k"))
            claimed = await take(store, job, machine.claim(job, "w", FIRST_MS))
            assert claimed.seq == 2

    @pytest.mark.timeout(120)
    def test_any_history_of_commits_reads_back(self, make_store: MakeStore) -> None:
        keeps_data = self.keeps_data

        class Machine(StreamMachine):
            def __init__(self) -> None:
                super().__init__(make_store, keeps_data=keeps_data)

        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=12,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
