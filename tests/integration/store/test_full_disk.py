import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from avance.backends.sqlite import SqliteDatabase, SqliteLimits, SqliteStore
from avance.errors import Unavailable
from avance.model.stream import job_channel
from avance.ports.store import Commit, Durability, Part, Retention, Store
from avance.testing.clock import FIRST_MS, FakeClock
from avance.testing.conformance.sample import a_job, an_event, say, submit

MEGABYTE = 1_048_576
BULK = b'{"type":"log","message":"' + b"x" * 20_000 + b'"}'


async def fill(store: Store, durability: Durability = Durability.FULL) -> tuple[Unavailable, int]:
    """
    Commit until there is no room, and answer the refusal and how many commits were taken.
    """
    for taken in range(10_000):
        try:
            await store.commit(Commit(appends=(an_event("bulk", BULK),), durability=durability))
        except Unavailable as refusal:
            return refusal, taken
    raise AssertionError("the disk is never full")


async def assert_refused_whole(store: Store, taken: int) -> None:
    refused = a_job()
    outcomes = await asyncio.gather(
        submit(store, refused, input=b'"' + b"x" * 200_000 + b'"'),
        say(store, "beside", b"{}"),
        return_exceptions=True,
    )
    # Operations that shared the transaction are all refused; one that fitted in a transaction of its own may have been taken.
    assert isinstance(outcomes[0], Unavailable)
    assert outcomes[0].code == "disk_full"
    assert await store.job(refused.id) is None
    assert await store.part(refused.id, Part.INPUT) is None
    assert (await store.stream(job_channel(refused.id))).top.offset == 0
    page = await store.stream("bulk", limit=10_000)
    assert [p.offset for p in page.publications] == list(range(1, taken + 1))
    assert page.top.offset == taken


async def test_a_file_at_its_limit_refuses_and_goes_on_when_there_is_room(
    open_store: Callable[..., SqliteStore],
) -> None:
    async with open_store(file_bytes_max=2 * MEGABYTE) as store:
        refusal, taken = await fill(store)
        assert (refusal.code, refusal.status) == ("disk_full", 503)
        assert "a.db" in refusal.message
        await assert_refused_whole(store, taken)
        while await store.trim(FIRST_MS, Retention(events_per_channel_max=0)):
            pass
        (told,) = await say(store, "bulk", BULK)
        assert told.offset == taken + 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mounted = os.geteuid() == 0 and shutil.which("mount") is not None
    if mounted:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)],
            capture_output=True,
            check=False,
        )
        mounted = done.returncode == 0
    if not mounted:
        pytest.skip("a disk that really is full needs the right to mount one")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("durability", list(Durability))
async def test_a_full_disk_refuses_and_the_store_goes_on_by_itself_when_there_is_room(
    small_disk: Path, durability: Durability
) -> None:
    database = SqliteDatabase(small_disk / "a.db", clock=FakeClock())
    async with SqliteStore(database) as store:
        ballast = small_disk / "ballast"
        await asyncio.to_thread(ballast.write_bytes, b"x" * 6 * MEGABYTE)
        refusal, taken = await fill(store, durability)
        assert refusal.code == "disk_full"
        await assert_refused_whole(store, taken)
        await asyncio.to_thread(ballast.unlink)
        (told,) = await say(store, "bulk", BULK)
        assert told.offset == taken + 1
    async with SqliteStore(SqliteDatabase(small_disk / "a.db", clock=FakeClock())) as store:
        assert (await store.stream("bulk")).top.offset == taken + 1


async def test_a_full_disk_when_opening_is_said_so(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    await asyncio.to_thread(ballast.write_bytes, b"x" * (8 * MEGABYTE - 20_000))
    with pytest.raises(Unavailable) as refusal:
        await SqliteStore(SqliteDatabase(small_disk / "a.db", clock=FakeClock())).__aenter__()
    assert refusal.value.code == "disk_full"
    await asyncio.to_thread(ballast.unlink)
    async with SqliteStore(SqliteDatabase(small_disk / "a.db", clock=FakeClock())) as store:
        await say(store, "a", b"{}")


async def test_a_database_may_be_limited_from_the_url(path: Path) -> None:
    limits = SqliteLimits(file_bytes_max=2 * MEGABYTE)
    database = SqliteDatabase(f"sqlite:///{path}", clock=FakeClock(), limits=limits)
    async with SqliteStore(database) as store:
        assert (await fill(store))[0].code == "disk_full"
