import asyncio
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.integration.store import actors
from tests.integration.store.process import run

from avance.backends.sqlite import (
    Migrations,
    SqliteDatabase,
    SqliteStore,
    Transaction,
    database_path,
)
from avance.errors import ConfigError, Unavailable
from avance.model.job import State
from avance.ports.store import JobFilter
from avance.testing.clock import FakeClock
from avance.testing.conformance.sample import a_job, say, submit


def store_at(path: Path | str) -> SqliteStore:
    return SqliteStore(SqliteDatabase(path, clock=FakeClock()))


async def refusal_at(path: Path | str) -> Unavailable | ConfigError:
    with pytest.raises((Unavailable, ConfigError)) as refusal:
        await store_at(path).__aenter__()
    assert isinstance(refusal.value, Unavailable | ConfigError)
    assert str(path).removeprefix("sqlite:///") in refusal.value.message
    return refusal.value


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///a.db", "a.db"),
        ("sqlite:///sub/a.db", "sub/a.db"),
        ("sqlite:////var/lib/a.db", "/var/lib/a.db"),
        ("sqlite://:memory:", ":memory:"),
        ("sqlite:///:memory:", ":memory:"),
        ("sqlite://", ":memory:"),
        ("a.db", "a.db"),
        ("/var/a.db", "/var/a.db"),
        (":memory:", ":memory:"),
    ],
)
def test_a_url_names_a_path(url: str, path: str) -> None:
    assert database_path(url) == path


def test_a_url_with_a_host_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"sqlite:///avance\.db"):
        database_path("sqlite://host/a.db")


async def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    refusal = await refusal_at(tmp_path / "nowhere" / "a.db")
    assert refusal.code == "no_directory"


async def test_a_directory_is_no_database(tmp_path: Path) -> None:
    assert (await refusal_at(tmp_path)).code == "not_a_file"


async def test_a_file_that_is_no_database_is_refused_and_kept(path: Path) -> None:
    diary = b"Dear diary, " * 1_000
    await asyncio.to_thread(path.write_bytes, diary)
    refusal = await refusal_at(path)
    assert (refusal.code, refusal.params["reason"]) == ("store_unavailable", "SQLITE_NOTADB")
    assert await asyncio.to_thread(path.read_bytes) == diary


async def test_a_damaged_database_is_refused_when_the_damage_is_met(path: Path) -> None:
    async with store_at(path) as store:
        for _ in range(50):
            await submit(store)
    await asyncio.to_thread(damage, path)
    with pytest.raises(Unavailable) as refusal:
        async with store_at(path) as store:
            await store.jobs(JobFilter())
    assert refusal.value.params["reason"] == "SQLITE_CORRUPT"
    assert "restore a copy" in refusal.value.message


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for page in range(1, len(content) // 4096):
        content[page * 4096 : page * 4096 + 200] = b"\xff" * 200
    path.write_bytes(content)


@pytest.fixture
def read_only_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0:
        place.chmod(0o500)
        yield place
        place.chmod(0o700)
        return
    mount = ["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("as root, a read-only place needs the right to mount one")
    yield place
    subprocess.run(["umount", str(place)], check=True)


async def test_a_place_that_cannot_be_written_to_is_named(read_only_disk: Path) -> None:
    refusal = await refusal_at(read_only_disk / "a.db")
    assert refusal.code == "store_unavailable"


async def test_a_newer_schema_is_refused(path: Path) -> None:
    async with store_at(path):
        pass
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO migrations VALUES ('core', 99, 0)")
    connection.close()
    refusal = await refusal_at(path)
    assert refusal.code == "newer_schema"
    assert "99" in refusal.message


async def test_other_ports_bring_their_own_tables(path: Path) -> None:
    first = Migrations(component="notes", scripts=("CREATE TABLE notes (text TEXT);",))
    second = Migrations(
        component="notes",
        scripts=(*first.scripts, "ALTER TABLE notes ADD COLUMN read INTEGER;\n-- The end.\n"),
    )

    def insert(transaction: Transaction) -> None:
        transaction.execute("INSERT INTO notes (text) VALUES ('kept')")

    async with SqliteDatabase(path, clock=FakeClock(), migrations=(first,)) as database:
        await database.write(insert)
    async with SqliteDatabase(path, clock=FakeClock(), migrations=(second,)) as database:
        rows = await database.read(lambda c: c.execute("SELECT text, read FROM notes").fetchall())
        assert rows == [("kept", None)]
        third = Migrations(component="late", scripts=("CREATE TABLE late (x);",))
        await database.migrate(third)
        await database.migrate(third)
        assert await database.read(lambda c: c.execute("SELECT * FROM late").fetchall()) == []


async def test_a_file_from_before_retries_took_the_place_of_what_they_retry_is_brought_up(
    path: Path,
) -> None:
    async with store_at(path) as store:
        failed = await submit(store, a_job(parent_id="p", state=State.FAILED))
        await submit(store, a_job(parent_id="p", meta={"retry_of": "words"}))
        again = await submit(store, a_job(parent_id="p", retry_of=failed.id, title="\0 ñ"))
    with sqlite3.connect(path) as connection:
        connection.executescript(
            "DROP INDEX jobs_retries; ALTER TABLE jobs DROP COLUMN retry_of;"
            " DELETE FROM migrations WHERE component = 'core' AND version >= 3"
        )
    connection.close()
    async with store_at(path) as store:
        counted = await store.children("p")
        assert (counted.total, counted.failed) == (2, 0)
        assert await store.job(again.id) == again


async def test_a_script_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    async with store_at(path) as store:
        job = await submit(store)
    broken = Migrations(component="x", scripts=("CREATE TABLE y (a);\nCREATE NONSENSE;",))
    with pytest.raises(Unavailable):
        await SqliteDatabase(path, clock=FakeClock(), migrations=(broken,)).__aenter__()
    async with store_at(path) as store:
        assert await store.job(job.id) == job
        tables = await store.database.read(
            lambda c: c.execute("SELECT name FROM sqlite_master WHERE name = 'y'").fetchall()
        )
        assert tables == []


async def test_a_closed_store_says_that_it_is_closed(path: Path) -> None:
    store = store_at(path)
    async with store:
        await submit(store)
    for question in (store.job("x"), say(store, "a", b"{}")):
        with pytest.raises(Unavailable) as refusal:
            await question
        assert refusal.value.code == "store_closed"


async def test_a_database_is_open_until_the_last_port_leaves_it(path: Path) -> None:
    database = SqliteDatabase(path, clock=FakeClock())
    async with SqliteStore(database) as store:
        async with SqliteStore(database):
            job = await submit(store)
        assert await store.job(job.id) == job
    async with SqliteStore(database) as store:
        assert await store.job(job.id) == job


async def test_a_writer_elsewhere_that_takes_too_long_is_named_and_then_waited_out(
    path: Path, open_store: Callable[..., SqliteStore]
) -> None:
    async with open_store(busy_timeout_ms=50) as store:
        async with run(actors.write_for_long, path) as process:
            assert await process.hear() == "locked"
            with pytest.raises(Unavailable) as refusal:
                await submit(store)
            assert refusal.value.params["reason"] == "SQLITE_BUSY"
            assert (await store.stream("a")).top.offset == 0
            process.connection.send("let go")
            assert await process.hear() == "free"
        await submit(store)


async def test_a_file_is_alone_in_its_directory_after_a_clean_end(path: Path) -> None:
    async with store_at(path) as store:
        await submit(store)
    left = {entry.name for entry in path.parent.iterdir()}
    assert left == {"a.db", "a.db.d"}
    assert list((path.parent / "a.db.d").iterdir()) == []


async def test_more_than_the_limit_of_waiting_operations_is_refused(
    open_store: Callable[..., SqliteStore],
) -> None:
    async with open_store(pending_ops_max=10) as store:
        waiting = [say(store, "a", b"{}") for _ in range(30)]
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        refused = [o for o in outcomes if isinstance(o, Unavailable)]
        assert {refusal.code for refusal in refused} == {"store_busy"}
        assert (await store.stream("a")).top.offset == 30 - len(refused)
        await say(store, "a", b"{}")


async def test_after_a_power_cut_every_epoch_is_new(path: Path) -> None:
    async with store_at(path) as store:
        before = (await say(store, "a", b"{}"))[0].epoch
    async with store_at(path) as store:
        assert (await store.stream("a")).top.epoch == before
    # A file that was open when another boot of the machine ended.
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO meta VALUES ('boot', 'an earlier one')")
    connection.close()
    async with store_at(path) as store:
        top = (await store.stream("a")).top
        assert top.offset == 1
        assert top.epoch != before
    async with store_at(path) as store:
        assert (await store.stream("a")).top == top


async def test_after_a_killed_process_epochs_are_as_they_were(path: Path) -> None:
    async with run(actors.commit, path, "k", "normal", 1, 100_000) as process:
        await process.hear()
        async with store_at(path) as store:
            before = (await store.stream("shared")).top.epoch
        await process.kill()
    async with store_at(path) as store:
        assert (await store.stream("shared")).top.epoch == before
