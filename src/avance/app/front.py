"""
Centrifugo in front: it serves the clients, and every event that this node stores is published to it, under the same channel.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Self

import msgspec

from avance.errors import ConfigError, Unavailable
from avance.model.secret import Secret
from avance.model.stream import Publication
from avance.ports.bus import Bus, Letter, Receive
from avance.ports.clock import Clock
from avance.ports.store import Store

if TYPE_CHECKING:
    from avance.edge.http.services import Health, Probe

log = logging.getLogger("avance.centrifugo")

SERVED = frozenset({"job", "jobs", "inbox"})
"""The namespaces of avance; an app that has channels of its own publishes to Centrifugo itself."""


class CentrifugoSettings(msgspec.Struct, frozen=True, kw_only=True):
    """
    A Centrifugo that serves the clients in place of this server.
    """

    url: str | None = None
    """Its HTTP API, such as `http://127.0.0.1:8000/api`: events of `job:`, `jobs:` and `inbox:` are published to it."""
    key: Secret | None = None
    """Its `http_api.key`."""
    waiting_max: Annotated[int, msgspec.Meta(ge=1)] = 10_000
    """Events that wait for it in memory; those above it are read from the store when it is back."""


class FrontLimits(msgspec.Struct, frozen=True, kw_only=True):
    missed_channels_max: int = 10_000
    batch_max: int = 100
    flush_s: float = 3.0
    """At the end, for what still waits."""
    retry_s: tuple[float, ...] = (0.1, 0.2, 0.5, 1.0, 2.0)


FRONT_LIMITS = FrontLimits()


@dataclass
class _Missed:
    first: int
    last: int


class BusBeside(Bus):
    """
    A bus, and somebody who hears what this node publishes on it.
    """

    def __init__(self, bus: Bus, front: "Front") -> None:
        self.bus = bus
        self._front = front

    async def __aenter__(self) -> Self:
        await self.bus.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.bus.__aexit__(*error)

    def attach(self, receive: Receive) -> None:
        self.bus.attach(receive)

    def publish(self, publications: Sequence[Publication]) -> None:
        self.bus.publish(publications)
        self._front.take(publications)

    def send(self, letter: Letter) -> None:
        self.bus.send(letter)

    def watch(self, channel: str, *, is_watched: bool) -> None:
        self.bus.watch(channel, is_watched=is_watched)


class Front:
    """
    An async context manager around all that publishes. What is published while Centrifugo is away goes to it when it is back.
    """

    def __init__(
        self,
        settings: CentrifugoSettings,
        store: Store,
        clock: Clock,
        *,
        limits: FrontLimits = FRONT_LIMITS,
    ) -> None:
        if settings.url is None or settings.key is None:
            raise ConfigError(
                "Centrifugo in front needs its address and its key: AVANCE_CENTRIFUGO_URL and AVANCE_CENTRIFUGO_KEY",
                setting="centrifugo",
            )
        # Only where it is wanted: the HTTP client is an extra.
        try:
            from avance.backends.centrifugo import CentrifugoApi  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise ConfigError(
                f"Centrifugo in front needs {error.name}, which is not installed; pip install 'avance[client]'",
                setting="centrifugo",
            ) from error
        self._api = CentrifugoApi(settings.url, settings.key.reveal())
        self._store = store
        self._clock = clock
        self._limits = limits
        self._waiting_max = settings.waiting_max
        self._waiting: deque[Publication] = deque()
        self._missed: dict[str, _Missed] = {}
        """By channel: what is not in memory."""
        self._has_work = asyncio.Event()
        self._problem: str | None = None
        self._tasks = asyncio.TaskGroup()
        self._loop: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._loop = self._tasks.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._loop is not None:
            self._loop.cancel()
        await self._tasks.__aexit__(None, None, None)
        async with self._api:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limits.flush_s):
                    while self._waiting:
                        await self._send_waiting()
        if self._waiting or self._missed:
            log.warning("%d events did not reach Centrifugo before the end", len(self._waiting))

    def take(self, publications: Sequence[Publication]) -> None:
        """
        Publish these soon, in their order; never blocks, never fails.
        """
        for publication in publications:
            # Joins and what is kept nowhere have no offset, and are Centrifugo's own affair.
            if publication.offset and publication.channel.partition(":")[0] in SERVED:
                self._take(publication)
        self._has_work.set()

    def probe(self) -> "Probe":
        """
        Whether it takes what is published.
        """
        from avance.edge.http.services import Health  # noqa: PLC0415

        async def probe() -> "Health":
            return Health(is_ok=self._problem is None, detail=self._problem, is_required=False)

        return probe

    def _take(self, publication: Publication) -> None:
        channel = publication.channel
        if channel in self._missed:
            self._missed[channel].last = publication.offset
            return
        if len(self._waiting) < self._waiting_max:
            self._waiting.append(publication)
        elif len(self._missed) < self._limits.missed_channels_max:
            self._missed[channel] = _Missed(publication.offset, publication.offset)
        else:
            log.error("an event of %s will not reach Centrifugo: too many wait for it", channel)

    async def _run(self) -> None:
        while True:
            await self._has_work.wait()
            self._has_work.clear()
            while self._waiting:
                await self._send_waiting()
            while self._missed and not self._waiting:
                await self._make_up(next(iter(self._missed)))

    async def _send_waiting(self) -> None:
        count = min(len(self._waiting), self._limits.batch_max)
        await self._send([self._waiting[place] for place in range(count)])
        for _ in range(count):
            self._waiting.popleft()

    async def _make_up(self, channel: str) -> None:
        """
        Publish from the store what had no room here.
        """
        missed = self._missed[channel]
        try:
            page = await self._store.stream(
                channel, since=missed.first - 1, limit=self._limits.batch_max
            )
        except Unavailable as error:
            await self._is_away(error, 0)
            return
        await self._send(page.publications)
        newest = page.publications[-1].offset if page.publications else missed.last
        if newest >= missed.last:
            # From here on it goes through memory again.
            del self._missed[channel]
        else:
            missed.first = newest + 1

    async def _send(self, publications: Sequence[Publication]) -> None:
        tries = 0
        while publications:
            try:
                await self._api.publish(publications)
            except Unavailable as error:
                await self._is_away(error, tries)
                tries += 1
            else:
                self._is_back()
                return

    async def _is_away(self, error: Unavailable, tries: int) -> None:
        if self._problem is None:
            # Once for each time that it goes away, not for each try.
            log.warning("%s; events wait for it", error.message)
        self._problem = error.message
        waits = self._limits.retry_s
        await self._clock.sleep(waits[min(tries, len(waits) - 1)])

    def _is_back(self) -> None:
        if self._problem is not None:
            self._problem = None
            log.warning("Centrifugo takes events again")


def open_front(settings: CentrifugoSettings, store: Store, clock: Clock) -> Front | None:
    """
    What publishes to Centrifugo, if the settings name one.
    """
    return None if settings.url is None else Front(settings, store, clock)
