from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack

import pytest
from redis_service import RedisServer

from avance.app.buses import open_presence
from avance.backends.memory import MemoryPresence
from avance.backends.redis import JournalWriter, RedisBus, RedisJournal, RedisPresence
from avance.ports.bus import Bus
from avance.ports.clock import Clock
from avance.ports.journal import ReportWriter
from avance.ports.presence import Presence
from avance.testing.conformance.bus import BusConformance
from avance.testing.conformance.journal import JournalConformance, MakeJournal
from avance.testing.conformance.presence import PresenceConformance


@pytest.fixture(scope="module")
def another_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    another = RedisServer(tmp_path_factory.mktemp("another-redis"))
    another.start()
    yield another.url
    another.stop()


class TestRedisBus(BusConformance):
    @pytest.fixture
    def make_bus(self, redis_url: str) -> Callable[[str], Bus]:
        return lambda node: RedisBus([redis_url], node=node)


class TestRedisBusOverSeveralServers(BusConformance):
    @pytest.fixture
    def make_bus(self, redis_url: str, another_url: str) -> Callable[[str], Bus]:
        return lambda node: RedisBus([redis_url, another_url], node=node)


class TestRedisPresence(PresenceConformance):
    @pytest.fixture
    async def make_presence(self, redis_url: str) -> AsyncIterator[Callable[[Clock], Presence]]:
        async with AsyncExitStack() as stack:

            def make(clock: Clock) -> Presence:
                presence = RedisPresence(redis_url, clock)
                stack.push_async_callback(presence.aclose)
                return presence

            yield make


class TestPresenceOfABus(PresenceConformance):
    @pytest.fixture
    async def make_presence(self, redis_url: str) -> AsyncIterator[Callable[[Clock], Presence]]:
        async with RedisBus([redis_url]) as bus:
            yield lambda clock: open_presence(bus, MemoryPresence(clock), clock)


class TestRedisJournal(JournalConformance):
    @pytest.fixture
    def make_journal(self, redis_url: str) -> MakeJournal:
        return lambda node: RedisJournal(redis_url, node=node, lock_s=6.0)

    @pytest.fixture
    def make_writer(self, redis_url: str) -> Callable[[], ReportWriter]:
        return lambda: JournalWriter(redis_url)
