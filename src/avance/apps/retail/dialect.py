"""
`/ws/notifications`: who is there, what is new, how many are unread. docs/contract/notices.md.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from avance import Avance, Inbox, Notice
from avance.apps.retail import frames as f
from avance.apps.retail.bucket import Bucket
from avance.apps.retail.kinds import PRIORITY_WORDS
from avance.apps.retail.rooms import Seat, rooms_of
from avance.apps.retail.settings import RetailSettings
from avance.dialect import (
    CLOSE_IDLE,
    CLOSE_RATE,
    CLOSE_REFUSED,
    Close,
    Dialect,
    Do,
    Effect,
    Event,
    Send,
    Visit,
    Wake,
    Watch,
    speaks,
)
from avance.errors import AvanceError, InvalidRequest, NotFound, Unauthenticated
from avance.web import Identity

AUTH, PING, IDLE = "auth", "ping", "idle"


@speaks(sends=f.SENDS, takes=f.TAKES)
def speak(host: Avance) -> Dialect:
    """
    The notifications of one user: what is new, what was missed, and how many are unread.
    """
    return Notices(host)


class Notices(Dialect):
    """
    One connection. Until it belongs to a user it takes nothing but `auth`.
    """

    def __init__(self, host: Avance) -> None:
        self._host = host
        self._settings = host.settings.section(RetailSettings)
        self._rooms = rooms_of(host)
        self._bucket = Bucket(host, self._settings.frames_per_s, self._settings.frames_burst)
        self._inbox: Inbox | None = None
        self._seat: Seat | None = None
        self._is_open = True
        self._is_answering = False
        """Credentials are being verified."""
        self._watched: set[str] = set()
        self._held: list[Event] | None = None
        """What happens while the first state is read."""
        self._missed: frozenset[int] = frozenset()
        self._newest = 0
        self._version = -1
        self._unconfirmed: deque[int] = deque(maxlen=self._settings.unconfirmed_max)
        self._began_s = host.clock.monotonic_s()
        self._pings = 0

    # What the connection tells

    def opened(self, visit: Visit) -> Iterable[Effect]:
        query = visit.query
        yield Wake(IDLE, self._settings.idle_timeout_s)
        yield self._next_ping()
        wanted = query.get("user_id")
        if "api_key" in query:
            yield self._verify(wanted, key=query["api_key"])
        elif visit.identity is not None:
            yield from self._belong(visit.identity, wanted)
        elif "token" in query:
            yield from self._refuse("The token is not valid.")
        else:
            yield Wake(AUTH, self._settings.auth_timeout_s)

    def heard(self, text: str) -> Iterable[Effect]:
        if not self._is_open:
            return
        yield Wake(IDLE, self._settings.idle_timeout_s)
        if not self._bucket.take():
            yield _error("rate_limited", "Too many frames; send fewer.")
            if self._bucket.refused > self._settings.refusals_max:
                yield from self._close(*CLOSE_RATE)
            return
        try:
            frame = f.read(text)
        except ValueError as error:
            if self._inbox is None and not self._is_answering:
                yield from self._refuse("The first message must be auth.")
            else:
                yield _error("bad_message", str(error)[:200])
            return
        yield from self._take(frame)

    def happened(self, channel: str, event: Event) -> Iterable[Effect]:
        if self._inbox is None or channel != f"inbox:#{self._inbox.user}":
            return ()
        if self._held is None:
            return self._tell(event)
        self._held.append(event)
        if len(self._held) > self._settings.held_max:
            # It comes back and reads a newer state.
            return self._close(1001, "too much at once")
        return ()

    def rang(self, name: str) -> Iterable[Effect]:
        if name == PING:
            return [Send(f.encode(f.ServerPing())), self._next_ping()]
        if name == IDLE:
            return self._close(*CLOSE_IDLE)
        if self._inbox is None and not self._is_answering:
            return self._refuse("No auth message came in time.")
        return ()

    # Frames of the client

    def _take(self, frame: f.ClientFrame) -> Iterable[Effect]:
        if isinstance(frame, f.Auth):
            yield from self._authenticate(frame)
        elif self._inbox is None:
            # While credentials are being verified a frame waits its turn in the queue behind them.
            yield from (
                [Do(lambda: self._later(frame))]
                if self._is_answering
                else self._refuse("The first message must be auth.")
            )
        elif frame.user_id is not None and str(frame.user_id) != self._inbox.user:
            yield _error("forbidden", "This connection belongs to another user.")
            yield from self._close(*CLOSE_REFUSED)
        else:
            yield from self._obey(frame, self._inbox)

    async def _later(self, frame: f.ClientFrame) -> Iterable[Effect]:
        self._is_answering = False
        return self._take(frame)

    def _obey(self, frame: f.ClientFrame, inbox: Inbox) -> Iterable[Effect]:
        match frame:
            case f.MarkRead():
                self._confirm(inbox)
                yield Do(lambda: self._mark_read(inbox, frame.notification_id))
            case f.Ack():
                yield from self._acknowledge(inbox, frame.notification_id)
            case f.Pong():
                self._confirm(inbox)
            case f.Ping():
                yield Send(f.encode(f.ServerPong()))
            case f.GetUnreadCount():
                yield Do(lambda: self._count(inbox))

    async def _mark_read(self, inbox: Inbox, notice_id: int) -> Iterable[Effect]:
        try:
            outcome = await inbox.mark_read(notice_id)
            if outcome.changed:
                # Every connection of the user hears of it, this one among them.
                return []
            await inbox.get(notice_id)
        except NotFound:
            return [_error("not_found", f"There is no notification {notice_id}.")]
        except InvalidRequest as error:
            return [_error("bad_message", error.message)]
        read = f.NotificationRead(notification_id=notice_id)
        return [Send(f.encode(read)), *self._counted(outcome.counts.unread, outcome.counts.version)]

    def _acknowledge(self, inbox: Inbox, notice_id: int) -> Iterable[Effect]:
        if notice_id in self._unconfirmed:
            self._unconfirmed.remove(notice_id)
            inbox.delivered(notice_id)
            return []
        return [Do(lambda: self._acknowledge_other(inbox, notice_id))]

    async def _acknowledge_other(self, inbox: Inbox, notice_id: int) -> Iterable[Effect]:
        try:
            await inbox.get(notice_id)
        except NotFound:
            return [_error("not_found", f"There is no notification {notice_id}.")]
        inbox.delivered(notice_id)
        return []

    def _confirm(self, inbox: Inbox) -> None:
        # Frames keep their order on a connection: who answers has everything that was sent before.
        inbox.delivered(*self._unconfirmed)
        self._unconfirmed.clear()

    async def _count(self, inbox: Inbox) -> Iterable[Effect]:
        counts = await inbox.counts()
        return self._counted(counts.unread, counts.version, is_asked=True)

    # Who it is

    def _authenticate(self, frame: f.Auth) -> Iterable[Effect]:
        wanted = None if frame.user_id is None else str(frame.user_id)
        if frame.api_key is not None or frame.token is not None:
            yield self._verify(wanted, key=frame.api_key, token=frame.token)
        elif self._host.is_open_to_all:
            yield self._verify(wanted, key=self._settings.dashboard_api_key)
        else:
            yield from self._refuse("Bring an api_key or a token.")

    def _verify(
        self, wanted: str | None, *, key: str | None = None, token: str | None = None
    ) -> Effect:
        self._is_answering = True
        return Do(lambda: self._identify(wanted, key, token))

    async def _identify(
        self, wanted: str | None, key: str | None, token: str | None
    ) -> Iterable[Effect]:
        self._is_answering = False
        try:
            identity = await identify(self._host, self._settings, key, token)
        except AvanceError:
            # One answer for whatever is wrong with it: nothing to learn for somebody who tries.
            return self._refuse("The credentials are not valid.")
        return self._belong(identity, wanted)

    def _belong(self, identity: Identity, wanted: str | None) -> Iterable[Effect]:
        user = wanted or identity.user
        is_other = self._inbox is not None and self._inbox.user != user
        if user != identity.user and not identity.is_admin:
            return self._refuse("user_id is not the user of these credentials.")
        if is_other and len(self._watched) > self._settings.switches_max:
            return self._refuse("This connection changed its user too often.")
        try:
            inbox = self._host.inbox(user)
        except InvalidRequest:
            return self._refuse("That is no user_id.")
        return self._settle(inbox)

    def _settle(self, inbox: Inbox) -> Iterable[Effect]:
        if self._inbox is not None:
            self._unconfirmed.clear()
        self._inbox, self._version, self._newest = inbox, -1, 0
        self._seat = self._rooms.enter(inbox.user)
        self._held = []
        channel = f"inbox:#{inbox.user}"
        effects: list[Effect] = [Send(f.encode(f.AuthSuccess(user_id=f.shown_user(inbox.user))))]
        if channel not in self._watched:
            self._watched.add(channel)
            effects.append(Watch(channel))
        return [*effects, Do(lambda: self._first(inbox))]

    async def _first(self, inbox: Inbox) -> Iterable[Effect]:
        missed = await inbox.missed()
        counts = await inbox.counts()
        if self._inbox is not inbox:
            return []
        effects: list[Effect] = list(self._counted(counts.unread, counts.version))
        self._missed = frozenset(notice.id for notice in missed)
        for notice in missed:
            effects += self._show(inbox, notice)
        held, self._held = self._held or [], None
        for event in held:
            effects += self._tell(event)
        return effects

    def _refuse(self, message: str) -> Iterable[Effect]:
        return [Send(f.encode(f.AuthFailed(message=message))), *self._close(*CLOSE_REFUSED)]

    def _close(self, code: int, reason: str) -> Sequence[Effect]:
        self._is_open = False
        self._seat = None
        return [Close(code, reason)]

    # Frames of the server

    def _tell(self, event: Event) -> Iterable[Effect]:
        if event["type"] == "snapshot" or self._inbox is None:
            return
        if event["type"] == "notification":
            yield from self._news(self._inbox, event["notification"])
        elif event["op"] == "read":
            for notice_id in event.get("ids", ()):
                yield Send(f.encode(f.NotificationRead(notification_id=notice_id)))
        counts: dict[str, Any] = event["counts"]
        yield from self._counted(counts["unread"], counts["version"])

    def _news(self, inbox: Inbox, notification: dict[str, Any]) -> Iterable[Effect]:
        notice = msgspec.convert(notification, Notice)
        if notice.id <= self._newest or notice.id in self._missed:
            return []
        self._newest = notice.id
        self._rooms.shown += 1
        stored_s = datetime.fromisoformat(notice.created_at).timestamp()
        self._rooms.shown_s += max(self._host.clock.now_ms() / 1000 - stored_s, 0.0)
        return self._show(inbox, notice)

    def _show(self, inbox: Inbox, notice: Notice) -> Sequence[Effect]:
        self._unconfirmed.append(notice.id)
        inbox.sent(notice.id)
        self._rooms.told(notice.id)
        return [Send(f.encode(notification_frame(notice)))]

    def _counted(self, unread: int, version: int, *, is_asked: bool = False) -> Iterable[Effect]:
        # An older count never comes after a newer one.
        if version < self._version or (version == self._version and not is_asked):
            return []
        self._version = version
        return [Send(f.encode(f.UnreadCount(count=unread, version=version)))]

    def _next_ping(self) -> Wake:
        # From the beginning, so that lateness does not add up.
        self._pings += 1
        due_s = self._began_s + self._pings * self._host.settings.socket_ping_interval_s
        return Wake(PING, max(due_s - self._host.clock.monotonic_s(), 0.001))


async def identify(
    host: Avance, settings: RetailSettings, key: str | None, token: str | None
) -> Identity:
    """
    Who brings these. In open mode a key that nobody has is refused all the same, so that a wrong one is noticed.

    Raises:
        Unauthenticated: Nobody.
    """
    identity = await host.identify(key=key, token=token)
    is_unknown = host.is_open_to_all and token is None and identity.user == "dev"
    if is_unknown and key != settings.dashboard_api_key:
        raise Unauthenticated("nobody has this key")
    return identity


def notification_frame(notice: Notice) -> f.Notification:
    """
    The flat form.
    """
    return f.Notification(
        notification_id=notice.id,
        notification_type=notice.kind,
        priority=PRIORITY_WORDS[notice.priority],
        subject=notice.title,
        message=notice.body,
        timestamp=notice.created_at,
        data=dict(notice.data),
    )


def _error(code: str, message: str) -> Send:
    return Send(f.encode(f.Error(code=code, message=message)))
