"""
Quiet hours and digests on the user's wall clock.
"""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avance.errors import InvalidRequest
from avance.notify.times import next_digest, quiet_until, read_clock, read_zone

MADRID = ZoneInfo("Europe/Madrid")


def ms(text: str, zone: ZoneInfo = MADRID) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


@pytest.mark.parametrize(
    ("now", "start", "end", "until"),
    [
        ("2026-03-10T23:00", "22:00", "07:00", "2026-03-11T07:00"),
        ("2026-03-11T06:59", "22:00", "07:00", "2026-03-11T07:00"),
        ("2026-03-11T07:00", "22:00", "07:00", None),
        ("2026-03-10T21:59", "22:00", "07:00", None),
        ("2026-03-10T13:00", "12:00", "14:00", "2026-03-10T14:00"),
        ("2026-03-10T14:00", "12:00", "14:00", None),
        ("2026-03-10T13:00", "13:00", "13:00", None),
        # In this night the clocks went from 2 to 3: seven o'clock comes an hour sooner.
        ("2026-03-28T23:00", "22:00", "07:00", "2026-03-29T07:00"),
        # And half past two never came: the quiet hours end with the change.
        ("2026-03-28T23:00", "22:00", "02:30", "2026-03-29T03:00"),
        ("2026-03-29T03:10", "22:00", "02:30", None),
        # In this one seven o'clock comes an hour later, and half past two twice: the first is meant.
        ("2026-10-24T23:00", "22:00", "07:00", "2026-10-25T07:00"),
        ("2026-10-24T23:00", "22:00", "02:30", "2026-10-25T02:30"),
    ],
)
def test_quiet_hours_end_when_they_should(
    now: str, start: str, end: str, until: str | None
) -> None:
    found = quiet_until(ms(now), time.fromisoformat(start), time.fromisoformat(end), MADRID)
    assert found == (None if until is None else ms(until))


@given(
    st.integers(1_700_000_000_000, 1_900_000_000_000),
    st.times(),
    st.times(),
    st.sampled_from(["UTC", "Europe/Madrid", "America/Bogota", "Asia/Kathmandu", "Pacific/Apia"]),
)
def test_after_the_end_of_quiet_hours_it_is_not_quiet(
    now_ms: int, start: time, end: time, zone: str
) -> None:
    start, end = start.replace(second=0, microsecond=0), end.replace(second=0, microsecond=0)
    until = quiet_until(now_ms, start, end, ZoneInfo(zone))
    if until is not None:
        assert now_ms <= until <= now_ms + 25 * 3_600_000


CHANGES = [
    ("Europe/Madrid", "2026-03-29T01:00+00:00"),
    ("Europe/Madrid", "2026-10-25T01:00+00:00"),
    ("America/New_York", "2026-03-08T07:00+00:00"),
    ("America/New_York", "2026-11-01T06:00+00:00"),
    # Half an hour.
    ("Australia/Lord_Howe", "2026-04-04T15:00+00:00"),
    ("Australia/Lord_Howe", "2026-10-03T15:30+00:00"),
]
_minutes = st.times().map(lambda at: at.replace(second=0, microsecond=0))


@given(st.sampled_from(CHANGES), st.integers(-36 * 60, 36 * 60), _minutes, _minutes)
def test_around_a_change_of_the_clocks_quiet_hours_end_once_and_at_one_moment(
    change: tuple[str, str], minutes: int, start: time, end: time
) -> None:
    """
    002-T8: whoever asks before hears the same end, and at that moment it is quiet no longer.
    """
    zone = ZoneInfo(change[0])
    now_ms = round(datetime.fromisoformat(change[1]).timestamp() * 1000) + minutes * 60_000
    until = quiet_until(now_ms, start, end, zone)
    if until is None or until == now_ms:
        return
    assert quiet_until(until, start, end, zone) in (None, until)
    assert quiet_until(until - 60_000, start, end, zone) in (until, until - 60_000)


@given(
    st.integers(1_700_000_000_000, 1_900_000_000_000),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.sampled_from([None, *range(7)]),
)
def test_the_next_digest_is_the_first_at_that_time_and_day(
    now_ms: int, at: time, weekday: int | None
) -> None:
    found = next_digest(now_ms, at, ZoneInfo("UTC"), weekday=weekday)
    moment = datetime.fromtimestamp(found / 1000, UTC)
    days = 1 if weekday is None else 7
    assert now_ms < found <= now_ms + days * 86_400_000
    assert moment.time() == at
    assert weekday in (None, moment.weekday())


@pytest.mark.parametrize("text", ["24:00", "7:00", "07:60", "", "07:00:00"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="time of day"):
        read_clock(text, "start")


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "", "a\x00b"])
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match="IANA"):
        read_zone(name)
