from collections.abc import Callable

import pytest

from avance.backends.memory import MemoryBus, MemoryPresence
from avance.ports.bus import Bus
from avance.ports.clock import Clock
from avance.ports.presence import Presence
from avance.testing.conformance.bus import BusConformance
from avance.testing.conformance.presence import PresenceConformance


class TestMemoryBus(BusConformance):
    reaches_other_nodes = False

    @pytest.fixture
    def make_bus(self) -> Callable[[str], Bus]:
        return lambda node: MemoryBus(node=node)


class TestMemoryPresence(PresenceConformance):
    @pytest.fixture
    def make_presence(self) -> Callable[[Clock], Presence]:
        return MemoryPresence
