import msgspec


class HubLimits(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the hub may hold, and how long it may wait.
    """

    outbox_frames_max: int = 1_000
    """Frames that wait for one connection that does not read; above it the connection is closed (3008)."""
    outbox_bytes_max: int = 1_048_576
    drain_slice_bytes: int = 65_536
    """Waiting frames go to a link that reads again in slices of this size, so that its own buffer stays small."""
    gather_ms_max: float = 5.0
    """Under load publications are gathered for at most so long before they are written."""
    gather_cost_factor: float = 2.0
    """After a flush the next one waits this many times what the flush took: writing then takes a third of the loop at most."""
    recovery_publications_max: int = 300
    """A client that missed more starts from a snapshot."""
    ring_bytes_max: int = 262_144
    """The newest publications of one watched channel that are kept for clients that come back."""
    rings_bytes_max: int = 67_108_864
    """The same over all channels."""
    buffered_publications_max: int = 1_000
    """Publications of one channel that wait while a gap before them is read; what is above is read again."""
    read_publications_max: int = 1_000
    """In one read of the store."""
    read_retry_s: tuple[float, ...] = (0.1, 0.5, 1.0, 5.0)
    """Waits between reads of a store that is not there; the last repeats."""
    join_attempts_max: int = 5
    """How often a subscribe starts again because the channel moved under it."""
    linger_s: float = 30.0
    """A channel without subscribers is kept so long for clients that come back."""
    lingering_channels_max: int = 10_000
    upkeep_s: float = 5.0
    """How often channels are looked through for these two."""
    position_check_s: float = 40.0
    """A watched channel is compared with the store so often, because a bus may lose the last hint."""
    position_checks_at_once: int = 16
    presence_refresh_s: float = 25.0
    presence_ttl_s: float = 60.0
    idempotency_s: float = 300.0
    idempotency_keys_max: int = 100_000
    node_pulse_s: float = 5.0
    """How often a node tells the others that it lives."""
    node_lost_s: float = 20.0
    """A node that was not heard for so long is gone."""
