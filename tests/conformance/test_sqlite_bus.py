from collections.abc import Callable
from pathlib import Path

import pytest

from avance.backends.sqlite import SqliteBus, SqliteDatabase, SqliteStore
from avance.model.stream import Publication
from avance.ports.bus import Bus
from avance.ports.store import Commit
from avance.testing.clock import FakeClock
from avance.testing.conformance.bus import BusConformance
from avance.testing.conformance.sample import an_event


class TestBusThroughAFile(BusConformance):
    @pytest.fixture
    def make_bus(self, tmp_path: Path) -> Callable[[str], Bus]:
        def bus(node: str) -> Bus:
            return SqliteBus(SqliteDatabase(tmp_path / "a.db", clock=FakeClock()), node=node)

        return bus

    async def happen(self, bus: Bus, publication: Publication) -> None:
        assert isinstance(bus, SqliteBus)
        store = SqliteStore(bus.database)
        bus.publish(await store.commit(Commit(appends=(an_event(publication.channel),))))


class TestBusInMemory(BusConformance):
    reaches_other_nodes = False

    @pytest.fixture
    def make_bus(self) -> Callable[[str], Bus]:
        return lambda node: SqliteBus(SqliteDatabase(":memory:", clock=FakeClock()), node=node)
