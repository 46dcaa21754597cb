"""
Values of cells: times in all the forms that spreadsheets give them, numbers with a comma, yes and no.
"""

import re
from datetime import datetime, time, timedelta

from avance.apps.routes.model import clock_seconds, clock_text
from avance.apps.routes.tables.headings import plain

DAY_S = 86_400
FRACTION_MAX = 1.26
"""Day fractions end at 30:00 of the service day."""
_DOTTED = re.compile(r"(\d{1,2})[.,h](\d{2})")


def read_time(value: object) -> str | None:
    """
    `HH:MM:SS`; None for an empty cell.

    Raises:
        ValueError: It is no time.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, datetime | time):
        return value.strftime("%H:%M:%S")
    if isinstance(value, timedelta):
        return clock_text(round(value.total_seconds()))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _time_of_number(float(value))
    text = str(value).strip()
    dotted = _DOTTED.fullmatch(text)
    if dotted:
        text = f"{dotted[1]}:{dotted[2]}"
    elif re.fullmatch(r"0[.,]\d{3,}", text):
        return _time_of_number(float(text.replace(",", ".")))
    return clock_text(clock_seconds(text))


def _time_of_number(value: float) -> str:
    if 0 <= value < FRACTION_MAX:
        return clock_text(60 * round(value * DAY_S / 60))
    hours, minutes = divmod(round(value * 100), 100)
    if hours <= 30 and minutes < 60:
        return clock_text(3600 * hours + 60 * minutes)
    raise ValueError(f"{value:g} is no time")


def read_number(value: object) -> float | None:
    """
    Raises:
        ValueError: It is no number.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is no number")
    try:
        return float(str(value).strip().replace(",", "."))
    except ValueError:
        raise ValueError(f"{value!r} is no number") from None


def read_flag(value: object) -> bool:
    return plain(value) in ("1", "si", "s", "yes", "true", "x", "1 0")


def read_text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() or None
