from collections.abc import Mapping
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

    async def aclose(self) -> None:
        """
        Let go of the connection.
        """
        await self._client.aclose()

    async def join(self, channel: str, member: Member, *, ttl_s: float) -> None:
        ttl_ms = round(ttl_s * 1000)
        entry = _encode(_Entry(self._clock.now_ms() + ttl_ms, member))
        try:
            await self._client.eval(_JOIN, 1, _key(channel), member.client, entry, ttl_ms)
        except AWAY as error:
            raise self._away(error) from error

    async def leave(self, channel: str, client: str) -> None:
        try:
            await self._client.hdel(_key(channel), client)
        except AWAY as error:
            raise self._away(error) from error

    async def members(self, channel: str) -> Mapping[str, Member]:
        key = _key(channel)
        try:
            # A client without decoding answers bytes, whatever its types say.
            stored = cast(dict[bytes, bytes], await self._client.hgetall(key))
            entries = {client.decode(): _decode(entry) for client, entry in stored.items()}
            now_ms = self._clock.now_ms()
            for client, entry in stored.items():
                if entries[client.decode()].ends_ms <= now_ms:
                    await self._client.eval(_FORGET, 1, key, client, entry)
        except AWAY as error:
            raise self._away(error) from error
        return {client: entry.member for client, entry in entries.items() if entry.ends_ms > now_ms}

    def _away(self, error: BaseException) -> Unavailable:
        return Unavailable(f"presence cannot be reached: Redis at {self._name}: {error}")


def _key(channel: str) -> str:
    return f"{PREFIX}presence:{channel}"
