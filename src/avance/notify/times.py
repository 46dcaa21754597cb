"""
Quiet hours and digests: what a clock on the user's wall says. A moment is in milliseconds, as everywhere.
"""

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from avance.errors import InvalidRequest

_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def read_clock(text: str, field: str) -> time:
    """
    Read `HH:MM`.

    Raises:
        InvalidRequest: It is not that.
    """
    if not _CLOCK.fullmatch(text):
        raise InvalidRequest(
            f'{field} is {text!r}; write a time of day such as "22:00"',
            code="invalid_preferences",
            field=field,
        )
    return time.fromisoformat(text)


def read_zone(name: str) -> ZoneInfo:
    """
    Find an IANA time zone.

    Raises:
        InvalidRequest: There is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidRequest(
            f'time_zone is {name!r}; use an IANA name such as "Europe/Madrid"',
            code="invalid_preferences",
            field="time_zone",
        ) from error


def quiet_until(now_ms: int, start: time, end: time, zone: ZoneInfo) -> int | None:
    """
    When the quiet hours that it is in end, or None outside them. They may cross midnight; with `start` at `end` there are none.
    """
    now = _local(now_ms, zone)
    is_over_midnight = end < start
    if is_over_midnight:
        is_quiet = now.time() >= start or now.time() < end
    else:
        is_quiet = start <= now.time() < end
    if not is_quiet:
        return None
    is_tomorrow = is_over_midnight and now.time() >= start
    day = now.date() + timedelta(days=1) if is_tomorrow else now.date()
    # In the night of a clock change the end may seem to lie before now; then it is now.
    return max(_moment(datetime.combine(day, end, zone)), now_ms)


def next_digest(now_ms: int, at: time, zone: ZoneInfo, *, weekday: int | None = None) -> int:
    """
    The next moment after now at that time of day; with a weekday (0 is Monday), on that day.
    """
    now = _local(now_ms, zone)
    for days in range(9):
        day = now.date() + timedelta(days=days)
        moment = _moment(datetime.combine(day, at, zone))
        if moment > now_ms and weekday in (None, day.weekday()):
            return moment
    raise AssertionError("nine days hold every weekday")


def _local(moment_ms: int, zone: ZoneInfo) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment_ms)).astimezone(zone)


def _moment(local: datetime) -> int:
    """
    When that is on the wall. A time that a clock change leaves out is the moment of the change; one that comes twice is the first.
    """
    later, earlier = (round(local.replace(fold=fold).timestamp() * 1000) for fold in (0, 1))
    zone = local.tzinfo
    if not isinstance(zone, ZoneInfo) or earlier >= later:
        return later
    before = _local(earlier, zone).utcoffset()
    while later - earlier > 1:
        middle = (earlier + later) // 2
        if _local(middle, zone).utcoffset() == before:
            earlier = middle
        else:
            later = middle
    return later
