"""
What an app runs beside the engine: opened after its tables, closed before them.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from avance import App, Avance
from avance.app.engine import Engine
from avance.config import Settings
from avance.errors import ConfigError
from avance.storage import Changes, Schema
from avance.storage import Engine as Sql

LOG = Schema(name="log", scripts={Sql.SQLITE: ("CREATE TABLE log (line TEXT);",)})


def note(line: str, changes: Changes) -> int:
    return changes.run("INSERT INTO log VALUES (?)", line)


@asynccontextmanager
async def keep_a_log(host: Avance) -> AsyncIterator[None]:
    await host.records.write(lambda changes: note("opened", changes))
    yield
    await host.records.write(lambda changes: note("closed", changes))


Built = tuple[Avance, Engine]


@pytest.fixture
def build(tmp_path: Path) -> Callable[[Schema], Built]:
    def built(schema: Schema) -> Built:
        host = Avance(settings=Settings(data=str(tmp_path)))
        host.include(App("log", schemas=[schema], runs=[f"{__name__}:keep_a_log"]))
        return host, host.build(executes=False)

    return built


@pytest.fixture
def twice(build: Callable[[Schema], Built]) -> list[Built]:
    return [build(LOG), build(LOG)]


@pytest.fixture
def newer_then_older(build: Callable[[Schema], Built]) -> list[Built]:
    newer = Schema(name="log", scripts={Sql.SQLITE: (*LOG.scripts[Sql.SQLITE], "SELECT 1;")})
    return [build(newer), build(LOG)]


async def test_an_app_keeps_its_tables_over_a_restart(twice: list[Built]) -> None:
    for number, (host, engine) in enumerate(twice):
        async with host.running(engine):
            lines = await host.records.read(lambda rows: rows.all("SELECT line FROM log"))
        assert [line for (line,) in lines] == ["opened", "closed"] * number + ["opened"]


async def test_a_database_of_a_newer_version_is_refused(newer_then_older: list[Built]) -> None:
    (new, newer), (old, older) = newer_then_older
    async with new.running(newer):
        pass
    with pytest.raises(ConfigError, match="upgrade avance"):
        async with old.running(older):
            pass
