from collections.abc import Callable
from pathlib import Path

import pytest

from avance.backends.sqlite import SqliteDatabase, SqliteLimits, SqliteStore
from avance.testing.clock import FakeClock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.db"


@pytest.fixture
def open_store(path: Path) -> Callable[..., SqliteStore]:
    def opened(node: str | None = None, **limits: int) -> SqliteStore:
        return SqliteStore(
            SqliteDatabase(path, clock=FakeClock(), node=node, limits=SqliteLimits(**limits))
        )

    return opened
