"""
Follow one stream from a position on: the bus wakes, the store tells.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager

from avance.model.stream import Publication, StreamPage
from avance.ports.bus import Bus, Hint, Letter
from avance.ports.store import Store

PAGE_EVENTS_MAX = 500


class Follower:
    """
    Wakes whoever waits for news in a channel.
    """

    def __init__(self, store: Store, bus: Bus) -> None:
        self._store = store
        self._bus = bus
        self._waiting: dict[str, set[asyncio.Event]] = {}
        bus.attach(self._receive)

    def _receive(self, message: Hint | Letter) -> None:
        if isinstance(message, Hint):
            for event in self._waiting.get(message.channel, ()):
                event.set()

    @contextmanager
    def _watching(self, channel: str) -> Iterator[asyncio.Event]:
        event = asyncio.Event()
        self._waiting.setdefault(channel, set()).add(event)
        self._bus.watch(channel, is_watched=True)
        try:
            yield event
        finally:
            self._bus.watch(channel, is_watched=False)
            self._waiting[channel].discard(event)
            if not self._waiting[channel]:
                del self._waiting[channel]

    async def page(self, channel: str, *, since: int, limit: int, wait_s: float) -> StreamPage:
        """
        Read what follows; with nothing there, wait for it up to `wait_s`.
        """
        page = await self._store.stream(channel, since=since, limit=limit)
        if page.publications or wait_s <= 0:
            return page
        with self._watching(channel) as news:
            try:
                async with asyncio.timeout(wait_s):
                    while not page.publications:
                        news.clear()
                        page = await self._store.stream(channel, since=since, limit=limit)
                        if not page.publications:
                            await _wait(news)
            except TimeoutError:
                return page
        return page

    async def events(self, channel: str, *, since: int) -> AsyncGenerator[Publication]:
        """
        Every publication after `since`, without end.
        """
        with self._watching(channel) as news:
            while True:
                news.clear()
                page = await self._store.stream(channel, since=since, limit=PAGE_EVENTS_MAX)
                for publication in page.publications:
                    since = publication.offset
                    yield publication
                if not page.publications:
                    await _wait(news)


# The bus is a hint and may lose one, so a wait looks again by itself.
_LOOK_AGAIN_S = 5.0


async def _wait(news: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_LOOK_AGAIN_S):
            await news.wait()
    except TimeoutError:
        return
