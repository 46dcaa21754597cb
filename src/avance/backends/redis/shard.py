import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any, Self

from avance.backends.redis.client import AWAY, open_client, shown
from avance.backends.redis.limits import RedisLimits
from avance.backends.redis.outgoing import Outgoing, Post

log = logging.getLogger("avance.redis")

OnMessage = Callable[[bytes], None]
OnSubscribed = Callable[[str], None]
MakeUp = Callable[[Outgoing], Iterable[Post]]


class Shard:
    """
    One server: a connection that writes and one that listens, whatever the number of channels. Both come back by themselves.
    """

    def __init__(
        self,
        url: str,
        limits: RedisLimits,
        *,
        on_message: OnMessage,
        on_subscribed: OnSubscribed,
        make_up: MakeUp,
    ) -> None:
        """
        Args:
            on_subscribed: Called with each channel that is listened to from now on; what was told before was not heard.
            make_up: What to send after messages were dropped.
        """
        self.name = shown(url)
        self._limits = limits
        self._on_message = on_message
        self._on_subscribed = on_subscribed
        self._make_up = make_up
        self._client = open_client(url, limits)
        self._outgoing = Outgoing(
            messages_max=limits.outgoing_messages_max,
            bytes_max=limits.outgoing_bytes_max,
            missed_max=limits.missed_channels_max,
        )
        self._has_posts = asyncio.Event()
        self._wanted: set[str] = set()
        self._changed: dict[str, None] = {}
        self._has_changes = asyncio.Event()
        self._problems: dict[str, str] = {"listening": "not connected yet"}
        self._was_told_away = False
        self._is_closed = False
        self._tasks = asyncio.TaskGroup()
        self._loops: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._loops = [
            self._tasks.create_task(self._write()),
            self._tasks.create_task(self._listen()),
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_closed = True
        for loop in self._loops:
            loop.cancel()
        await self._tasks.__aexit__(None, None, None)
        await self._client.aclose()

    @property
    def is_up(self) -> bool:
        return not self._problems

    @property
    def problem(self) -> str | None:
        """
        Why it is not up, in words.
        """
        return None if self.is_up else f"{self.name}: {next(iter(self._problems.values()))}"

    @property
    def channels(self) -> set[str]:
        """
        What is listened to as soon as there is a connection.
        """
        return self._wanted

    def post(self, post: Post) -> None:
        """
        Send it when the server is there.
        """
        self._outgoing.add(post)
        self._has_posts.set()

    def listen(self, channel: str, *, is_wanted: bool) -> None:
        """
        Listen to a channel of Redis, or no longer.
        """
        if is_wanted:
            self._wanted.add(channel)
        else:
            self._wanted.discard(channel)
        self._changed[channel] = None
        self._has_changes.set()

    async def _write(self) -> None:
        failures = 0
        while not self._is_closed:
            await self._has_posts.wait()
            batch = self._outgoing.take(self._limits.batch_messages_max)
            if not batch:
                self._has_posts.clear()
                continue
            try:
                await self._publish(batch)
            except AWAY as error:
                self._outgoing.put_back(batch)
                self._is_away("writing", error)
                await self._wait(failures)
                failures += 1
            else:
                failures = 0
                self._is_back("writing")

    async def _publish(self, batch: list[Post]) -> None:
        if self._outgoing.missed or self._outgoing.is_all_missed:
            batch = [*self._make_up(self._outgoing), *batch]
        pipeline = self._client.pipeline(transaction=False)
        for post in batch:
            pipeline.publish(post.channel, post.body)
        await pipeline.execute()
        self._outgoing.made_up_for()

    async def _listen(self) -> None:
        failures = 0
        # The client swallows a cancellation that comes while it connects.
        while not self._is_closed:
            pubsub = self._client.pubsub()
            try:
                self._changed.clear()
                await self._subscribe(pubsub, list(self._wanted))
                if self._is_closed:
                    return
                async with asyncio.TaskGroup() as tasks:
                    follow = tasks.create_task(self._follow_changes(pubsub))
                    tasks.create_task(self._read(pubsub, follow))
            except* AWAY as group:
                failures = 0 if "listening" not in self._problems else failures + 1
                self._is_away("listening", group.exceptions[0])
                # What the writer left open went to the same server: the first batch after its return would find that out, and be late.
                await self._client.connection_pool.disconnect(inuse_connections=False)
            finally:
                await pubsub.aclose()  # type: ignore[no-untyped-call]
            await self._wait(failures)

    async def _read(self, pubsub: Any, other: "asyncio.Task[None]") -> None:
        is_asked = False
        try:
            while True:
                message = await pubsub.get_message(timeout=self._limits.silence_s / 2)
                if message is None:
                    if is_asked:
                        raise TimeoutError(f"silent for {self._limits.silence_s:g} s")
                    is_asked = True
                    await pubsub.ping()
                    continue
                is_asked = False
                if message["type"] == "message":
                    self._on_message(message["data"])
                elif message["type"] == "subscribe":
                    self._is_back("listening")
                    self._on_subscribed(message["channel"].decode())
        finally:
            other.cancel()

    async def _follow_changes(self, pubsub: Any) -> None:
        while True:
            await self._has_changes.wait()
            self._has_changes.clear()
            changed, self._changed = self._changed, {}
            await self._subscribe(pubsub, [name for name in changed if name in self._wanted])
            gone = [name for name in changed if name not in self._wanted]
            if gone:
                await pubsub.unsubscribe(*gone)

    async def _subscribe(self, pubsub: Any, names: list[str]) -> None:
        step = self._limits.subscribe_at_once_max
        for start in range(0, len(names), step):
            await pubsub.subscribe(*names[start : start + step])

    async def _wait(self, failures: int) -> None:
        waits = self._limits.reconnect_s
        await asyncio.sleep(waits[min(failures, len(waits) - 1)])

    def _is_away(self, what: str, error: BaseException) -> None:
        self._problems[what] = str(error) or type(error).__name__
        if not self._was_told_away:
            # Once for each time that it goes away, not for each try.
            self._was_told_away = True
            log.warning(
                "Redis at %s is not there (%s); work goes on by the store, and other nodes hear later",
                self.name,
                self._problems[what],
            )

    def _is_back(self, what: str) -> None:
        self._problems.pop(what, None)
        if not self._problems and self._was_told_away:
            self._was_told_away = False
            log.warning("Redis at %s is there again", self.name)
