"""
Storing a notification: its row, its deliveries, the counts and the event, in one transaction.
"""

from collections.abc import Sequence

import msgspec

from avance.model.inbox import IN_APP, DeliveryState, InboxChanged, Notice, Notified
from avance.model.moment import wire_time
from avance.model.stream import Append, inbox_channel
from avance.notify import rows
from avance.notify.draft import Draft
from avance.notify.kinds import Kind
from avance.notify.limits import NotifyLimits
from avance.notify.policy import Planned, Situation, plan
from avance.notify.preferences import load_preferences
from avance.ports.records import Changes


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """
    What became of a draft.
    """

    notice: Notice | None
    """None where the user keeps nothing of this kind."""
    is_new: bool = True
    """False where the same is there already, by its dedupe or idempotency key."""
    planned: tuple[Planned, ...] = ()


def store(
    changes: Changes,
    draft: Draft,
    kind: Kind,
    *,
    available: frozenset[str],
    now_ms: int,
    limits: NotifyLimits,
) -> Sent:
    """
    Store a draft that was checked.
    """
    rows.lock(changes, draft.user)
    known = _known_by_key(changes, draft, now_ms, limits)
    if known is not None:
        return known
    preferences = load_preferences(changes, draft.user)
    if preferences.is_muted(draft.kind, kind.category):
        return _remember(changes, draft, Sent(notice=None), now_ms)
    waiting = _waiting(changes, draft)
    if waiting is not None:
        return _remember(changes, draft, Sent(notice=waiting, is_new=False), now_ms)
    situation = Situation(
        preferences=preferences,
        kind=kind,
        priority=draft.priority or kind.priority,
        now_ms=now_ms,
        available=available,
        sent_lately=lambda channel: _sent_lately(changes, draft.user, channel, kind, now_ms),
        open_batch_ms=lambda channel, batch: _open_batch(changes, draft.user, channel, batch),
    )
    planned = plan(draft, situation)
    notice = rows.insert(changes, draft, kind, now_ms)
    _add_deliveries(changes, draft.user, notice, planned, now_ms)
    _announce(changes, draft.user, notice, planned, now_ms)
    return _remember(changes, draft, Sent(notice=notice, planned=planned), now_ms)


def _known_by_key(changes: Changes, draft: Draft, now_ms: int, limits: NotifyLimits) -> Sent | None:
    if draft.idempotency is None:
        return None
    row = changes.one(
        "SELECT notice_id FROM notice_keys WHERE scope = ? AND key = ? AND created_ms > ?",
        *draft.idempotency,
        now_ms - round(limits.key_ttl_s * 1000),
    )
    if row is None:
        return None
    notice = None if row[0] is None else rows.find(changes, draft.user, row[0])
    return Sent(notice=notice, is_new=False)


def _remember(changes: Changes, draft: Draft, sent: Sent, now_ms: int) -> Sent:
    if draft.idempotency is not None:
        changes.run(
            "INSERT INTO notice_keys VALUES (?, ?, ?, ?) ON CONFLICT (scope, key)"
            " DO UPDATE SET notice_id = excluded.notice_id, created_ms = excluded.created_ms",
            *draft.idempotency,
            None if sent.notice is None else sent.notice.id,
            now_ms,
        )
    return sent


def _waiting(changes: Changes, draft: Draft) -> Notice | None:
    if draft.dedupe is None:
        return None
    row = changes.one(
        f"SELECT {rows.COLUMNS} FROM notices WHERE user_id = ? AND dedupe_key = ?"
        " AND read_ms IS NULL AND archived_ms IS NULL ORDER BY id DESC LIMIT 1",
        draft.user,
        draft.dedupe,
    )
    return None if row is None else rows.notice_of(row)


def _sent_lately(changes: Changes, user: str, channel: str, kind: Kind, now_ms: int) -> int:
    if kind.limit is None:
        return 0
    row = changes.one(
        "SELECT count(*) FROM notice_deliveries WHERE user_id = ? AND channel = ? AND channel <> 'in_app'"
        " AND kind = ? AND created_ms > ? AND state <> 'skipped'",
        user,
        channel,
        kind.name,
        now_ms - round(kind.limit.window_s * 1000),
    )
    return 0 if row is None else int(row[0])


def _open_batch(changes: Changes, user: str, channel: str, batch: str) -> int | None:
    row = changes.one(
        "SELECT min(due_ms) FROM notice_deliveries WHERE due_ms IS NOT NULL AND user_id = ? AND channel = ?"
        " AND batch = ? AND attempts = 0 AND lease_by IS NULL",
        user,
        channel,
        batch,
    )
    return None if row is None or row[0] is None else int(row[0])


def _add_deliveries(
    changes: Changes, user: str, notice: Notice, planned: Sequence[Planned], now_ms: int
) -> None:
    changes.run_many(
        "INSERT INTO notice_deliveries (notice_id, channel, user_id, kind, state, reason, attempts, batch, due_ms,"
        " created_ms, changed_ms) VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?)",
        [
            (
                notice.id,
                one.channel,
                user,
                notice.kind,
                one.state.value,
                one.reason,
                one.batch,
                one.due_ms,
                now_ms,
                now_ms,
            )
            for one in planned
        ],
    )


def _announce(
    changes: Changes, user: str, notice: Notice, planned: Sequence[Planned], now_ms: int
) -> None:
    unread = [int(notice.priority.rank == rank) for rank in range(4)]
    counts = rows.move(changes, user, unread, 1)
    is_pushed = any(one.channel == IN_APP and one.state is DeliveryState.QUEUED for one in planned)
    ts = wire_time(now_ms)
    event: msgspec.Struct = (
        Notified(ts=ts, notification=notice, counts=counts)
        if is_pushed
        else InboxChanged(ts=ts, op="added", counts=counts, ids=(notice.id,))
    )
    changes.append(Append(channel=inbox_channel(user), body=msgspec.json.encode(event)))
