import msgspec


class SocketLimits(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one connection may hold and how long it may take to leave.
    """

    write_high_bytes: int = 65_536
    """Unsent bytes above which `Link.is_writable` turns False."""
    write_low_bytes: int = 16_384
    """Unsent bytes at which the link is writable again."""
    write_bytes_max: int = 1_048_576
    """Unsent bytes at which the connection is dropped, for a session that writes on although the link is not writable."""
    close_timeout_s: float = 5.0
    """From our close frame to the end of the connection, if the other side does not answer."""
    head_bytes_max: int = 65_536
    """An opening handshake above this is refused with 431."""
