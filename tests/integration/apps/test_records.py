"""
An app's own tables and files, through the public names alone.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from avance import App, Avance
from avance.app.engine import Engine
from avance.config import Settings
from avance.errors import InvalidRequest, TooLarge
from avance.storage import Append, Changes, Rows, Schema
from avance.storage import Engine as Sql

SHELF = Schema(
    name="shelf",
    scripts={Sql.SQLITE: ("CREATE TABLE shelf (name TEXT PRIMARY KEY, count INTEGER);",)},
)


@asynccontextmanager
async def running(host: Avance, engine: Engine) -> AsyncIterator[Avance]:
    async with host.running(engine):
        yield host


@pytest.fixture
def opened(tmp_path: Path) -> AbstractAsyncContextManager[Avance]:
    host = Avance(settings=Settings(data=str(tmp_path)))
    host.include(App("shelf", schemas=[SHELF]))
    return running(host, host.build(executes=False))


async def test_rows_and_events_become_true_together(
    opened: AbstractAsyncContextManager[Avance],
) -> None:
    def put(changes: Changes) -> int:
        changes.run("INSERT INTO shelf VALUES (?, ?)", "pears", 3)
        changes.append(Append(channel="topic:shelf", body=b'{"pears":3}', is_stamped=False))
        row = changes.one("SELECT count FROM shelf WHERE name = ?", "pears")
        assert row is not None
        return int(row[0])

    def fail(changes: Changes) -> None:
        changes.append(Append(channel="topic:shelf", body=b"{}", is_stamped=False))
        changes.run("INSERT INTO shelf VALUES (?, ?)", "figs", 1)
        raise InvalidRequest("no figs")

    def names(rows: Rows) -> list[str]:
        return [name for (name,) in rows.all("SELECT name FROM shelf")]

    async with opened as host:
        assert await host.records.write(put) == 3
        with pytest.raises(InvalidRequest, match="no figs"):
            await host.records.write(fail)
        assert await host.records.read(names) == ["pears"]
        told = await host.engine.kernel.storage.store.stream("topic:shelf", limit=10)
        assert [one.data for one in told.publications] == [b'{"pears":3}']


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_a_file_is_there_as_a_whole_or_not_at_all(
    opened: AbstractAsyncContextManager[Avance], tmp_path: Path
) -> None:
    async with opened as host:
        kept = await host.blobs.put("shelf/a.txt", chunks(b"one ", b"two"), bytes_max=7)
        assert kept.size == 7
        with pytest.raises(TooLarge):
            await host.blobs.put("shelf/b.txt", chunks(b"one ", b"two!"), bytes_max=7)
        assert await host.blobs.info("shelf/b.txt") is None
        read = [chunk async for chunk in host.blobs.read("shelf/a.txt", start=2, length=4)]
        assert b"".join(read) == b"e tw"
        async with host.blobs.local("shelf/a.txt") as path:
            assert path.read_bytes() == b"one two"
        with pytest.raises(InvalidRequest, match="no key"):
            await host.blobs.info("../avance.db")
        await host.blobs.remove("shelf/")
        assert await host.blobs.info("shelf/a.txt") is None
    assert not list((tmp_path / "blobs" / ".partial").iterdir())
