"""
What a user wants to be told, how and when.
"""

from enum import StrEnum
from typing import Annotated

import msgspec

from avance.errors import InvalidRequest
from avance.model.inbox import Priority
from avance.notify.times import read_clock, read_zone
from avance.ports.records import Changes, Rows

ALL_CHANNELS = "*"
SOCKET = "websocket"
"""As a channel of the preferences: pushing what is in the inbox. The inbox itself is never off."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class Frequency(StrEnum):
    INSTANT = "instant"
    DAILY = "daily"
    WEEKLY = "weekly"


class QuietHours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    is_on: bool = False
    start: str = "22:00"
    end: str = "07:00"


class Addresses(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    email: (
        Annotated[str, msgspec.Meta(max_length=254, pattern=r"^[^@\s,;<>]+@[^@\s,;<>]+$")] | None
    ) = None
    phone: Annotated[str, msgspec.Meta(pattern=r"^\+[1-9][0-9]{5,14}$")] | None = None


class Preferences(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    By default everything comes, at once.
    """

    channels: Annotated[dict[Name, bool], msgspec.Meta(max_length=16)] = {}
    """False switches a channel off, `websocket` among them."""
    kinds: Annotated[dict[Name, dict[Name, bool]], msgspec.Meta(max_length=200)] = {}
    """The same for one kind or category, and it wins; `*` stands for all channels."""
    muted: Annotated[tuple[Name, ...], msgspec.Meta(max_length=200)] = ()
    """Kinds and categories of which nothing is kept or told at all."""
    min_priority: Priority = Priority.LOW
    """What is below it stays in the inbox."""
    quiet_hours: QuietHours = QuietHours()
    time_zone: Annotated[str, msgspec.Meta(max_length=64)] = "UTC"
    frequency: Frequency = Frequency.INSTANT
    digest_at: str = "08:00"
    digest_weekday: Annotated[int, msgspec.Meta(ge=0, le=6)] = 0
    """0 is Monday."""
    addresses: Addresses = Addresses()

    def allows(self, channel: str, kind: str, category: str) -> bool:
        """
        Whether a channel is on for a kind: the kind's own word, then its category's, then that for all.
        """
        for own in (self.kinds.get(kind), self.kinds.get(category) if category else None):
            if own is None:
                continue
            if channel in own:
                return own[channel]
            if ALL_CHANNELS in own:
                return own[ALL_CHANNELS]
        return self.channels.get(channel, True)

    def is_muted(self, kind: str, category: str) -> bool:
        return kind in self.muted or (bool(category) and category in self.muted)


DEFAULTS = Preferences()


def checked(preferences: Preferences) -> Preferences:
    """
    Check what the types cannot. It reads files of time zones.

    Raises:
        InvalidRequest: A time of day or a time zone is none.
    """
    read_clock(preferences.quiet_hours.start, "quiet_hours.start")
    read_clock(preferences.quiet_hours.end, "quiet_hours.end")
    read_clock(preferences.digest_at, "digest_at")
    read_zone(preferences.time_zone)
    return preferences


def decode_preferences(document: bytes | str) -> Preferences:
    """
    Raises:
        InvalidRequest: It does not fit; the message names the place.
    """
    try:
        return msgspec.json.decode(document, type=Preferences)
    except msgspec.DecodeError as error:
        raise InvalidRequest(
            f"the preferences do not fit: {error}", code="invalid_preferences"
        ) from error


def load_preferences(rows: Rows, user: str) -> Preferences:
    """
    Those of a user, or the defaults.
    """
    row = rows.one("SELECT document FROM notice_preferences WHERE user_id = ?", user)
    return DEFAULTS if row is None else msgspec.json.decode(row[0], type=Preferences)


def keep_preferences(changes: Changes, user: str, preferences: Preferences) -> None:
    """
    Write all of them.
    """
    changes.run(
        "INSERT INTO notice_preferences (user_id, document, changed_ms) VALUES (?, ?, ?)"
        " ON CONFLICT (user_id) DO UPDATE SET document = excluded.document, changed_ms = excluded.changed_ms",
        user,
        msgspec.json.encode(preferences).decode(),
        changes.now_ms,
    )
