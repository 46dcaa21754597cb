"""
Notifications: what is kept of one, and the events of `inbox:#<user>`. `v` and `seq` are stamped by the store (stream.py).
"""

from enum import StrEnum

import msgspec


class Priority(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return RANKED.index(self)


RANKED = tuple(Priority)
"""As numbers in the store: the place in this tuple."""


class DeliveryState(StrEnum):
    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    SKIPPED = "skipped"


IN_APP = "in_app"
"""The channel that every notification has: the inbox itself, on every connected device."""


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """
    A button under a notification.
    """

    label: str
    url: str


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """
    What waits for a user. Of two, the one with the higher version is the newer.
    """

    unread: int = 0
    unseen: int = 0
    by_priority: dict[str, int] = {}
    """The unread ones."""
    version: int = 0


class Notice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    One notification, as its user sees it.
    """

    id: int
    kind: str
    priority: Priority
    title: str
    body: str
    created_at: str
    data: dict[str, object] = {}
    url: str | None = None
    actions: tuple[Action, ...] = ()
    group: str | None = None
    job_id: str | None = None
    channels: tuple[str, ...] = ()
    """Through which the sender wanted it told."""
    seen_at: str | None = None
    read_at: str | None = None
    archived_at: str | None = None
    snoozed_until: str | None = None
    expires_at: str | None = None


class Notified(msgspec.Struct, frozen=True, kw_only=True, tag="notification", tag_field="type"):
    """
    On `inbox:#<user>`: something new.
    """

    ts: str
    notification: Notice
    counts: Counts


class InboxChanged(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="changed", tag_field="type"
):
    """
    On `inbox:#<user>`: what was there was read, archived, put off, deleted; or something was stored that is not announced.
    """

    ts: str
    op: str
    counts: Counts
    ids: tuple[int, ...] = ()
    """Those that changed; empty where there are too many to name, and `up_to` tells the rest."""
    up_to: int | None = None


class InboxSnapshot(msgspec.Struct, frozen=True, kw_only=True, tag="snapshot", tag_field="type"):
    """
    On `inbox:#<user>`: the counts and the newest notifications.
    """

    counts: Counts
    notifications: tuple[Notice, ...]
