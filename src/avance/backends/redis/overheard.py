import asyncio
import logging
from collections.abc import AsyncGenerator

from avance.backends.redis.client import AWAY, open_client, shown
from avance.backends.redis.limits import REDIS_LIMITS, RedisLimits

log = logging.getLogger("avance.redis")


class Overheard:
    """
    What others say on channels of a pattern, without end; what is said while the server cannot be reached is missed.
    """

    def __init__(self, url: str, pattern: str, *, limits: RedisLimits = REDIS_LIMITS) -> None:
        self._client = open_client(url, limits)
        self._pattern = pattern
        self._limits = limits
        self._is_closed = False
        self._has_tried = asyncio.Event()
        self.name = shown(url)
        self.problem: str | None = "not connected yet"

    def close(self) -> None:
        """
        Hear no more.
        """
        self._is_closed = True

    async def aclose(self) -> None:
        """
        Let go of the connection.
        """
        await self._client.aclose()

    async def begun(self) -> None:
        """
        Wait until the server confirms that it will tell, or cannot be reached.
        """
        await self._has_tried.wait()

    async def messages(self) -> AsyncGenerator[bytes]:
        """
        The bodies, as they come.
        """
        failures = 0
        while not self._is_closed:
            pubsub = self._client.pubsub()
            try:
                await pubsub.psubscribe(self._pattern)
                while not self._is_closed:
                    message = await pubsub.get_message(timeout=self._limits.silence_s / 2)
                    failures, self.problem = 0, None
                    self._has_tried.set()
                    if message is None:
                        await pubsub.ping()
                    elif message["type"] == "pmessage":
                        yield message["data"]
            except AWAY as error:
                if self.problem is None:
                    log.warning("nothing is heard of %s: %s", self.name, error)
                self.problem = f"{self.name}: {error}"
                self._has_tried.set()
                waits = self._limits.reconnect_s
                await asyncio.sleep(waits[min(failures, len(waits) - 1)])
                failures += 1
            finally:
                await pubsub.aclose()  # type: ignore[no-untyped-call]
