from pathlib import Path

import pytest

from avance.backends.sqlite import SqliteDatabase, SqliteStore
from avance.testing.conformance.sample import MakeStore
from avance.testing.conformance.store import StoreConformance


class TestStoreInAFile(StoreConformance):
    @pytest.fixture
    def make_store(self, tmp_path: Path) -> MakeStore:
        return lambda clock: SqliteStore(SqliteDatabase(tmp_path / "a.db", clock=clock))


class TestStoreInMemory(StoreConformance):
    keeps_data = False

    @pytest.fixture
    def make_store(self) -> MakeStore:
        return lambda clock: SqliteStore(SqliteDatabase(":memory:", clock=clock))
