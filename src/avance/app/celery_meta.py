"""
What people put into the `meta` of `update_state`, read as progress.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

_PERCENT = ("percent", "progress", "percentage", "pct")
_CURRENT = ("current", "done", "processed")
_TOTAL = ("total", "count")
_PHASE = ("phase", "step", "stage")
_MESSAGE = ("message", "status", "description", "detail")
PERCENT_MAX = 100


def progress_of(meta: object) -> dict[str, Any] | None:
    """
    The fields of a progress report, or None where the meta says nothing about it.
    """
    if not isinstance(meta, Mapping):
        return None
    current, total = _number(meta, _CURRENT), _number(meta, _TOTAL)
    percent = None if current is not None and total else _number(meta, _PERCENT)
    found: dict[str, Any] = {
        "percent": None if percent is None else max(0.0, min(percent, PERCENT_MAX)),
        "current": current if total else None,
        "total": total if current is not None else None,
        "phase": _text(meta, _PHASE),
        "message": _text(meta, _MESSAGE),
    }
    known = {*_PERCENT, *_CURRENT, *_TOTAL, *_PHASE, *_MESSAGE}
    rest = _plain({str(key): value for key, value in meta.items() if key not in known})
    if rest:
        found["data"] = rest
    return found if any(value is not None for value in found.values()) else None


def _number(meta: Mapping[Any, Any], names: tuple[str, ...]) -> float | None:
    for name in names:
        value = meta.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    return None


def _text(meta: Mapping[Any, Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        value = meta.get(name)
        if isinstance(value, str) and value:
            return value
    return None


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    try:
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(values))
    except (TypeError, ValueError, msgspec.MsgspecError):
        return {}
    return plain
