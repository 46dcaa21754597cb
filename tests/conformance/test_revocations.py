from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from avance.backends.sqlite import SqliteDatabase, SqliteRevocations
from avance.backends.system import SystemClock
from avance.backends.tokens import MemoryRevocations
from avance.ports.auth import Revocations
from avance.testing.conformance.revocations import NOW_MS, RevocationsConformance, a_revocation


class TestRevocationsInMemory(RevocationsConformance):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[Revocations]:
        yield MemoryRevocations()


class TestRevocationsInSqlite(RevocationsConformance):
    @pytest.fixture(autouse=True)
    def _path(self, tmp_path: Path) -> None:
        self.path = tmp_path / "avance.db"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Revocations]:
        async with SqliteDatabase(self.path, clock=SystemClock()) as database:
            yield SqliteRevocations(database)

    async def test_they_outlive_the_process(self) -> None:
        async with self.open() as revocations:
            await revocations.add(a_revocation("a"))
        async with self.open() as revocations:
            assert [one.value for one in await revocations.active(NOW_MS, limit=10)] == ["a"]
