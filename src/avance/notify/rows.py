"""
Notifications as rows.
"""

from collections.abc import Sequence

import msgspec

from avance.model.inbox import RANKED, Action, Counts, Notice
from avance.model.moment import optional_wire_time, wire_time
from avance.notify.draft import Draft
from avance.notify.kinds import Kind
from avance.ports.records import Changes, Engine, Row, Rows

COLUMNS = (
    "id, kind, priority, title, body, data, url, actions, group_key, job_id, channels,"
    " created_ms, seen_ms, read_ms, archived_ms, snoozed_ms, expires_ms"
)
IS_UNREAD = "(read_ms IS NULL AND archived_ms IS NULL AND snoozed_ms IS NULL)"
IS_UNSEEN = "(seen_ms IS NULL AND archived_ms IS NULL AND snoozed_ms IS NULL)"

_actions = msgspec.json.Decoder(tuple[Action, ...])
_channels = msgspec.json.Decoder(tuple[str, ...])
_data = msgspec.json.Decoder(dict[str, object])


def notice_of(row: Row) -> Notice:
    """
    From the columns of `COLUMNS`.
    """
    return Notice(
        id=row[0],
        kind=row[1],
        priority=RANKED[row[2]],
        title=row[3],
        body=row[4],
        data=_data.decode(row[5]),
        url=row[6],
        actions=_actions.decode(row[7]),
        group=row[8],
        job_id=row[9],
        channels=_channels.decode(row[10]),
        created_at=wire_time(row[11]),
        seen_at=optional_wire_time(row[12]),
        read_at=optional_wire_time(row[13]),
        archived_at=optional_wire_time(row[14]),
        snoozed_until=optional_wire_time(row[15]),
        expires_at=optional_wire_time(row[16]),
    )


def insert(changes: Changes, draft: Draft, kind: Kind, now_ms: int) -> Notice:
    """
    Write a new one.
    """
    channels = draft.channels if draft.channels is not None else kind.channels
    expires_ms = None if draft.expires_s is None else now_ms + round(draft.expires_s * 1000)
    priority = draft.priority or kind.priority
    row = changes.one(
        "INSERT INTO notices (user_id, tenant, kind, priority, title, body, data, url, actions, group_key,"
        " dedupe_key, job_id, channels, created_ms, expires_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        draft.user,
        draft.tenant,
        draft.kind,
        priority.rank,
        draft.title,
        draft.body,
        msgspec.json.encode(draft.data).decode(),
        draft.url,
        msgspec.json.encode(draft.actions).decode(),
        draft.group,
        draft.dedupe,
        draft.job_id,
        msgspec.json.encode(channels).decode(),
        now_ms,
        expires_ms,
    )
    assert row is not None
    return Notice(
        id=row[0],
        kind=draft.kind,
        priority=priority,
        title=draft.title,
        body=draft.body,
        data=draft.data,
        url=draft.url,
        actions=draft.actions,
        group=draft.group,
        job_id=draft.job_id,
        channels=channels,
        created_at=wire_time(now_ms),
        expires_at=optional_wire_time(expires_ms),
    )


def find(rows: Rows, user: str, notice_id: int) -> Notice | None:
    row = rows.one(f"SELECT {COLUMNS} FROM notices WHERE id = ? AND user_id = ?", notice_id, user)
    return None if row is None else notice_of(row)


def newest(rows: Rows, user: str, limit: int) -> Sequence[Notice]:
    """
    What stands in the inbox itself: neither archived nor put off.
    """
    found = rows.all(
        f"SELECT {COLUMNS} FROM notices WHERE user_id = ? AND archived_ms IS NULL AND snoozed_ms IS NULL"
        " ORDER BY id DESC LIMIT ?",
        user,
        limit,
    )
    return [notice_of(row) for row in found]


_NUMBERS = ("unread", "unseen", "unread_low", "unread_normal", "unread_high", "unread_critical")
_COUNTS = ", ".join((*_NUMBERS, "version"))
_ADDED = ", ".join(f"{name} = notice_counts.{name} + excluded.{name}" for name in _NUMBERS)


def counts_of(rows: Rows, user: str) -> Counts:
    row = rows.one(f"SELECT {_COUNTS} FROM notice_counts WHERE user_id = ?", user)
    return _counts(row or (0,) * 7)


def lock(changes: Changes, user: str) -> None:
    """
    Let one transaction at a time change the inbox of a user, so that its ids, counts and events have one order.
    """
    if changes.engine is Engine.SQLITE:
        # One transaction at a time changes the whole database.
        return
    changes.run(
        "INSERT INTO notice_counts VALUES (?, 0, 0, 0, 0, 0, 0, 0)"
        " ON CONFLICT (user_id) DO UPDATE SET version = notice_counts.version",
        user,
    )


def move(changes: Changes, user: str, unread: Sequence[int], unseen: int) -> Counts:
    """
    Change the counts: the unread ones by priority, and the unseen ones. After `lock`.
    """
    row = changes.one(
        f"INSERT INTO notice_counts (user_id, {_COUNTS}) VALUES (?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT (user_id) DO UPDATE SET"
        f" {_ADDED}, version = notice_counts.version + 1 RETURNING {_COUNTS}",
        user,
        sum(unread),
        unseen,
        *unread,
    )
    assert row is not None
    return _counts(row)


def _counts(row: Row) -> Counts:
    by_priority = {priority.value: row[2 + rank] for rank, priority in enumerate(RANKED)}
    return Counts(unread=row[0], unseen=row[1], by_priority=by_priority, version=row[6])
