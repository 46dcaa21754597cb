"""
Through which channels a notification goes, and when. Pure: everything it needs is given.
"""

from collections.abc import Callable, Iterable

import msgspec

from avance.model.inbox import IN_APP, DeliveryState, Priority
from avance.notify.draft import Draft
from avance.notify.kinds import Kind
from avance.notify.preferences import SOCKET, Frequency, Preferences
from avance.notify.times import next_digest, quiet_until, read_clock, read_zone

ESCALATION = "escalation"
DIGEST = "digest"


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """
    One delivery as it begins.
    """

    channel: str
    state: DeliveryState
    reason: str | None = None
    due_ms: int | None = None
    batch: str | None = None
    """What has the same goes out in one message."""


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the plan depends on beside the draft.
    """

    preferences: Preferences
    kind: Kind
    priority: Priority
    now_ms: int
    available: frozenset[str]
    """External channels that are set up here."""
    sent_lately: Callable[[str], int]
    """How many of this kind went to this user through a channel within the kind's window."""
    open_batch_ms: Callable[[str, str], int | None]
    """When a batch of a channel that gathers now will go out."""


def plan(draft: Draft, s: Situation) -> tuple[Planned, ...]:
    """
    One delivery for the inbox and for each channel that is asked for.
    """
    channels = draft.channels if draft.channels is not None else s.kind.channels
    planned = {IN_APP: _in_app(channels, s)}
    for channel in channels:
        if channel != IN_APP:
            planned[channel] = _external(channel, draft, s)
    escalate = draft.escalate
    if escalate is not None and escalate.channel not in planned:
        planned[escalate.channel] = _refused(escalate.channel, s) or Planned(
            channel=escalate.channel,
            state=DeliveryState.QUEUED,
            reason=ESCALATION,
            due_ms=_after_quiet(
                s.now_ms + round(escalate.after_s * 1000), s.preferences, s.priority
            ),
        )
    return tuple(planned.values())


def reconsidered(
    channel: str, preferences: Preferences, kind: Kind, priority: Priority, now_ms: int
) -> Planned | None:
    """
    What the user's wishes of today make of a delivery whose time has come; None where it goes out.
    """
    reason = _unwanted(channel, preferences, kind, priority)
    if reason is not None:
        return Planned(channel=channel, state=DeliveryState.SKIPPED, reason=reason)
    due_ms = _after_quiet(now_ms, preferences, priority)
    if due_ms <= now_ms:
        return None
    return Planned(channel=channel, state=DeliveryState.QUEUED, reason="quiet_hours", due_ms=due_ms)


def _in_app(channels: Iterable[str], s: Situation) -> Planned:
    if IN_APP not in channels:
        return Planned(channel=IN_APP, state=DeliveryState.SKIPPED, reason="not_asked")
    if not s.preferences.allows(SOCKET, s.kind.name, s.kind.category):
        return Planned(channel=IN_APP, state=DeliveryState.SKIPPED, reason="channel_off")
    return Planned(channel=IN_APP, state=DeliveryState.QUEUED)


def _external(channel: str, draft: Draft, s: Situation) -> Planned:
    refused = _refused(channel, s)
    if refused is not None:
        return refused
    if s.priority is Priority.CRITICAL:
        return Planned(channel=channel, state=DeliveryState.QUEUED, due_ms=s.now_ms)
    batch, due_ms = _digest(channel, draft, s)
    if batch is not None:
        return Planned(
            channel=channel,
            state=DeliveryState.QUEUED,
            reason=DIGEST,
            due_ms=_after_quiet(due_ms, s.preferences, s.priority),
            batch=batch,
        )
    due_ms = _after_quiet(s.now_ms, s.preferences, s.priority)
    reason = "quiet_hours" if due_ms > s.now_ms else None
    return Planned(channel=channel, state=DeliveryState.QUEUED, reason=reason, due_ms=due_ms)


def _refused(channel: str, s: Situation) -> Planned | None:
    if channel not in s.available:
        return Planned(channel=channel, state=DeliveryState.FAILED, reason="not_configured")
    limit = s.kind.limit
    reason = _unwanted(channel, s.preferences, s.kind, s.priority)
    if reason is None and limit is not None and s.sent_lately(channel) >= limit.max:
        reason = "throttled"
    if reason is None:
        return None
    return Planned(channel=channel, state=DeliveryState.SKIPPED, reason=reason)


def _unwanted(channel: str, preferences: Preferences, kind: Kind, priority: Priority) -> str | None:
    if preferences.is_muted(kind.name, kind.category):
        return "muted"
    if not preferences.allows(channel, kind.name, kind.category):
        return "channel_off"
    if priority.rank < preferences.min_priority.rank:
        return "priority_filter"
    return None


def _digest(channel: str, draft: Draft, s: Situation) -> tuple[str | None, int]:
    if draft.digest is not None:
        batch = f"window:{draft.digest.key or draft.kind}"
        gathering_ms = s.open_batch_ms(channel, batch)
        if gathering_ms is not None:
            return batch, gathering_ms
        return batch, s.now_ms + round(draft.digest.window_s * 1000)
    frequency = s.preferences.frequency
    if frequency is Frequency.INSTANT:
        return None, s.now_ms
    weekday = s.preferences.digest_weekday if frequency is Frequency.WEEKLY else None
    at = read_clock(s.preferences.digest_at, "digest_at")
    zone = read_zone(s.preferences.time_zone)
    return frequency.value, next_digest(s.now_ms, at, zone, weekday=weekday)


def _after_quiet(moment_ms: int, preferences: Preferences, priority: Priority) -> int:
    quiet = preferences.quiet_hours
    if not quiet.is_on or priority is Priority.CRITICAL:
        return moment_ms
    start = read_clock(quiet.start, "quiet_hours.start")
    end = read_clock(quiet.end, "quiet_hours.end")
    zone = read_zone(preferences.time_zone)
    return quiet_until(moment_ms, start, end, zone) or moment_ms
