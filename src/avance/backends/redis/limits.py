import msgspec

PREFIX = "avance:"
"""Of every key and channel that is ours."""


class RedisLimits(msgspec.Struct, frozen=True, kw_only=True):
    """
    What waits for Redis, and how long.
    """

    connect_timeout_s: float = 2.0
    command_timeout_s: float = 5.0
    """A server that does not answer for so long counts as away."""
    silence_s: float = 10.0
    """A connection that only listens is asked for a sign of life after half of this, and given up after all of it."""
    reconnect_s: tuple[float, ...] = (0.05, 0.1, 0.25, 0.5, 1.0)
    """Between tries to reach a server; the last repeats."""
    presence_connections_max: int = 4
    """However many come and go at once, presence holds no more connections of one node."""
    batch_messages_max: int = 500
    """Messages in one round trip."""
    outgoing_messages_max: int = 10_000
    """Messages that wait for a server; above it the oldest are dropped, and their channels are looked up in the store later."""
    outgoing_bytes_max: int = 33_554_432
    missed_channels_max: int = 10_000
    """Channels remembered for that; above it every node looks at all that it watches."""
    subscribe_at_once_max: int = 1_000
    """Channels in one command."""
    look_interval_s: float = 2.0
    """While a server is away, watched channels are compared with the store so often,"""
    looks_at_once_max: int = 500
    """and at most so many each time."""
    gather_s: float = 0.1
    """A worker gathers ordinary progress for so long before it writes the latest."""
    journal_reports_max: int = 1_000_000
    """Reports that wait for a reader; above it the oldest are dropped."""
    cancelled_kept_s: int = 7 * 86_400
    """A worker that finds a cancelled task so much later still does not run it."""


REDIS_LIMITS = RedisLimits()
