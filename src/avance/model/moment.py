"""
Moments are whole milliseconds since 1970 in UTC inside, and RFC 3339 text on the wire.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=256)
def wire_time(moment_ms: int) -> str:
    """
    Render as `2026-01-01T00:00:00.000Z`.
    """
    whole = (_EPOCH + timedelta(milliseconds=moment_ms)).isoformat(timespec="milliseconds")
    return whole[:23] + "Z"


def optional_wire_time(moment_ms: int | None) -> str | None:
    """
    Render, or pass None on.
    """
    return None if moment_ms is None else wire_time(moment_ms)
