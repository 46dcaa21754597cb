import asyncio
import logging
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from itertools import islice
from typing import Self

import msgspec

from avance.backends.redis.limits import PREFIX, REDIS_LIMITS, RedisLimits
from avance.backends.redis.outgoing import Outgoing, Post
from avance.backends.redis.presence import RedisPresence
from avance.backends.redis.shard import Shard
from avance.model.stream import Publication
from avance.ports.bus import Bus, Hint, Letter, Receive
from avance.ports.clock import Clock
from avance.ports.receivers import Receivers

log = logging.getLogger("avance.redis")

_CHANNEL = f"{PREFIX}channel:"
_NODE = f"{PREFIX}node:"
_ALL = f"{PREFIX}all"
_QUEUE = Letter(node=None, topic="queue")


class _News(msgspec.Struct, frozen=True, array_like=True, tag="news"):
    sender: str
    channel: str
    publication: Publication | None = None


class _Mail(msgspec.Struct, frozen=True, array_like=True, tag="mail"):
    sender: str
    letter: Letter


class _Gap(msgspec.Struct, frozen=True, array_like=True, tag="gap"):
    """
    The sender had to drop more than it can name.
    """

    sender: str


_encode = msgspec.msgpack.Encoder().encode
_decoder: msgspec.msgpack.Decoder[_News | _Mail | _Gap] = msgspec.msgpack.Decoder(
    _News | _Mail | _Gap
)


class RedisBus(Bus):
    """
    Delivers within this process at once, and to other nodes by pub/sub. Channels are spread over the servers by their name.

    Redis may be away at the start or vanish: what happened meanwhile is found in the store, where every watched channel is looked up
    now and then while a server is away, and once when it is listened to again.
    """

    def __init__(
        self, urls: Sequence[str], *, node: str | None = None, limits: RedisLimits = REDIS_LIMITS
    ) -> None:
        """
        Args:
            urls: The same on every node, in the same order.
            node: Letters for another node are left out; without a name every letter is delivered.
        """
        self._node = node
        self._limits = limits
        self._receivers = Receivers()
        self._watches: Counter[str] = Counter()
        self._sender = f"{node}:{id(self):x}"
        self._shards = [
            Shard(
                url,
                limits,
                on_message=self._hear,
                on_subscribed=self._look,
                make_up=self._make_up,
            )
            for url in urls
        ]
        for shard in self._shards:
            shard.listen(_ALL, is_wanted=True)
            shard.listen(_NODE + (node or "*"), is_wanted=True)
        self._openings = 0
        self._taps: list[Callable[[Sequence[Publication]], None]] = []
        self._presence: list[RedisPresence] = []
        self._urls = tuple(urls)
        self._stack = AsyncExitStack()
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            for shard in self._shards:
                await stack.enter_async_context(shard)
            await stack.enter_async_context(self._tasks)
            looking = self._tasks.create_task(self._look_around())
            stack.callback(looking.cancel)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
        for presence in self._presence:
            await presence.aclose()

    def presence(self, clock: Clock) -> RedisPresence:
        """
        Who watches, on the first server; closed with this bus.
        """
        presence = RedisPresence(self._urls[0], clock, limits=self._limits)
        self._presence.append(presence)
        return presence

    @property
    def problems(self) -> Sequence[str]:
        """
        The servers that are away, and why.
        """
        return [shard.problem for shard in self._shards if shard.problem is not None]

    def attach(self, receive: Receive) -> None:
        self._receivers.add(receive)

    def tap(self, tap: Callable[[Sequence[Publication]], None]) -> None:
        """
        Call it with what this node publishes, before anybody hears of it.
        """
        self._taps.append(tap)

    def publish(self, publications: Sequence[Publication]) -> None:
        for tap in self._taps:
            tap(publications)
        self._receivers.tell(
            Hint(channel=publication.channel, publication=publication)
            for publication in publications
        )
        for publication in publications:
            news = _News(self._sender, publication.channel, publication)
            hints_at = publication.channel if publication.offset else None
            self._shard(publication.channel).post(
                Post(_CHANNEL + publication.channel, _encode(news), hints_at)
            )

    def send(self, letter: Letter) -> None:
        is_for_me = letter.node is None or self._node is None or letter.node == self._node
        if is_for_me:
            self._receivers.tell([letter])
        if letter.node is None or letter.node != self._node:
            address = _ALL if letter.node is None else _NODE + letter.node
            self._any_shard().post(Post(address, _encode(_Mail(self._sender, letter))))

    def watch(self, channel: str, *, is_watched: bool) -> None:
        before = self._watches[channel]
        after = max(before + (1 if is_watched else -1), 0)
        if after:
            self._watches[channel] = after
        else:
            del self._watches[channel]
        if bool(before) != bool(after):
            self._shard(channel).listen(_CHANNEL + channel, is_wanted=bool(after))

    def mirror(self, channel: str, body: bytes) -> None:
        """
        Publish to a plain channel of Redis, for whoever listens there. As `publish`, it never blocks and never raises.
        """
        self._shards[0].post(Post(channel, body))

    def _shard(self, channel: str) -> Shard:
        return self._shards[zlib.crc32(channel.encode()) % len(self._shards)]

    def _any_shard(self) -> Shard:
        # Every node listens for letters everywhere, so one server that is there is enough.
        return next((shard for shard in self._shards if shard.is_up), self._shards[0])

    def _hear(self, body: bytes) -> None:
        try:
            told = _decoder.decode(body)
        except msgspec.DecodeError as error:
            log.warning("%d bytes on the bus cannot be read: %s", len(body), error)
            return
        if told.sender == self._sender:
            return
        match told:
            case _News():
                if told.channel in self._watches:
                    self._receivers.tell([Hint(channel=told.channel, publication=told.publication)])
            case _Mail():
                self._receivers.tell([told.letter])
            case _Gap():
                self._receivers.tell([*map(_hint, self._watches), _QUEUE])

    def _look(self, name: str) -> None:
        """
        Only from now on this is heard: what was told just before is in the store.
        """
        if name == _ALL:
            # At the first time nothing was missed: a dispatcher begins with a look of its own.
            self._openings += 1
            if self._openings > len(self._shards):
                self._receivers.tell([_QUEUE])
        elif name.startswith(_CHANNEL) and name.removeprefix(_CHANNEL) in self._watches:
            self._receivers.tell([Hint(channel=name.removeprefix(_CHANNEL))])

    def _make_up(self, outgoing: Outgoing) -> Iterable[Post]:
        if outgoing.is_all_missed:
            return [Post(_ALL, _encode(_Gap(self._sender)))]
        return [
            Post(_CHANNEL + channel, _encode(_News(self._sender, channel)))
            for channel in outgoing.missed
        ]

    async def _look_around(self) -> None:
        looked: Iterator[str] = iter(())
        while True:
            await asyncio.sleep(self._limits.look_interval_s)
            if all(shard.is_up for shard in self._shards):
                continue
            due = list(islice(looked, self._limits.looks_at_once_max))
            if not due:
                looked = iter([name for name in self._watches if not self._shard(name).is_up])
                due = list(islice(looked, self._limits.looks_at_once_max))
            self._receivers.tell(_hint(name) for name in due if name in self._watches)


def _hint(channel: str) -> Hint:
    return Hint(channel=channel)
