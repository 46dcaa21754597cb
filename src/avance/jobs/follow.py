"""
Follow one stream from a position on, or one job: the bus wakes, the store tells, except what this process has written itself.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager

from avance.model.job import Job
from avance.model.stream import Publication, StreamPage, job_channel
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
        self._watches: dict[str, set[JobWatch]] = {}
        bus.attach(self._receive)

    def observe(self, job: Job) -> None:
        """
        Take a job as this process has just written it, so that nobody here reads it again.
        """
        for watch in self._watches.get(job_channel(job.id), ()):
            watch.take(job)

    def _receive(self, message: Hint | Letter) -> None:
        if isinstance(message, Hint):
            for event in self._waiting.get(message.channel, ()):
                event.set()
            for watch in self._watches.get(message.channel, ()):
                watch.hear(message)

    @contextmanager
    def watching(self, job_id: str) -> Iterator["JobWatch"]:
        """
        Hear of a job from now on.
        """
        watch, channel = JobWatch(self._store, job_id), job_channel(job_id)
        self._watches.setdefault(channel, set()).add(watch)
        self._bus.watch(channel, is_watched=True)
        try:
            yield watch
        finally:
            self._bus.watch(channel, is_watched=False)
            self._watches[channel].discard(watch)
            if not self._watches[channel]:
                del self._watches[channel]

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
# What is known here may have been overtaken by another process before anybody watched.
_FIRST_LOOK_S = 0.1


async def _wait(news: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_LOOK_AGAIN_S):
            await news.wait()
    except TimeoutError:
        return


class JobWatch:
    """
    The newest of one job, for one who waits for it.
    """

    def __init__(self, store: Store, job_id: str) -> None:
        self._store = store
        self._job_id = job_id
        self._job: Job | None = None
        self._heard = 0
        self._look_s = _FIRST_LOOK_S
        self._news: asyncio.Future[bool] | None = None

    def take(self, job: Job) -> None:
        if self._job is None or job.seq > self._job.seq:
            self._job = job
            self._wake(has_news=True)

    def hear(self, hint: Hint) -> None:
        # A hint without a publication stands for something that is not known yet.
        known = 0 if self._job is None else self._job.seq
        offset = known + 1 if hint.publication is None else hint.publication.offset
        if offset > self._heard:
            self._heard = offset
            self._wake(has_news=True)

    async def after(self, job: Job) -> Job | None:
        """
        Wait for a newer job than this; None if it is gone from the store.
        """
        while True:
            if self._job is not None and self._job.seq > job.seq:
                return self._job
            if self._heard > job.seq or not await self._has_news():
                self._heard = job.seq
                found = await self._store.job(self._job_id)
                if found is None:
                    return None
                self.take(found)

    async def _has_news(self) -> bool:
        loop = asyncio.get_running_loop()
        news: asyncio.Future[bool] = loop.create_future()
        self._news = news
        timer = loop.call_later(self._look_s, lambda: self._wake(has_news=False))
        try:
            has_news = await news
        finally:
            timer.cancel()
            self._news = None
        if not has_news:
            self._look_s = _LOOK_AGAIN_S
        return has_news

    def _wake(self, *, has_news: bool) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(has_news)
