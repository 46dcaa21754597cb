"""
A connection to one server, as all parts here want it: it fails at once, and whoever uses it decides when to try again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry as BlockingRetry

from avance.backends.redis.limits import REDIS_LIMITS, RedisLimits
from avance.errors import ConfigError, Unavailable

AWAY = (RedisError, OSError, TimeoutError)
"""What a server that cannot be used now raises."""


def open_client(url: str, limits: RedisLimits) -> "Redis":
    """
    Make a client; nothing is connected yet.

    Raises:
        ConfigError: It is no URL of a Redis.
    """
    try:
        return Redis.from_url(
            url,
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=limits.connect_timeout_s,
            socket_timeout=limits.command_timeout_s,
            socket_keepalive=True,
            client_name="avance",
            # It would look up the version of the library on the disk, in the event loop, at every connection.
            driver_info=None,
        )
    except ValueError as error:
        raise ConfigError(
            f"{shown(url)} is no address of a Redis ({error}); write redis://host:6379/0 or rediss://…",
            setting="bus",
        ) from error


def open_blocking(url: str, limits: RedisLimits = REDIS_LIMITS) -> "BlockingRedis":
    """
    The same for threads and processes without an event loop.
    """
    return BlockingRedis.from_url(
        url,
        retry=BlockingRetry(NoBackoff(), 0),
        socket_connect_timeout=limits.connect_timeout_s,
        socket_timeout=limits.command_timeout_s,
        client_name="avance-worker",
        driver_info=None,
    )


@contextmanager
def reachable(url: str) -> Iterator[None]:
    """
    Say it in our words when a server is not there.

    Raises:
        Unavailable: It is not.
    """
    try:
        yield
    except AWAY as error:
        raise Unavailable(f"Redis at {shown(url)} is not there: {error}") from error


def greet(url: str) -> str:
    """
    Ask the server who it is.

    Raises:
        Unavailable: It does not answer, or refuses.
    """
    with reachable(url), open_blocking(url) as client:
        return f"Redis {client.info('server')['redis_version']}, {shown(url)}"


def shown(url: str) -> str:
    """
    An address without its password.
    """
    parts = urlsplit(url)
    place = parts.hostname or parts.path
    port = "" if parts.port is None else f":{parts.port}"
    return f"{parts.scheme}://{place}{port}"
