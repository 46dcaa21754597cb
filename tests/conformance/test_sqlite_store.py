from collections.abc import Callable
from pathlib import Path

import pytest

from avance.backends.sqlite import SqliteDatabase, SqliteStore
from avance.ports.store import Store
from avance.testing.clock import FakeClock
from avance.testing.conformance.store import StoreConformance


class TestStoreInAFile(StoreConformance):
    @pytest.fixture
    def make_store(self, tmp_path: Path) -> Callable[[], Store]:
        return lambda: SqliteStore(SqliteDatabase(tmp_path / "a.db", clock=FakeClock()))


class TestStoreInMemory(StoreConformance):
    keeps_data = False

    @pytest.fixture
    def make_store(self) -> Callable[[], Store]:
        return lambda: SqliteStore(SqliteDatabase(":memory:", clock=FakeClock()))
