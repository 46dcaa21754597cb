"""
How nodes tell each other what is new: the store's own way, or Redis where the settings name one.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import msgspec

from avance.app.front import BusBeside
from avance.errors import ConfigError, Unavailable
from avance.model.job import Job
from avance.model.stream import Publication
from avance.ports.bus import Bus
from avance.ports.clock import Clock
from avance.ports.presence import Member, Presence

if TYPE_CHECKING:
    from avance.edge.http.services import Health, Probe

log = logging.getLogger("avance.redis")

UNTOLD_JOBS_MAX = 1_000
"""Jobs with events that nobody asked about; only a defect makes that many."""
RETRY_S = 1.0
"""After a failure presence of other nodes is not asked for so long, so that nobody waits for a server that does not answer."""

SCHEMES = ("redis://", "rediss://", "unix://")


@runtime_checkable
class Mirrors(Protocol):
    """
    A bus on which others may listen without being a node.
    """

    def mirror(self, channel: str, body: bytes) -> None: ...

    def tap(self, tap: Callable[[Sequence[Publication]], None]) -> None: ...


@runtime_checkable
class Attends(Protocol):
    """
    A bus on which nodes can also say who is with them.
    """

    def presence(self, clock: Clock) -> Presence: ...


@runtime_checkable
class Ails(Protocol):
    """
    A bus that stands on something which may be away.
    """

    @property
    def problems(self) -> Sequence[str]: ...


class Mirrored(msgspec.Struct, frozen=True, kw_only=True):
    """
    Which jobs are shown outside, where, and in which words.
    """

    kinds: frozenset[str]
    channel: str
    """With `{job_id}` in it."""
    frames: Callable[[Job, Mapping[str, Any]], Iterable[bytes]]
    """What is said of an event, given the job as it was stored with it."""


class Mirror:
    """
    Says on plain channels of Redis what happens to jobs, for whoever listens there without being a node. Each event is said once,
    by the node that stored it; without a Redis nothing is said and nothing fails.
    """

    def __init__(self, bus: Bus, mirrored: Sequence[Mirrored]) -> None:
        """
        Args:
            mirrored: May grow later.
        """
        bus = bus.bus if isinstance(bus, BusBeside) else bus
        self._bus = bus if isinstance(bus, Mirrors) else None
        self._mirrored = mirrored
        self._untold: dict[str, list[bytes]] = {}
        if self._bus is not None:
            self._bus.tap(self._collect)

    def send(self, channel: str, body: bytes) -> None:
        """
        Publish these bytes; never blocks, never fails.
        """
        if self._bus is not None:
            self._bus.mirror(channel, body)

    def observe(self, job: Job) -> None:
        """
        Called with each job that was stored, after its events were published.
        """
        events = self._untold.pop(job.id, ())
        for one in self._mirrored:
            if job.kind not in one.kinds:
                continue
            for event in events:
                try:
                    for frame in one.frames(job, msgspec.json.decode(event)):
                        self.send(one.channel.format(job_id=job.id), frame)
                except Exception:
                    # A failing translation must not break the job that it only tells of.
                    log.exception("an event of job %s is not mirrored", job.id)

    def _collect(self, publications: Sequence[Publication]) -> None:
        if not self._mirrored:
            return
        if len(self._untold) > UNTOLD_JOBS_MAX:
            self._untold.clear()
        for publication in publications:
            namespace, _, job_id = publication.channel.partition(":")
            if namespace == "job":
                self._untold.setdefault(job_id, []).append(publication.data)


def open_bus(url: str | None, default: Bus, *, node: str) -> Bus:
    """
    The bus at this address, or without one the default.

    Args:
        url: One Redis, or several separated by commas, over which channels are spread.

    Raises:
        ConfigError: Nothing serves the address.
    """
    if url is None:
        return default
    # Only where it is wanted: the client of Redis is an extra.
    try:
        from avance.backends.redis import RedisBus  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise missing_redis(error) from error
    return RedisBus(bus_urls(url), node=node)


def open_presence(bus: Bus, default: Presence, clock: Clock) -> Presence:
    """
    Who watches, over all nodes where the bus can tell; else as the store has it.
    """
    return (
        SharedPresence(bus.presence(clock), default, clock) if isinstance(bus, Attends) else default
    )


def probe_bus(bus: Bus) -> "Probe":
    """
    Without its bus a node works on, and others hear later; so it is told and not required.
    """

    # Only a server is asked, and only it has the web framework.
    from avance.edge.http.services import Health  # noqa: PLC0415

    bus = bus.bus if isinstance(bus, BusBeside) else bus

    async def probe() -> "Health":
        problems = bus.problems if isinstance(bus, Ails) else ()
        detail = "; ".join(problems) or ("Redis" if isinstance(bus, Mirrors) else "in the store")
        return Health(is_ok=not problems, detail=detail, is_required=False)

    return probe


class SharedPresence(Presence):
    """
    Over all nodes while they can be reached, and of this node alone while they cannot: a subscription never fails because of it.
    """

    def __init__(self, shared: Presence, own: Presence, clock: Clock) -> None:
        self._shared = shared
        self._own = own
        self._clock = clock
        self._silent_until_s = 0.0
        self._is_away = False

    async def join(self, channel: str, member: Member, *, ttl_s: float) -> None:
        await self._own.join(channel, member, ttl_s=ttl_s)
        if self._may_ask():
            try:
                await self._shared.join(channel, member, ttl_s=ttl_s)
                self._is_away = False
            except Unavailable as error:
                self._give_up(error)

    async def leave(self, channel: str, client: str) -> None:
        await self._own.leave(channel, client)
        if self._may_ask():
            try:
                await self._shared.leave(channel, client)
                self._is_away = False
            except Unavailable as error:
                self._give_up(error)

    async def members(self, channel: str) -> Mapping[str, Member]:
        own = await self._own.members(channel)
        if not self._may_ask():
            return own
        try:
            shared = await self._shared.members(channel)
        except Unavailable as error:
            self._give_up(error)
            return own
        self._is_away = False
        # A server that came back empty hears of ours again only with their next refresh.
        return {**shared, **own}

    def _may_ask(self) -> bool:
        return self._clock.monotonic_s() >= self._silent_until_s

    def _give_up(self, error: Unavailable) -> None:
        self._silent_until_s = self._clock.monotonic_s() + RETRY_S
        if not self._is_away:
            self._is_away = True
            log.warning("who watches is known of this node alone for now: %s", error)


def bus_urls(url: str) -> list[str]:
    """
    The servers of the setting.

    Raises:
        ConfigError: One of them is no Redis.
    """
    urls = [part.strip() for part in url.split(",") if part.strip()]
    for one in urls:
        if not one.startswith(SCHEMES):
            scheme = one.partition(":")[0]
            raise ConfigError(
                f"the bus {scheme}:… is not known; use redis://host:6379/0, or none", setting="bus"
            )
    return urls


def greet_bus(url: str) -> str:
    """
    What the server says of itself; of several, each.

    Raises:
        ConfigError, Unavailable: One cannot be asked, or does not answer.
    """
    urls = bus_urls(url)
    try:
        from avance.backends.redis import greet  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise missing_redis(error) from error
    return "; ".join(greet(one) for one in urls)


def missing_redis(error: ModuleNotFoundError) -> ConfigError:
    """
    What to do when the client of Redis is not installed.
    """
    if error.name != "redis":
        raise error
    return ConfigError(
        "the settings name a Redis, and its client is not installed; pip install 'avance[redis]'",
        setting="bus",
    )
