"""
What goes over the wire at `/v1/inbox`.
"""

from typing import Annotated

import msgspec

from avance.edge.http.shapes import Name, Shape, Text, Whole
from avance.model.inbox import Action, Counts, Notice, Priority
from avance.notify.draft import Digest, Escalate
from avance.notify.preferences import Preferences
from avance.notify.push_subscriptions import PushSubscription
from avance.notify.service import DeliveryView, Status


class InboxQuery(Shape, frozen=True, kw_only=True):
    status: Status = Status.ALL
    kind: Name | None = None
    priority: Priority | None = None
    group: Text | None = None
    before: Whole | None = None
    """Only older ones than this id; the `cursor` of the page before."""
    limit: Whole = 20


class InboxPage(msgspec.Struct, frozen=True, kw_only=True):
    notifications: tuple[Notice, ...]
    total: int
    counts: Counts
    cursor: int | None
    """None on the last page."""


class SendRequest(Shape, frozen=True, kw_only=True):
    """
    A notification for one user; needs the role sender unless it is for oneself.
    """

    user: Name
    title: Text
    body: Annotated[str, msgspec.Meta(max_length=4_000)] = ""
    kind: Name = "info"
    priority: Priority | None = None
    data: dict[str, object] = msgspec.field(default_factory=dict)
    url: Annotated[str, msgspec.Meta(max_length=2_000)] | None = None
    actions: Annotated[tuple[Action, ...], msgspec.Meta(max_length=2)] = ()
    group: Text | None = None
    dedupe: Text | None = None
    job_id: Name | None = None
    channels: Annotated[tuple[Name, ...], msgspec.Meta(max_length=16)] | None = None
    digest: Digest | None = None
    escalate: Escalate | None = None
    expires_s: float | None = None


class SendAnswer(msgspec.Struct, frozen=True, kw_only=True):
    notification: Notice | None
    """None where the user keeps nothing of this kind."""
    is_new: bool


class OperationRequest(Shape, frozen=True, kw_only=True):
    """
    Some by id, or all up to one, which leaves alone what arrives meanwhile.
    """

    ids: Annotated[tuple[Whole, ...], msgspec.Meta(max_length=500)] = ()
    up_to: Whole | None = None
    kind: Name | None = None
    group: Text | None = None
    until: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    """For snooze: an RFC 3339 moment."""


class OperationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    changed: int
    counts: Counts


class Deliveries(msgspec.Struct, frozen=True, kw_only=True):
    deliveries: tuple[DeliveryView, ...]


class PushKey(msgspec.Struct, frozen=True, kw_only=True):
    public_key: str
    """For `pushManager.subscribe({applicationServerKey})`."""


KINDS: tuple[type[msgspec.Struct], ...] = (
    InboxPage,
    SendRequest,
    SendAnswer,
    OperationRequest,
    OperationAnswer,
    Deliveries,
    Notice,
    Counts,
    Preferences,
    PushKey,
    PushSubscription,
)
