"""
What several nodes do to one database at the same time, each with connections of its own.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import anyio
import anyio.lowlevel
import msgspec
import psycopg
import pytest
from postgres_service import PostgresServer

from avance.backends.postgres import (
    PostgresBus,
    PostgresDatabase,
    PostgresLimits,
    PostgresQueue,
    PostgresStore,
    outbox_insert,
)
from avance.backends.system import SystemClock
from avance.errors import Conflict, InvalidRequest, Unavailable
from avance.model import machine
from avance.model.job import Job, State
from avance.model.stream import job_channel
from avance.ports.bus import Letter
from avance.ports.store import Commit, JobFilter, JobWrite, Part, Retention, Store
from avance.testing.conformance.bus import Ear
from avance.testing.conformance.sample import a_job, an_event, say, submit, take

pytestmark = pytest.mark.timeout(90)

NOW_MS = 1_800_000_000_000
LEASE_MS = 15_000
LIMITS = PostgresLimits(repeats_max=50)


@pytest.fixture
async def stores(postgres_url: str) -> AsyncIterator[list[PostgresStore]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(a_store(postgres_url)) for _ in range(3)]


def a_store(url: str, limits: PostgresLimits = LIMITS) -> PostgresStore:
    return PostgresStore(PostgresDatabase(url, clock=SystemClock(), limits=limits))


async def offsets(store: Store, channel: str) -> list[int]:
    page = await store.stream(channel, limit=10_000)
    assert page.top.offset == len(page.publications)
    return [one.offset for one in page.publications]


async def test_streams_that_all_nodes_write_to_have_no_gap(stores: list[PostgresStore]) -> None:
    """
    Each commit writes to several channels, in an order of its own, so that nodes meet in every way.
    """

    async def write(store: PostgresStore, n: int) -> None:
        names = ["a", "b", "c"] if n % 2 else ["c", "a", "b"]
        await store.commit(Commit(appends=tuple(an_event(name) for name in names)))

    async with anyio.create_task_group() as group:
        for n in range(120):
            group.start_soon(write, stores[n % 3], n)
    for name in "abc":
        assert await offsets(stores[0], name) == list(range(1, 121))
    epochs = {(await store.stream("a")).top.epoch for store in stores}
    assert len(epochs) == 1


async def test_of_writers_on_all_nodes_that_have_seen_the_same_one_wins(
    stores: list[PostgresStore],
) -> None:
    for _ in range(10):
        job = await submit(stores[0])
        steps = [machine.cancel(job, NOW_MS + n) for n in range(3)]
        outcomes = await asyncio.gather(
            *(take(store, job, step) for store, step in zip(stores, steps, strict=True)),
            return_exceptions=True,
        )
        assert sorted(type(one).__name__ for one in outcomes) == ["Conflict", "Conflict", "Job"]
        kept = await stores[2].job(job.id)
        assert kept in outcomes
        assert kept is not None
        assert await offsets(stores[1], job_channel(job.id)) == list(range(1, kept.seq + 1))


async def test_of_submits_with_one_unique_key_on_all_nodes_one_wins(
    stores: list[PostgresStore],
) -> None:
    for n in range(10):
        outcomes = await asyncio.gather(
            *(submit(stores[m % 3], a_job(unique_key=f"k{n}")) for m in range(9)),
            return_exceptions=True,
        )
        won = [one for one in outcomes if isinstance(one, Job)]
        lost = [one for one in outcomes if isinstance(one, Conflict)]
        assert len(won) == 1
        assert {(one.code, one.params["job_id"]) for one in lost} == {("duplicate", won[0].id)}
        assert len(lost) == 8


async def test_of_submits_with_one_id_on_all_nodes_one_wins(stores: list[PostgresStore]) -> None:
    for n in range(10):
        outcomes = await asyncio.gather(
            *(submit(store, a_job(f"same-{n}")) for store in stores), return_exceptions=True
        )
        assert sorted(type(one).__name__ for one in outcomes) == ["Conflict", "Conflict", "Job"]
        assert await offsets(stores[0], job_channel(f"same-{n}")) == [1]


async def test_no_attempt_is_given_twice_and_no_limit_is_passed_whoever_asks(
    stores: list[PostgresStore],
) -> None:
    """
    001-T6: any number of workers, and each job is run by one of them.
    """
    for n in range(90):
        key = f"owner-{n % 3}" if n % 2 else None
        await submit(stores[0], a_job(limit_key=key, limit_max=2))
    given: Counter[str] = Counter()
    running: Counter[str] = Counter()

    async def work(number: int) -> None:
        store, queue = stores[number % 3], PostgresQueue(stores[number % 3].database)
        idle = 0
        while idle < 5:
            claims = await queue.claim(
                f"n{number}/w",
                {"process": 4},
                ("sample",),
                now_ms=NOW_MS,
                lease_until_ms=NOW_MS + LEASE_MS,
            )
            idle = 0 if claims.claimed else idle + 1
            jobs = [claimed.job for claimed in claims.claimed]
            for job in jobs:
                given[job.id] += 1
                running[job.limit_key or job.id] += 1
            assert all(running[f"owner-{n}"] <= 2 for n in range(3)), running
            await anyio.lowlevel.checkpoint()
            for job in jobs:
                running[job.limit_key or job.id] -= 1
                await take(store, job, machine.cancel(job, NOW_MS))

    async with anyio.create_task_group() as group:
        for number in range(6):
            group.start_soon(work, number)
    assert set(given.values()) == {1}
    assert len(given) == 90


async def test_a_claim_does_not_wait_for_what_another_transaction_holds(
    stores: list[PostgresStore], postgres_url: str
) -> None:
    held, free = await submit(stores[0], a_job(priority=9)), await submit(stores[0])
    queue = PostgresQueue(stores[0].database)
    async with await psycopg.AsyncConnection.connect(postgres_url) as other:
        await other.execute("SELECT 1 FROM avance.jobs WHERE id = %s FOR UPDATE", (held.id,))
        with anyio.fail_after(60):
            claims = await queue.claim(
                "n/w",
                {"process": 9},
                ("sample",),
                now_ms=NOW_MS,
                lease_until_ms=NOW_MS + LEASE_MS,
            )
        assert [one.job.id for one in claims.claimed] == [free.id]


async def test_one_of_several_sweeps_moves_a_job(stores: list[PostgresStore]) -> None:
    jobs = [a_job(state=State.SCHEDULED, not_before_ms=NOW_MS, queued_ms=None) for _ in range(40)]
    for job in jobs:
        await submit(stores[0], job)
    swept = await asyncio.gather(*(PostgresQueue(store.database).sweep(NOW_MS) for store in stores))
    moved = [job.id for one in swept for job in one.jobs]
    assert sorted(moved) == sorted(job.id for job in jobs)


async def test_trimming_on_all_nodes_at_once_removes_each_event_once(
    stores: list[PostgresStore],
) -> None:
    await say(stores[0], "a", *[b"{}"] * 300)
    # Only the length counts: one node may be done before another begins, which would then find them old.
    policy = Retention(events_per_channel_max=10, events_of_topics_ms=NOW_MS, rows_a_round_max=50)
    went = 0
    with anyio.fail_after(60):
        while (await stores[0].stream("a", limit=1)).publications[0].offset < 291:
            went += sum(await asyncio.gather(*(store.trim(NOW_MS, policy) for store in stores)))
    assert went == 290


# A caller's own transaction.


async def test_a_submit_in_a_callers_transaction_is_a_job_with_its_commit(
    stores: list[PostgresStore], postgres_url: str
) -> None:
    """
    000-T5: the row of the app and the job become true together, and a node hears of it at once.
    """
    job, gone = a_job(unique_key="k"), a_job()
    queue = PostgresQueue(stores[0].database)
    async with PostgresBus(stores[1].database, node="n1") as bus:
        ear = Ear(bus)

        def work() -> None:
            with psycopg.connect(postgres_url) as own:
                own.execute("CREATE TABLE orders (id TEXT)")
                own.execute("INSERT INTO orders VALUES ('o1')")
                outbox_insert(own, job, b'{"args":[1]}')
                with own.transaction(force_rollback=True):
                    outbox_insert(own, gone, b"{}")
                with psycopg.connect(postgres_url) as other:
                    waiting = other.execute("SELECT count(*) FROM avance.outbox").fetchone()
                    assert waiting == (0,)

        await asyncio.to_thread(work)
        await ear.until_letter(Letter(node=None, topic="queue"))
    swept = await queue.sweep(NOW_MS)
    assert [one.id for one in swept.jobs] == [job.id]
    kept = await stores[2].job(job.id)
    assert kept is not None
    assert kept.state is State.QUEUED
    assert await stores[2].part(job.id, Part.INPUT) == b'{"args":[1]}'
    assert await offsets(stores[2], job_channel(job.id)) == [1]
    assert await stores[2].job(gone.id) is None

    def again() -> None:
        with psycopg.connect(postgres_url) as own:
            outbox_insert(own, a_job(unique_key="k"), b"{}")

    with pytest.raises(Conflict) as refusal:
        await asyncio.to_thread(again)
    assert refusal.value.params["job_id"] == job.id


async def test_a_key_that_was_taken_before_the_callers_commit_ends_the_later_submit(
    stores: list[PostgresStore], postgres_url: str
) -> None:
    late = a_job(unique_key="k")

    async with await psycopg.AsyncConnection.connect(postgres_url) as own:
        await own.execute(
            "INSERT INTO avance.outbox (job, input) VALUES (%s, '')",
            (msgspec.json.encode(late),),
        )
        await submit(stores[0], a_job(unique_key="k"))
    await PostgresQueue(stores[1].database).sweep(NOW_MS)
    kept = await stores[0].job(late.id)
    assert kept is not None
    assert kept.state is State.CANCELLED


async def test_what_is_no_connection_is_refused_with_the_way_out() -> None:
    with pytest.raises(InvalidRequest, match="psycopg"):
        outbox_insert(object(), a_job(), b"{}")


# The server comes and goes.


async def test_a_restart_between_two_calls_is_not_noticed(
    postgres_server: PostgresServer, stores: list[PostgresStore]
) -> None:
    job = await submit(stores[0])
    await asyncio.to_thread(postgres_server.stop, "immediate")
    await asyncio.to_thread(postgres_server.start)
    assert await stores[0].job(job.id) == job
    assert len(await say(stores[0], "a", b"{}")) == 1


async def test_while_the_server_is_away_every_call_says_so_and_nothing_is_half_done(
    postgres_server: PostgresServer, stores: list[PostgresStore]
) -> None:
    store, queue = stores[0], PostgresQueue(stores[0].database)
    await say(store, "a", b"{}")
    await asyncio.to_thread(postgres_server.stop, "immediate")
    outcomes = await asyncio.gather(
        say(store, "a", b"{}"),
        store.job("x"),
        store.jobs(JobFilter()),
        queue.sweep(NOW_MS),
        queue.renew("w", {"x": 1}, lease_until_ms=NOW_MS),
        store.trim(NOW_MS, Retention()),
        return_exceptions=True,
    )
    assert [type(one) for one in outcomes] == [Unavailable] * 6
    assert {one.code for one in outcomes if isinstance(one, Unavailable)} == {"store_unavailable"}
    await asyncio.to_thread(postgres_server.start)
    await say(store, "a", b"{}")
    assert await offsets(store, "a") == [1, 2]


async def test_leases_that_ran_out_while_the_server_was_away_lose_nobody(
    postgres_server: PostgresServer, stores: list[PostgresStore]
) -> None:
    queue = PostgresQueue(stores[0].database)
    job = await submit(stores[0])
    await queue.claim(
        "n/w", {"process": 1}, ("sample",), now_ms=NOW_MS, lease_until_ms=NOW_MS + LEASE_MS
    )
    await asyncio.to_thread(postgres_server.stop, "immediate")
    with pytest.raises(Unavailable):
        await queue.sweep(NOW_MS)
    await asyncio.to_thread(postgres_server.start)
    assert (await queue.sweep(NOW_MS + 99 * LEASE_MS)).jobs == ()
    assert len(await queue.renew("n/w", {job.id: 1}, lease_until_ms=NOW_MS + 199 * LEASE_MS)) == 1


async def test_what_was_answered_is_there_after_the_power_failed_and_the_rest_is_told(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    """
    Commits run while the server dies; each that was acknowledged is found, and streams have no gap.
    """
    answered: list[str] = []
    async with a_store(postgres_url) as store:

        async def write(n: int) -> None:
            for m in range(200):
                job = a_job(f"job-{n}-{m}")
                step = machine.created(job, NOW_MS)
                write = JobWrite(job=step.job, expects=None, input=b"{}")
                appends = (*step.appends, an_event("all"))
                try:
                    await store.commit(Commit(writes=(write,), appends=appends))
                except Unavailable:
                    return
                answered.append(job.id)

        async def strike() -> None:
            with anyio.fail_after(60):
                while len(answered) < 30:  # noqa: ASYNC110 - what is waited for is elsewhere
                    await anyio.sleep(0.001)
            await asyncio.to_thread(postgres_server.stop, "immediate")

        async with anyio.create_task_group() as group:
            for n in range(8):
                group.start_soon(write, n)
            group.start_soon(strike)
        await asyncio.to_thread(postgres_server.start)
        kept = set()
        cursor = None
        while True:
            page = await store.jobs(JobFilter(limit=500, cursor=cursor))
            kept |= {job.id for job in page.jobs}
            cursor = page.cursor
            if cursor is None:
                break
        assert set(answered) <= kept
        assert len(answered) >= 30
        assert await offsets(store, "all") == list(range(1, len(kept) + 1))


async def test_a_commit_whose_answer_was_lost_is_looked_up(postgres_url: str) -> None:
    """
    The connection is cut at the moment of the commit, by a trigger that ends its own process once it is done.
    """
    async with a_store(postgres_url) as store:
        await say(store, "a", b"{}")
        async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as other:
            await other.execute(
                "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$"
            )
            await other.execute(
                "CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON avance.events DEFERRABLE INITIALLY DEFERRED"
                " FOR EACH ROW EXECUTE FUNCTION cut()"
            )
            with pytest.raises(Unavailable) as refusal:
                await say(store, "a", b"{}")
            assert "nothing was written" in refusal.value.message
            await other.execute("DROP TRIGGER cut ON avance.events")
        await say(store, "a", b"{}")
        assert await offsets(store, "a") == [1, 2]


async def test_a_node_uses_no_more_connections_than_it_says(postgres_url: str) -> None:
    async with a_store(postgres_url) as store, PostgresBus(store.database):
        queue = PostgresQueue(store.database)
        await asyncio.gather(
            *(say(store, f"c{n}", b"{}") for n in range(50)),
            *(store.job("x") for _ in range(50)),
            *(store.jobs(JobFilter()) for _ in range(50)),
            *(queue.sweep(NOW_MS) for _ in range(50)),
        )
        async with await psycopg.AsyncConnection.connect(postgres_url) as other:
            found = await other.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'avance' AND datname = current_database()"
            )
            row = await found.fetchone()
    assert row is not None
    assert row[0] <= 12
