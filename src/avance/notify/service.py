"""
The inboxes of all users: the one way in, and everything that can be done there.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from avance.errors import InvalidRequest, NotFound
from avance.model.inbox import RANKED, Counts, InboxSnapshot, Notice, Priority
from avance.model.moment import optional_wire_time
from avance.notify import rows
from avance.notify.channel import DeliveryChannel
from avance.notify.draft import Draft, checked, checked_user
from avance.notify.kinds import Kinds
from avance.notify.limits import NOTIFY_LIMITS, NotifyLimits
from avance.notify.operations import Op, Outcome, Selection, operate
from avance.notify.preferences import (
    Preferences,
    keep_preferences,
    load_preferences,
)
from avance.notify.preferences import checked as checked_preferences
from avance.notify.receipts import Receipts
from avance.notify.store import Sent, store
from avance.notify.tally import Tally
from avance.ports.bus import Bus
from avance.ports.clock import Clock
from avance.ports.records import Changes, Records, Row, Rows, load_schema

SCHEMA = load_schema("notify", "avance.notify")


class Status(StrEnum):
    ALL = "all"
    """Everything that stands in the inbox: neither archived nor put off."""
    UNREAD = "unread"
    READ = "read"
    ARCHIVED = "archived"
    SNOOZED = "snoozed"


_STANDING = "archived_ms IS NULL AND snoozed_ms IS NULL"
_STATUS = {
    Status.ALL: _STANDING,
    Status.UNREAD: f"read_ms IS NULL AND {_STANDING}",
    Status.READ: f"read_ms IS NOT NULL AND {_STANDING}",
    Status.ARCHIVED: "archived_ms IS NOT NULL",
    Status.SNOOZED: "snoozed_ms IS NOT NULL",
}


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """
    Which notifications, the newest first.
    """

    status: Status = Status.ALL
    kind: str | None = None
    priority: Priority | None = None
    group: str | None = None
    before: int | None = None
    """Only older ones than this id."""
    offset: int = 0
    limit: int = 20


class Page(msgspec.Struct, frozen=True, kw_only=True):
    notices: tuple[Notice, ...]
    total: int
    """What the filter selects, without `before` and `offset`."""
    counts: Counts


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """
    How one notification fares on one channel.
    """

    channel: str
    state: str
    reason: str | None
    attempts: int
    last_error: str | None
    due_at: str | None


class Inboxes:
    """
    Opened by whoever opens the store: `receipts` is a context manager of its own.
    """

    def __init__(
        self,
        records: Records,
        bus: Bus,
        clock: Clock,
        *,
        kinds: Kinds | None = None,
        channels: Mapping[str, DeliveryChannel] | None = None,
        limits: NotifyLimits = NOTIFY_LIMITS,
    ) -> None:
        self.records = records
        self.clock = clock
        self.limits = limits
        self.kinds = kinds or Kinds()
        self.channels = dict(channels or {})
        self.receipts = Receipts(records, clock, limits)
        self.tally = Tally()
        self._bus = bus

    async def send(self, draft: Draft) -> Sent:
        """
        Store a notification with its event; it is on the disk when this returns, and on its way to who is connected.

        Raises:
            InvalidRequest: The draft cannot be stored; the message names why.
            Unavailable: Nothing was stored.
        """
        checked(draft, self.limits)
        kind = self.kinds.of(draft.kind)
        available = frozenset(self.channels)
        now_ms = self.clock.now_ms()

        def work(changes: Changes) -> Sent:
            return store(
                changes, draft, kind, available=available, now_ms=now_ms, limits=self.limits
            )

        written = await self.records.write(work)
        self._bus.publish(written.publications)
        self.tally.stored += int(bool(written.publications))
        return written.value

    async def operate(
        self, user: str, op: Op, chosen: Selection, *, until_ms: int | None = None
    ) -> Outcome:
        """
        Do something to what is there; what is not there, or belongs to somebody else, is passed over.

        Raises:
            InvalidRequest: Too many ids, nothing chosen, or no time for a snooze.
        """
        checked_user(user, self.limits)
        self._check_selection(op, chosen, until_ms)
        now_ms = self.clock.now_ms()

        def work(changes: Changes) -> Outcome:
            return operate(
                changes, user, op, chosen, now_ms=now_ms, limits=self.limits, until_ms=until_ms
            )

        written = await self.records.write(work)
        self._bus.publish(written.publications)
        return written.value

    def _check_selection(self, op: Op, chosen: Selection, until_ms: int | None) -> None:
        if not chosen.ids and chosen.up_to is None:
            raise InvalidRequest(
                "nothing is chosen; name `ids`, or `up_to` for all up to one",
                code="nothing_chosen",
            )
        if len(chosen.ids) > self.limits.ids_max:
            raise InvalidRequest(
                f"{len(chosen.ids)} ids; name at most {self.limits.ids_max}, or use `up_to`",
                code="too_many_ids",
                ids_max=self.limits.ids_max,
            )
        if op is Op.SNOOZE and (until_ms is None or until_ms <= self.clock.now_ms()):
            raise InvalidRequest("a snooze needs a moment that is yet to come", code="no_moment")

    async def get(self, user: str, notice_id: int) -> Notice:
        """
        Raises:
            NotFound: There is none of that id in this inbox.
        """
        found = await self.records.read(lambda seen: rows.find(seen, user, notice_id))
        if found is None:
            raise not_found(notice_id)
        return found

    async def page(self, user: str, wanted: Wanted) -> Page:
        """
        Read a page and the counts of the same moment.
        """
        if not 1 <= wanted.limit <= self.limits.page_max or wanted.offset < 0:
            raise InvalidRequest(
                f"limit is {wanted.limit} and offset {wanted.offset}; use 1 to {self.limits.page_max}, from 0",
                code="invalid_query",
            )
        return await self.records.read(lambda seen: _page(seen, user, wanted))

    async def counts(self, user: str) -> Counts:
        return await self.records.read(lambda seen: rows.counts_of(seen, user))

    async def snapshot(self, user: str) -> InboxSnapshot:
        """
        The counts and the newest.
        """
        return await self.records.read(
            lambda seen: InboxSnapshot(
                counts=rows.counts_of(seen, user),
                notifications=tuple(rows.newest(seen, user, self.limits.snapshot_notices)),
            )
        )

    async def missed(self, user: str) -> Sequence[Notice]:
        """
        What no connection of the user has confirmed, the oldest first; of many, the newest.
        """
        await self.receipts.flush()
        return await self.records.read(lambda seen: _missed(seen, user, self.limits.missed_max))

    async def deliveries(self, notice_id: int) -> Sequence[DeliveryView]:
        """
        How a notification fares on each of its channels.
        """
        await self.receipts.flush()
        return await self.records.read(lambda seen: _deliveries(seen, notice_id))

    async def preferences(self, user: str) -> Preferences:
        return await self.records.read(lambda seen: load_preferences(seen, user))

    async def set_preferences(self, user: str, preferences: Preferences) -> Preferences:
        """
        Replace all of them.

        Raises:
            InvalidRequest: A time of day or a time zone is none.
        """
        checked_user(user, self.limits)

        def work(changes: Changes) -> None:
            # Here, in a thread: the time zone is looked up on the disk.
            keep_preferences(changes, user, checked_preferences(preferences))

        await self.records.write(work)
        return preferences


def not_found(notice_id: object) -> NotFound:
    return NotFound(f"there is no notification {notice_id}", code="notification_not_found")


def _page(seen: Rows, user: str, wanted: Wanted) -> Page:
    where, values = f"user_id = ? AND {_STATUS[wanted.status]}", [user]
    rank = None if wanted.priority is None else RANKED.index(wanted.priority)
    for column, value in (("kind", wanted.kind), ("priority", rank), ("group_key", wanted.group)):
        if value is not None:
            where += f" AND {column} = ?"
            values.append(value)  # type: ignore[arg-type]
    counted = seen.one(f"SELECT count(*) FROM notices WHERE {where}", *values)
    older, more = ("", []) if wanted.before is None else (" AND id < ?", [wanted.before])
    found = seen.all(
        f"SELECT {rows.COLUMNS} FROM notices WHERE {where}{older} ORDER BY id DESC LIMIT ? OFFSET ?",
        *values,
        *more,
        wanted.limit,
        wanted.offset,
    )
    return Page(
        notices=tuple(rows.notice_of(row) for row in found),
        total=0 if counted is None else counted[0],
        counts=rows.counts_of(seen, user),
    )


def _missed(seen: Rows, user: str, limit: int) -> Sequence[Notice]:
    columns = ", ".join(f"n.{column.strip()}" for column in rows.COLUMNS.split(","))
    found = seen.all(
        f"SELECT {columns} FROM notice_deliveries d JOIN notices n ON n.id = d.notice_id"
        " WHERE d.user_id = ? AND d.channel = 'in_app' AND d.state IN ('queued', 'sent')"
        " AND n.read_ms IS NULL AND n.archived_ms IS NULL AND n.snoozed_ms IS NULL"
        " ORDER BY d.notice_id DESC LIMIT ?",
        user,
        limit,
    )
    return [rows.notice_of(row) for row in reversed(found)]


def _deliveries(seen: Rows, notice_id: int) -> Sequence[DeliveryView]:
    found: Sequence[Row] = seen.all(
        "SELECT channel, state, reason, attempts, last_error, due_ms FROM notice_deliveries"
        " WHERE notice_id = ? ORDER BY channel",
        notice_id,
    )
    return [
        DeliveryView(
            channel=row[0],
            state=row[1],
            reason=row[2],
            attempts=row[3],
            last_error=row[4],
            due_at=optional_wire_time(row[5]),
        )
        for row in found
    ]
