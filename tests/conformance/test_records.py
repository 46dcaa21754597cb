"""
Tables of apps: the same SQL on both engines.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from postgres_service import PostgresServer

from avance.backends.postgres import PostgresDatabase, PostgresRecords, PostgresStore
from avance.backends.sqlite import SqliteDatabase, SqliteRecords, SqliteStore
from avance.ports.records import Engine, Records
from avance.ports.store import Store
from avance.testing.clock import FakeClock
from avance.testing.conformance.records import OpenRecords, RecordsConformance


@pytest.fixture(scope="module")
def one_database(postgres_server: PostgresServer) -> str:
    postgres_server.ensure()
    postgres_server.sql("CREATE DATABASE tables_of_apps")
    return f"postgresql://postgres@127.0.0.1:{postgres_server.port}/tables_of_apps"


class TestRecordsInSqlite(RecordsConformance):
    engine = Engine.SQLITE

    @pytest.fixture
    def open_records(self, tmp_path: Path) -> OpenRecords:
        @asynccontextmanager
        async def open_() -> AsyncIterator[tuple[Store, Records]]:
            database = SqliteDatabase(tmp_path / "a.db", clock=FakeClock())
            async with SqliteStore(database) as store:
                yield store, SqliteRecords(database)

        return open_


class TestRecordsInPostgres(RecordsConformance):
    engine = Engine.POSTGRES

    @pytest.fixture
    def postgres_url(self, postgres_server: PostgresServer, one_database: str) -> str:
        postgres_server.ensure()
        postgres_server.sql("DROP SCHEMA IF EXISTS avance CASCADE", "tables_of_apps")
        return one_database

    @pytest.fixture
    def open_records(self, postgres_url: str) -> OpenRecords:
        @asynccontextmanager
        async def open_() -> AsyncIterator[tuple[Store, Records]]:
            database = PostgresDatabase(postgres_url, clock=FakeClock())
            async with PostgresStore(database) as store:
                yield store, PostgresRecords(database)

        return open_
