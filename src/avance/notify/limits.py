import msgspec


class NotifyLimits(msgspec.Struct, frozen=True, kw_only=True):
    """
    What an inbox takes and keeps.
    """

    title_length_max: int = 200
    body_length_max: int = 4_000
    data_bytes_max: int = 16_384
    actions_max: int = 2
    url_length_max: int = 2_000
    key_length_max: int = 200
    """Of dedupe, group and idempotency keys."""
    user_length_max: int = 128
    ids_max: int = 500
    """Notifications that one operation may name; more are addressed by `up_to`."""
    named_ids_max: int = 100
    """Ids that an event names."""
    page_max: int = 100
    snapshot_notices: int = 20
    missed_max: int = 50
    """Notifications pushed to somebody who comes back; older ones are in the list."""
    key_ttl_s: float = 86_400.0
    """An idempotency key is remembered so long."""
    retention_s: float = 90 * 86_400.0
    """Older notifications are deleted, read or not."""
    attempts_max: int = 5
    backoff_s: tuple[float, ...] = (30.0, 120.0, 600.0, 3_600.0)
    """Between the attempts of one delivery; the last repeats."""
    lease_s: float = 60.0
    """A node that took a delivery has so long to send it."""
    send_timeout_s: float = 20.0
    """For one attempt; below the lease, so that no other node takes it meanwhile."""
    claim_max: int = 20
    """Deliveries that a node takes at once."""
    drain_s: float = 10.0
    """A node that stops lets what it is sending arrive for so long."""
    poll_s: float = 1.0
    """How often a node looks for deliveries that another node left, or whose time has come."""
    upkeep_interval_s: float = 5.0
    upkeep_rows_max: int = 500
    receipts_max: int = 20_000
    """Confirmations that wait to be written; beyond it they are dropped, and what they confirm comes again."""
    receipts_interval_s: float = 0.05
    digest_notices_max: int = 50
    """Named in one digest; of further ones it tells the number."""
    push_subscriptions_max: int = 20
    """Browsers of one user."""


NOTIFY_LIMITS = NotifyLimits()
