"""
What the HTTP interface of the contract takes and answers.
"""

from typing import Any

import msgspec

from avance import Notice
from avance.apps.retail.frames import UserId, shown_user
from avance.apps.retail.kinds import PRIORITY_WORDS


class SendBody(msgspec.Struct, frozen=True, kw_only=True):
    """
    Also as query parameters.
    """

    user_id: UserId
    notification_type: str
    subject: str
    message: str = ""
    channels: list[str] | str = "in_app"
    priority: str = "medium"
    data: dict[str, Any] | None = None


class SendError(msgspec.Struct, frozen=True, kw_only=True):
    channel: str
    error: str


class SendAnswer(msgspec.Struct, frozen=True, kw_only=True):
    success: bool
    notification_id: int | None
    channels_sent: tuple[str, ...]
    errors: tuple[SendError, ...]


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """
    One notification, in the one form that it has.
    """

    notification_id: int
    user_id: UserId
    notification_type: str
    priority: str
    subject: str
    message: str
    data: dict[str, Any]
    status: str
    channels: tuple[str, ...]
    created_at: str
    read_at: str | None


class Pagination(msgspec.Struct, frozen=True, kw_only=True):
    current_page: int
    total_pages: int
    total_items: int
    per_page: int


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    notifications: tuple[Item, ...]
    unread_count: int
    total: int
    total_returned: int
    limit: int
    offset: int
    pagination: Pagination


class Marked(msgspec.Struct, frozen=True, kw_only=True):
    success: bool
    notification_id: int


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    success: bool
    message: str
    notification_id: int


class AllRead(msgspec.Struct, frozen=True, kw_only=True):
    success: bool
    updated_count: int


class AllDeleted(msgspec.Struct, frozen=True, kw_only=True):
    success: bool
    message: str
    deleted_count: int


def item_of(user: str, notice: Notice) -> Item:
    return Item(
        notification_id=notice.id,
        user_id=shown_user(user),
        notification_type=notice.kind,
        priority=PRIORITY_WORDS[notice.priority],
        subject=notice.title,
        message=notice.body,
        data=dict(notice.data),
        status="unread" if notice.read_at is None else "read",
        channels=notice.channels,
        created_at=notice.created_at,
        read_at=notice.read_at,
    )
