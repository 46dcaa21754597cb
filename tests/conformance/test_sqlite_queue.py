from collections.abc import Callable
from pathlib import Path

import pytest

from avance.backends.sqlite import SqliteDatabase, SqliteQueue, SqliteStore
from avance.ports.queue import Queue
from avance.ports.store import Store
from avance.testing.conformance.queue import QueueConformance
from avance.testing.conformance.sample import MakeStore


class OnSqlite(QueueConformance):
    @pytest.fixture
    def make_queue(self) -> Callable[[Store], Queue]:
        def queue_of(store: Store) -> Queue:
            assert isinstance(store, SqliteStore)
            return SqliteQueue(store.database)

        return queue_of


class TestQueueInAFile(OnSqlite):
    @pytest.fixture
    def make_store(self, tmp_path: Path) -> MakeStore:
        return lambda clock: SqliteStore(SqliteDatabase(tmp_path / "a.db", clock=clock))


class TestQueueInMemory(OnSqlite):
    @pytest.fixture
    def make_store(self) -> MakeStore:
        return lambda clock: SqliteStore(SqliteDatabase(":memory:", clock=clock))
