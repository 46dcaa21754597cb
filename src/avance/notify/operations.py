"""
What can be done to notifications that are there. Each operation is one row of a table; one function carries it out.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import msgspec

from avance.model.inbox import RANKED, Counts, InboxChanged
from avance.model.moment import wire_time
from avance.model.stream import Append, inbox_channel
from avance.notify.limits import NotifyLimits
from avance.notify.rows import IS_UNREAD, IS_UNSEEN, counts_of, lock, move
from avance.ports.records import Changes


class Op(StrEnum):
    SEEN = "seen"
    READ = "read"
    UNREAD = "unread"
    ARCHIVE = "archive"
    UNARCHIVE = "unarchive"
    SNOOZE = "snooze"
    WAKE = "wake"
    DELETE = "delete"


class _Rule(msgspec.Struct, frozen=True):
    concerns: str
    """Which rows it changes; the others are left alone."""
    change: str
    """SQL after SET; `?` is the moment, or with snooze when it comes back."""
    unread_after: str
    unseen_after: str


_NO = "FALSE"
_RULES = {
    Op.SEEN: _Rule("seen_ms IS NULL", "seen_ms = ?", IS_UNREAD, _NO),
    Op.READ: _Rule("read_ms IS NULL", "read_ms = ?, seen_ms = coalesce(seen_ms, ?)", _NO, _NO),
    Op.UNREAD: _Rule(
        "read_ms IS NOT NULL",
        "read_ms = NULL",
        "(archived_ms IS NULL AND snoozed_ms IS NULL)",
        IS_UNSEEN,
    ),
    Op.ARCHIVE: _Rule("archived_ms IS NULL", "archived_ms = ?, snoozed_ms = NULL", _NO, _NO),
    Op.UNARCHIVE: _Rule(
        "archived_ms IS NOT NULL", "archived_ms = NULL", "read_ms IS NULL", "seen_ms IS NULL"
    ),
    Op.SNOOZE: _Rule("archived_ms IS NULL", "snoozed_ms = ?", _NO, _NO),
    # What comes back is new again.
    Op.WAKE: _Rule(
        "snoozed_ms IS NOT NULL",
        "snoozed_ms = NULL, read_ms = NULL, seen_ms = NULL",
        "TRUE",
        "TRUE",
    ),
    Op.DELETE: _Rule("id > 0", "", _NO, _NO),
}


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """
    Some by id, or all up to one: what arrives meanwhile is not meant.
    """

    ids: tuple[int, ...] = ()
    up_to: int | None = None
    kind: str | None = None
    group: str | None = None
    put_off_until: int | None = None
    """Only what comes back by then."""

    def sql(self, user: str) -> tuple[str, list[Any]]:
        parts, values = ["user_id = ?"], [user]
        if self.ids:
            parts.append(f"id IN ({', '.join('?' * len(self.ids))})")
            values += self.ids  # type: ignore[arg-type]
        for column, value in (("kind", self.kind), ("group_key", self.group)):
            if value is not None:
                parts.append(f"{column} = ?")
                values.append(value)
        for condition, bound in (("id <= ?", self.up_to), ("snoozed_ms <= ?", self.put_off_until)):
            if bound is not None:
                parts.append(condition)
                values.append(bound)  # type: ignore[arg-type]
        return " AND ".join(parts), values


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    changed: int
    counts: Counts


def operate(
    changes: Changes,
    user: str,
    op: Op,
    chosen: Selection,
    *,
    now_ms: int,
    limits: NotifyLimits,
    until_ms: int | None = None,
) -> Outcome:
    """
    Carry out an operation, count, and tell the user's connections; what changes nothing tells nothing.
    """
    lock(changes, user)
    rule = _RULES[op]
    where, values = chosen.sql(user)
    where = f"{where} AND {rule.concerns}"
    unread, unseen, concerned = _effect(changes, rule, where, values)
    if not concerned:
        return Outcome(changed=0, counts=counts_of(changes, user))
    named = changes.all(
        f"SELECT id FROM notices WHERE {where} ORDER BY id DESC LIMIT ?",
        *values,
        limits.named_ids_max + 1,
    )
    _apply(changes, op, rule, where, values, now_ms if until_ms is None else until_ms)
    counts = move(changes, user, unread, unseen)
    ids = tuple(row[0] for row in named)
    is_many = len(ids) > limits.named_ids_max
    _tell(changes, user, op, counts, now_ms, () if is_many else ids, ids[0] if is_many else None)
    return Outcome(changed=concerned, counts=counts)


def _effect(
    changes: Changes, rule: _Rule, where: str, values: Sequence[Any]
) -> tuple[list[int], int, int]:
    unread, unseen, concerned = [0] * len(RANKED), 0, 0
    grouped = changes.all(
        "SELECT priority, count(*),"
        f" {_sum(rule.unread_after)} - {_sum(IS_UNREAD)}, {_sum(rule.unseen_after)} - {_sum(IS_UNSEEN)}"
        f" FROM notices WHERE {where} GROUP BY priority",
        *values,
    )
    for rank, count, unread_change, unseen_change in grouped:
        unread[rank] = int(unread_change)
        unseen += int(unseen_change)
        concerned += count
    return unread, unseen, concerned


def _sum(condition: str) -> str:
    return f"sum(CASE WHEN {condition} THEN 1 ELSE 0 END)"


def _apply(
    changes: Changes, op: Op, rule: _Rule, where: str, values: Sequence[Any], moment_ms: int
) -> None:
    if op is Op.DELETE:
        changes.run(
            f"DELETE FROM notice_deliveries WHERE notice_id IN (SELECT id FROM notices WHERE {where})",
            *values,
        )
        changes.run(f"DELETE FROM notices WHERE {where}", *values)
        return
    moments = [moment_ms] * rule.change.count("?")
    changes.run(f"UPDATE notices SET {rule.change} WHERE {where}", *moments, *values)
    if op in _CONFIRMING:
        # Whoever saw it has it, whichever way it came.
        changes.run(
            "UPDATE notice_deliveries SET state = 'delivered', changed_ms = ? WHERE channel = 'in_app'"
            f" AND state IN ('queued', 'sent') AND notice_id IN (SELECT id FROM notices WHERE {_chosen(where, rule)})",
            moment_ms,
            *values,
        )


_CONFIRMING = frozenset({Op.SEEN, Op.READ, Op.ARCHIVE})


def _chosen(where: str, rule: _Rule) -> str:
    # After the change the rows no longer answer to what chose them.
    return where.replace(f" AND {rule.concerns}", "")


def _tell(
    changes: Changes,
    user: str,
    op: Op,
    counts: Counts,
    now_ms: int,
    ids: tuple[int, ...],
    up_to: int | None,
) -> None:
    event = InboxChanged(ts=wire_time(now_ms), op=op.value, counts=counts, ids=ids, up_to=up_to)
    changes.append(Append(channel=inbox_channel(user), body=msgspec.json.encode(event)))
