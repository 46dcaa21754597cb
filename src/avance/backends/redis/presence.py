import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import cast

import msgspec

from avance.backends.redis.client import AWAY, open_client, shown
from avance.backends.redis.limits import PREFIX, REDIS_LIMITS, RedisLimits
from avance.errors import Unavailable
from avance.ports.clock import Clock
from avance.ports.presence import Member, Presence


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    ends_ms: int
    member: Member


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Entry).decode

# The key goes when nobody in its channel was refreshed for the longest time to live that was asked for.
_JOIN = """
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
"""
# Only what is still the entry that was read: it may have been refreshed meanwhile.
_FORGET = """
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then redis.call('HDEL', KEYS[1], ARGV[1]) end
"""


class RedisPresence(Presence):
    """
    One hash for each channel, over all nodes. Whether an entry has ended is told by the clocks of the nodes, which should agree.
    """

    def __init__(self, url: str, clock: Clock, *, limits: RedisLimits = REDIS_LIMITS) -> None:
        self._clock = clock
        self._client = open_client(url, limits)
        self._name = shown(url)
        self._limits = limits
        # Every command that waits for another takes a connection of its own, and keeps it: a page with a thousand readers would
        # take a thousand when it comes back.
        self._turns = asyncio.Semaphore(limits.presence_connections_max)

    async def aclose(self) -> None:
        """
        Let go of the connections.
        """
        await self._client.aclose()

    async def join(self, channel: str, member: Member, *, ttl_s: float) -> None:
        ttl_ms = round(ttl_s * 1000)
        entry = _encode(_Entry(self._clock.now_ms() + ttl_ms, member))
        async with self._turn():
            await self._client.eval(_JOIN, 1, _key(channel), member.client, entry, ttl_ms)

    async def leave(self, channel: str, client: str) -> None:
        async with self._turn():
            await self._client.hdel(_key(channel), client)

    async def members(self, channel: str) -> Mapping[str, Member]:
        key = _key(channel)
        async with self._turn():
            # A client without decoding answers bytes, whatever its types say.
            stored = cast(dict[bytes, bytes], await self._client.hgetall(key))
            entries = {client.decode(): _decode(entry) for client, entry in stored.items()}
            now_ms = self._clock.now_ms()
            for client, entry in stored.items():
                if entries[client.decode()].ends_ms <= now_ms:
                    await self._client.eval(_FORGET, 1, key, client, entry)
        return {client: entry.member for client, entry in entries.items() if entry.ends_ms > now_ms}

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            # Those who wait behind a server that does not answer wait no longer than the first.
            async with asyncio.timeout(self._limits.command_timeout_s), self._turns:
                yield
        except AWAY as error:
            raise Unavailable(
                f"presence cannot be reached: Redis at {self._name}: {error}"
            ) from error


def _key(channel: str) -> str:
    return f"{PREFIX}presence:{channel}"
