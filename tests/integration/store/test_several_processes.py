import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from tests.integration.store import actors
from tests.integration.store.process import run

from avance.backends.sqlite import SqliteBus, SqliteQueue, SqliteStore
from avance.errors import ConfigError
from avance.model import machine
from avance.model.job import State
from avance.model.stream import job_channel
from avance.ports.bus import Letter
from avance.ports.store import Commit
from avance.testing.clock import FIRST_MS
from avance.testing.conformance.bus import Ear
from avance.testing.conformance.sample import a_job, an_event, say, submit, take

COMMITS = 40


async def test_processes_that_write_one_file_share_its_streams(
    path: Path, open_store: Callable[..., SqliteStore]
) -> None:
    names = ["p1", "p2"]
    async with AsyncExitStack() as stack, open_store() as store:
        processes = [
            await stack.enter_async_context(run(actors.commit, path, name, "normal", 3, COMMITS))
            for name in names
        ]
        own = [(await say(store, "shared", b"{}"))[0].offset for _ in range(COMMITS)]
        for process in processes:
            assert len(await process.hear_all()) == 3 * COMMITS
            assert await process.ended() == 0
        page = await store.stream("shared", limit=10_000)
        whole = 2 * 3 * COMMITS + COMMITS
        assert [p.offset for p in page.publications] == list(range(1, whole + 1))
        assert own == sorted(set(own))
        for name in names:
            job = await store.job(f"{name}-0")
            assert job is not None
            assert job.seq == 2 * COMMITS


async def test_processes_may_open_a_new_file_at_once(path: Path) -> None:
    async with AsyncExitStack() as stack:
        processes = [
            await stack.enter_async_context(run(actors.commit, path, f"p{n}", "full", 1, 1))
            for n in range(4)
        ]
        for process in processes:
            await process.hear_all()
            assert await process.ended() == 0


async def test_stores_on_one_file_compare_against_what_the_other_has_written(
    open_store: Callable[..., SqliteStore],
) -> None:
    async with open_store() as one, open_store() as two:
        job = await submit(one)
        assert await two.job(job.id) == job
        running = await take(two, job, machine.claim(job, "w", FIRST_MS))
        assert await one.job(job.id) == running
        ended = await take(one, running, machine.cancel(running, FIRST_MS))
        assert await two.job(job.id) == ended
        epochs = {(await store.stream(job_channel(job.id))).top.epoch for store in (one, two)}
        assert len(epochs) == 1


async def test_no_two_processes_get_the_same_attempt(
    open_store: Callable[..., SqliteStore],
) -> None:
    async with open_store() as one, open_store() as two:
        for _ in range(40):
            await submit(one)

        async def work(store: SqliteStore, worker: str) -> list[str]:
            queue = SqliteQueue(store.database)
            given: list[str] = []
            while True:
                claims = await queue.claim(
                    worker, {"process": 2}, ["sample"], now_ms=FIRST_MS, lease_until_ms=FIRST_MS + 1
                )
                if not claims.claimed:
                    return given
                given += [claimed.job.id for claimed in claims.claimed]

        first, second = await asyncio.gather(work(one, "a/1"), work(two, "b/1"))
        assert len(first) + len(second) == 40
        assert not set(first) & set(second)


async def test_every_commit_of_another_process_leaves_a_hint_from_the_moment_it_is_open(
    open_store: Callable[..., SqliteStore],
) -> None:
    async with open_store() as one, open_store() as two, SqliteBus(two.database) as bus:
        ear = Ear(bus)
        # No warm-up: a commit right after the other has opened must not go unheard, it may be the last one.
        for n in range(20):
            bus.watch(f"c{n}", is_watched=True)
            await say(one, f"c{n}", b"{}")
            await ear.until_hint(f"c{n}")


async def test_a_process_alone_leaves_no_letters(open_store: Callable[..., SqliteStore]) -> None:
    async with open_store() as store, SqliteBus(store.database) as bus:
        await submit(store)
        bus.send(Letter(node=None, topic="t"))
        await say(store, "a", b"{}")
        count = await store.database.read(
            lambda connection: connection.execute("SELECT count(*) FROM letters").fetchone()[0]
        )
        assert count == 0


async def test_a_job_queued_by_another_process_wakes_the_workers_of_this_one(
    open_store: Callable[..., SqliteStore],
) -> None:
    async with open_store() as one, open_store() as two, SqliteBus(two.database) as bus:
        ear = Ear(bus)
        await submit(one)
        await ear.until_letter(Letter(node=None, topic="queue"))


async def test_letters_do_not_pile_up(open_store: Callable[..., SqliteStore]) -> None:
    async with open_store(letters_kept_max=100) as one, open_store() as two:
        for _ in range(30):
            await one.commit(Commit(appends=tuple(an_event(f"c{n}") for n in range(20))))
        count = await two.database.read(
            lambda connection: connection.execute("SELECT count(*) FROM letters").fetchone()[0]
        )
        assert count <= 100 + 10 + 20


async def test_a_bus_that_missed_letters_hints_at_all_that_it_watches(
    open_store: Callable[..., SqliteStore],
) -> None:
    async with (
        open_store(letters_kept_max=10) as one,
        open_store() as two,
        SqliteBus(two.database) as bus,
    ):
        ear = Ear(bus)
        bus.watch("quiet", is_watched=True)
        await one.commit(Commit(appends=(an_event("quiet"),)))
        for _ in range(20):
            await one.commit(Commit(appends=tuple(an_event(f"c{n}") for n in range(5))))
        await ear.until_hint("quiet")


# A worker that dies.


async def test_the_jobs_of_a_killed_process_are_queued_again_by_the_next_sweep(
    path: Path, open_store: Callable[..., SqliteStore]
) -> None:
    async with open_store() as store:
        job = await submit(store)
        queue = SqliteQueue(store.database)
        async with run(actors.hold_a_job, path, "n2") as process:
            assert await process.hear() == job.id
            assert (await queue.sweep(FIRST_MS)).jobs == ()
            await process.kill()
            (lost,) = (await queue.sweep(FIRST_MS)).jobs
        assert (lost.id, lost.state, lost.attempt, lost.losses) == (job.id, State.QUEUED, 2, 1)
        assert list((path.parent / "a.db.d").glob("n2.*")) == []


async def test_the_jobs_of_a_process_that_left_without_them_are_queued_again(
    path: Path, open_store: Callable[..., SqliteStore]
) -> None:
    async with open_store() as store:
        job = await submit(store)
        async with run(actors.hold_a_job, path, "n2") as process:
            assert await process.hear() == job.id
            process.connection.send("leave")
            assert await process.ended() == 0
        (lost,) = (await SqliteQueue(store.database).sweep(FIRST_MS)).jobs
        assert lost.id == job.id


async def test_a_process_that_starts_again_under_its_name_gives_back_what_it_ran(
    path: Path, open_store: Callable[..., SqliteStore]
) -> None:
    async with open_store() as store:
        job = await submit(store)
        async with run(actors.hold_a_job, path, "n2") as process:
            assert await process.hear() == job.id
            await process.kill()
        queue = SqliteQueue(store.database, node="n2")
        claims = await queue.claim(
            "n2/w", {"process": 1}, ["sample"], now_ms=FIRST_MS, lease_until_ms=FIRST_MS + 1
        )
        (again,) = claims.claimed
        assert (again.job.id, again.job.attempt, again.job.losses) == (job.id, 2, 1)


async def test_a_process_whose_file_has_its_name_gives_back_what_it_ran(
    path: Path, open_store: Callable[..., SqliteStore]
) -> None:
    async with open_store() as store:
        job = await submit(store)
    async with run(actors.hold_a_job, path, "n2") as process:
        assert await process.hear() == job.id
        await process.kill()
    async with open_store(node="n2") as store:
        (lost,) = (await SqliteQueue(store.database).sweep(FIRST_MS)).jobs
        assert (lost.id, lost.attempt) == (job.id, 2)


async def test_two_living_processes_cannot_have_one_name(
    path: Path, open_store: Callable[..., SqliteStore]
) -> None:
    async with open_store(node="n1"):
        with pytest.raises(ConfigError) as refusal:
            await open_store(node="n1").__aenter__()
        assert refusal.value.code == "node_taken"


async def test_a_dead_process_is_company_no_longer_after_a_sweep(
    path: Path, open_store: Callable[..., SqliteStore]
) -> None:
    async with open_store() as store:
        async with run(actors.commit, path, "k", "normal", 1, 100_000) as process:
            await process.hear()
            await say(store, "a", b"{}")
            assert store.database.has_company
            await process.kill()
        await SqliteQueue(store.database).sweep(FIRST_MS)
        assert not store.database.has_company


async def test_a_worker_of_an_unknown_node_is_left_to_its_lease(
    open_store: Callable[..., SqliteStore],
) -> None:
    async with open_store() as store:
        await submit(store)
        queue = SqliteQueue(store.database)
        await queue.claim(
            "elsewhere/w", {"process": 1}, ["sample"], now_ms=FIRST_MS, lease_until_ms=FIRST_MS + 9
        )
        assert (await queue.sweep(FIRST_MS)).jobs == ()
        assert len((await queue.sweep(FIRST_MS + 9)).jobs) == 1


@pytest.mark.parametrize("unique_key", [None, "k"])
async def test_a_submit_of_another_process_in_its_own_transaction_runs_here(
    path: Path, open_store: Callable[..., SqliteStore], unique_key: str | None
) -> None:
    async with open_store() as store, SqliteBus(store.database) as bus:
        ear = Ear(bus)
        async with run(actors.enlist, path, "job-x", unique_key) as process:
            assert await process.ended() == 0
        await ear.until_letter(Letter(node=None, topic="queue"))
        claims = await SqliteQueue(store.database).claim(
            "w", {"process": 1}, ["sample"], now_ms=FIRST_MS, lease_until_ms=FIRST_MS + 1
        )
        assert [claimed.job.id for claimed in claims.claimed] == ["job-x"]
        assert claims.claimed[0].input == b'{"args":[]}'
        assert a_job("job-x").kind == claims.claimed[0].job.kind
