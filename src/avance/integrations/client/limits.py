import msgspec


class ClientLimits(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a client waits for, and how long.
    """

    request_timeout_s: float = 30.0
    open_timeout_s: float = 10.0
    silence_s: float = 40.0
    """The server pings each 25 s; after so long without a word the connection is dead."""
    reconnect_s: tuple[float, ...] = (0.05, 0.2, 0.5, 1.0, 2.0, 5.0)
    """Between tries to come back; the last repeats."""
    away_s: float = 300.0
    """A server that was not there for so long is told to the caller."""
    poll_wait_s: float = 20.0
    """Where no socket gets through, an answer is held back so long for the next event."""
    frame_bytes_max: int = 4_194_304


CLIENT_LIMITS = ClientLimits()
