"""
`app.inbox(user)` and `app.preferences(user)`: what code does for one user.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from avance.errors import InvalidRequest
from avance.hub.hub import Hub
from avance.model.inbox import IN_APP, Action, Counts, Notice, Priority
from avance.model.stream import inbox_channel
from avance.notify.channel import DeliveryChannel
from avance.notify.deliverer import Deliverer, Result
from avance.notify.draft import Digest, Draft, Escalate, checked, checked_user
from avance.notify.kinds import Kind, SendLimit
from avance.notify.on_finish import OnFinish, on_finish
from avance.notify.operations import Op, Outcome, Selection
from avance.notify.policy import Planned
from avance.notify.preferences import (
    Addresses,
    Frequency,
    Preferences,
    QuietHours,
    decode_preferences,
)
from avance.notify.service import DeliveryView, Inboxes, Page, Status, Wanted
from avance.notify.store import Sent

if TYPE_CHECKING:
    from avance.edge.http.metrics import Metrics

__all__ = [
    "IN_APP",
    "Action",
    "Addresses",
    "Counts",
    "DeliveryChannel",
    "DeliveryView",
    "Digest",
    "Escalate",
    "Frequency",
    "Inbox",
    "Kind",
    "Notice",
    "OnFinish",
    "Page",
    "Planned",
    "Preferences",
    "PreferencesOf",
    "Priority",
    "QuietHours",
    "Result",
    "SendLimit",
    "Sent",
    "on_finish",
]

SENDS_TOGETHER = 100
Number: TypeAlias = tuple[str, str, float, Mapping[str, str]]
"""A name, what it counts, the value, and labels."""


class Inbox:
    """
    The inbox of one user. Ids may be one or several; what is not there is passed over.
    """

    def __init__(self, inboxes: Inboxes, user: str) -> None:
        self._inboxes = inboxes
        self.user: str = checked_user(user, inboxes.limits)

    async def list(
        self,
        *,
        status: Status | str = Status.ALL,
        kind: str | None = None,
        priority: Priority | str | None = None,
        group: str | None = None,
        before: int | None = None,
        offset: int = 0,
        limit: int = 20,
    ) -> Page:
        """
        Read a page, the newest first.
        """
        wanted = Wanted(
            status=Status(status),
            kind=kind,
            priority=None if priority is None else Priority(priority),
            group=group,
            before=before,
            offset=offset,
            limit=limit,
        )
        return await self._inboxes.page(self.user, wanted)

    async def get(self, notice_id: int) -> Notice:
        """
        Read one.

        Raises:
            NotFound: There is none of that id in this inbox.
        """
        return await self._inboxes.get(self.user, notice_id)

    async def counts(self) -> Counts:
        """
        What waits.
        """
        return await self._inboxes.counts(self.user)

    async def unread(self) -> int:
        """
        How many are unread.
        """
        return (await self.counts()).unread

    async def mark_seen(self, *ids: int) -> Outcome:
        return await self._operate(Op.SEEN, ids)

    async def mark_read(self, *ids: int) -> Outcome:
        return await self._operate(Op.READ, ids)

    async def mark_unread(self, *ids: int) -> Outcome:
        return await self._operate(Op.UNREAD, ids)

    async def archive(self, *ids: int) -> Outcome:
        return await self._operate(Op.ARCHIVE, ids)

    async def unarchive(self, *ids: int) -> Outcome:
        return await self._operate(Op.UNARCHIVE, ids)

    async def delete(self, *ids: int) -> Outcome:
        return await self._operate(Op.DELETE, ids)

    async def snooze(
        self, *ids: int, for_s: float | None = None, until_ms: int | None = None
    ) -> Outcome:
        """
        Put off until a moment, or for a while; then it is new again.
        """
        if for_s is not None:
            until_ms = self._inboxes.clock.now_ms() + round(for_s * 1000)
        return await self._operate(Op.SNOOZE, ids, until_ms=until_ms)

    async def mark_all_seen(self, *, up_to: int | None = None) -> Outcome:
        return await self.all(Op.SEEN, up_to=up_to)

    async def mark_all_read(self, *, up_to: int | None = None) -> Outcome:
        """
        Mark all up to an id; without one, all that are there now.
        """
        return await self.all(Op.READ, up_to=up_to)

    async def archive_all(self, *, up_to: int | None = None) -> Outcome:
        return await self.all(Op.ARCHIVE, up_to=up_to)

    async def delete_all(self, *, up_to: int | None = None) -> Outcome:
        return await self.all(Op.DELETE, up_to=up_to)

    async def all(
        self,
        op: Op | str,
        *,
        up_to: int | None = None,
        kind: str | None = None,
        group: str | None = None,
        until_ms: int | None = None,
    ) -> Outcome:
        """
        Do something to all up to an id, narrowed by kind or group.
        """
        newest = 2**53 if up_to is None else up_to
        chosen = Selection(up_to=newest, kind=kind, group=group)
        return await self._inboxes.operate(self.user, Op(op), chosen, until_ms=until_ms)

    async def missed(self) -> Sequence[Notice]:
        """
        What no connection of the user has confirmed, the oldest first.
        """
        return await self._inboxes.missed(self.user)

    def sent(self, *ids: int) -> None:
        """
        A socket of an app took them.
        """
        for notice_id in ids:
            self._inboxes.receipts.sent(notice_id)

    def delivered(self, *ids: int) -> None:
        """
        The client behind it has them. The caller sees to it that they are this user's.
        """
        for notice_id in ids:
            self._inboxes.receipts.delivered(notice_id)

    async def deliveries(self, notice_id: int) -> Sequence[DeliveryView]:
        """
        How one fares on each channel.

        Raises:
            NotFound: There is none of that id in this inbox.
        """
        await self.get(notice_id)
        return await self._inboxes.deliveries(notice_id)

    async def _operate(
        self, op: Op, ids: tuple[int, ...], *, until_ms: int | None = None
    ) -> Outcome:
        return await self._inboxes.operate(self.user, op, Selection(ids=ids), until_ms=until_ms)


class PreferencesOf:
    """
    The preferences of one user.
    """

    def __init__(self, inboxes: Inboxes, user: str) -> None:
        self._inboxes = inboxes
        self.user: str = checked_user(user, inboxes.limits)

    async def get(self) -> Preferences:
        return await self._inboxes.preferences(self.user)

    async def set(self, preferences: Preferences) -> Preferences:
        """
        Replace all of them.
        """
        return await self._inboxes.set_preferences(self.user, preferences)

    async def change(self, **fields: Any) -> Preferences:
        """
        Replace some of them, given as plain values: `change(frequency="daily")`.

        Raises:
            InvalidRequest: One is unknown, or of the wrong form.
        """
        present: dict[str, Any] = msgspec.to_builtins(await self.get())
        for name, value in fields.items():
            present[name] = msgspec.to_builtins(value)
        return await self.set(decode_preferences(msgspec.json.encode(present)))


class Notifier:
    """
    Sending, and the channels behind it.
    """

    def __init__(self, inboxes: Inboxes, deliverer: Deliverer, hub: Hub) -> None:
        self.inboxes = inboxes
        self._deliverer = deliverer
        self._hub = hub

    async def notify(self, user: str, title: str, given: Mapping[str, Any]) -> Sent:
        return await self.inboxes.send(_draft(user, title, given))

    async def notify_all(
        self, users: Iterable[str], title: str, given: Mapping[str, Any]
    ) -> Sequence[Sent]:
        """
        Together, so that the store writes many in one transaction.
        """
        drafts = [checked(_draft(user, title, given), self.inboxes.limits) for user in users]
        sent: list[Sent] = []
        for first in range(0, len(drafts), SENDS_TOGETHER):
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self.inboxes.send(draft))
                    for draft in drafts[first : first + SENDS_TOGETHER]
                ]
            sent += [task.result() for task in tasks]
        return sent

    def show(self, metrics: "Metrics", more: Callable[[], Iterable[Number]] = tuple) -> None:
        """
        Count sends and deliveries for `/metrics`, and what an app counts beside them.
        """
        # Worker processes come by here and are spared the web framework.
        from avance.edge.http.metrics import Measure  # noqa: PLC0415

        async def measured() -> Iterable[Measure]:
            return [
                Measure(
                    name=name,
                    help=text,
                    value=value,
                    labels=dict(labels),
                    is_counter=name.endswith("_total"),
                )
                for name, text, value, labels in (*self._numbers(), *more())
            ]

        metrics.add_source(measured)

    def _numbers(self) -> Iterable[Number]:
        tally = self.inboxes.tally
        yield (
            "avance_notices_stored_total",
            "Notifications stored by this node.",
            tally.stored,
            {},
        )
        for (channel, state), count in tuple(tally.attempts.items()):
            labels = {"channel": channel, "state": state}
            yield (
                "avance_notice_attempts_total",
                "Attempts to send out a notification: sent, failed for good, or to be tried again.",
                count,
                labels,
            )
        for channel, seconds in tuple(tally.attempt_s.items()):
            yield (
                "avance_notice_attempt_seconds_total",
                "Time that these attempts took.",
                seconds,
                {"channel": channel},
            )

    def begin_delivery(self, notice_id: int) -> "asyncio.Task[None]":
        """
        Send what is due of one notification now, in the background.
        """
        return self._deliverer.begin(notice_id)

    def is_connected(self, user: str) -> bool:
        """
        Whether somebody on this node watches the inbox of a user.
        """
        return bool(self._hub.subscriber_counts().get(inbox_channel(user)))


def _draft(user: str, title: str, given: Mapping[str, Any]) -> Draft:
    fields = {name: value for name, value in given.items() if value is not None}
    try:
        if "priority" in fields:
            fields["priority"] = Priority(fields["priority"])
        if "actions" in fields:
            fields["actions"] = msgspec.convert(fields["actions"], tuple[Action, ...])
    except (ValueError, msgspec.ValidationError) as error:
        raise InvalidRequest(
            f"the notification does not fit: {error}", code="invalid_notification"
        ) from error
    if "channels" in fields:
        fields["channels"] = tuple(fields["channels"])
    return Draft(user=user, title=title, **fields)
