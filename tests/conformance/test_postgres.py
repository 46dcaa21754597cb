"""
Every port that PostgreSQL serves, on a real server.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import psycopg
import pytest
from postgres_service import PostgresServer

from avance.backends.postgres import (
    PostgresBus,
    PostgresDatabase,
    PostgresPresence,
    PostgresQueue,
    PostgresRevocations,
    PostgresStore,
)
from avance.backends.system import SystemClock
from avance.model.job import State
from avance.model.stream import Publication
from avance.ports.auth import Revocations
from avance.ports.bus import Bus
from avance.ports.clock import Clock
from avance.ports.presence import Presence
from avance.ports.queue import Queue
from avance.ports.store import Commit, Store
from avance.testing.clock import FakeClock
from avance.testing.conformance.bus import BusConformance
from avance.testing.conformance.presence import PresenceConformance
from avance.testing.conformance.queue import QueueConformance
from avance.testing.conformance.revocations import RevocationsConformance
from avance.testing.conformance.sample import MakeStore, a_job, an_event, submit
from avance.testing.conformance.store import StoreConformance

# What has to be on the disk is shown elsewhere; here the disk would only be waited for.
RELAXED = "?options=-c%20synchronous_commit%3Doff"


@pytest.fixture(scope="module")
def shared_url(postgres_server: PostgresServer) -> str:
    name = "conformance"
    postgres_server.ensure()
    postgres_server.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    postgres_server.sql(f"CREATE DATABASE {name}")
    return f"postgresql://postgres@127.0.0.1:{postgres_server.port}/{name}{RELAXED}"


@pytest.fixture
def empty_url(shared_url: str) -> str:
    """
    One database for all tests of the file, emptied for each: making one takes longer than most tests.
    """
    with psycopg.connect(shared_url, autocommit=True) as connection:
        tables = connection.execute(
            "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'avance' AND tablename <> 'migrations'"
        ).fetchall()
        connection.execute("; ".join(f"DELETE FROM avance.{table}" for (table,) in tables) or "")
    return shared_url


class TestPostgresStore(StoreConformance):
    @pytest.fixture
    def make_store(self, empty_url: str) -> MakeStore:
        return lambda clock: PostgresStore(PostgresDatabase(empty_url, clock=clock))

    async def test_a_database_from_before_retries_took_the_place_of_what_they_retry_is_brought_up(
        self, make_store: MakeStore, empty_url: str
    ) -> None:
        async with make_store(FakeClock()) as store:
            failed = await submit(store, a_job(parent_id="p", state=State.FAILED))
            await submit(store, a_job(parent_id="p", meta={"retry_of": "\0"}))
            again = await submit(store, a_job(parent_id="p", retry_of=failed.id, title="ñ"))
        before_retries(empty_url)
        async with make_store(FakeClock()) as store:
            counted = await store.children("p")
            assert (counted.total, counted.failed) == (2, 0)
            assert await store.job(again.id) == again


def before_retries(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "DROP INDEX avance.jobs_retries; ALTER TABLE avance.jobs DROP COLUMN retry_of;"
            " DELETE FROM avance.migrations WHERE component = 'core' AND version >= 3"
        )


class TestPostgresQueue(QueueConformance):
    @pytest.fixture
    def make_store(self, empty_url: str) -> MakeStore:
        return lambda clock: PostgresStore(PostgresDatabase(empty_url, clock=clock))

    @pytest.fixture
    def make_queue(self) -> Callable[[Store], Queue]:
        def queue_of(store: Store) -> Queue:
            assert isinstance(store, PostgresStore)
            return PostgresQueue(store.database)

        return queue_of


class TestPostgresBus(BusConformance):
    @pytest.fixture
    def make_bus(self, empty_url: str) -> Callable[[str], Bus]:
        def bus(node: str) -> Bus:
            database = PostgresDatabase(empty_url, clock=FakeClock())
            return PostgresBus(database, node=node)

        return bus

    async def happen(self, bus: Bus, publication: Publication) -> None:
        assert isinstance(bus, PostgresBus)
        store = PostgresStore(bus.database)
        bus.publish(await store.commit(Commit(appends=(an_event(publication.channel),))))


class TestPostgresPresence(PresenceConformance):
    @pytest.fixture
    async def make_presence(self, empty_url: str) -> AsyncIterator[Callable[[Clock], Presence]]:
        async with PostgresDatabase(empty_url, clock=FakeClock()) as database:
            yield lambda clock: PostgresPresence(database, clock)


class TestRevocationsInPostgres(RevocationsConformance):
    @pytest.fixture(autouse=True)
    def _url(self, empty_url: str) -> None:
        self.url = empty_url

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Revocations]:
        async with PostgresDatabase(self.url, clock=SystemClock()) as database:
            yield PostgresRevocations(database)
