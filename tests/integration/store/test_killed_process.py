import random
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.store import actors
from tests.integration.store.process import run

from avance.backends.sqlite import SqliteStore
from avance.model.stream import job_channel
from avance.ports.store import Store

JOBS = 8


@pytest.mark.timeout(120)
@pytest.mark.parametrize("durability", ["full", "normal"])
async def test_what_was_answered_is_there_after_a_kill_and_no_commit_is_half_there(
    path: Path, open_store: Callable[..., SqliteStore], durability: str
) -> None:
    chance = random.Random(7)
    answered: dict[str, int] = {}
    for _ in range(12):
        async with run(actors.commit, path, "k", durability, JOBS, 100_000) as process:
            heard = [await process.hear() for _ in range(chance.randrange(1, 200))]
            await process.kill()
            heard += await process.hear_all()
        answered |= dict(heard)  # type: ignore[arg-type]
        async with open_store() as store:
            await assert_whole(store, answered)


async def assert_whole(store: Store, answered: dict[str, int]) -> None:
    commits = 0
    for n in range(JOBS):
        job = await store.job(f"k-{n}")
        page = await store.stream(job_channel(f"k-{n}"), limit=10_000)
        seq = 0 if job is None else job.seq
        assert seq >= answered.get(f"k-{n}", 0)
        assert seq % 2 == 0
        assert page.top.offset == seq
        assert [p.offset for p in page.publications] == list(range(1, seq + 1))
        commits += seq // 2
    shared = await store.stream("shared", limit=10_000)
    assert [p.offset for p in shared.publications] == list(range(1, commits + 1))
