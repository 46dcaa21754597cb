"""
One job as one line of a terminal.
"""

from collections.abc import Mapping
from typing import Any

WIDTH = 28
MARKS = {
    "scheduled": "⏲",
    "queued": "…",
    "running": "▶",
    "retrying": "↻",
    "completed": "✔",
    "failed": "✘",
    "cancelled": "■",
    "expired": "⌛",
}
_EIGHTHS = " ▏▎▍▌▋▊▉"


def bar(percent: float | None, width: int = WIDTH) -> str:
    """
    A bar with the fineness of an eighth of a character; dots while no total is known.
    """
    if percent is None:
        return "·" * width
    eighths = round(max(0.0, min(percent, 100.0)) / 100 * width * 8)
    full, part = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[part] if part else "")).ljust(width)


def line(job: Mapping[str, Any], columns: int) -> str:
    """
    State, bar, percent, phase and message, cut to the width of the terminal.
    """
    progress = job.get("progress") or {}
    percent = progress.get("percent")
    shown = "     " if percent is None else f"{percent:4.0f}%"
    state = str(job.get("state", ""))
    words = [f"{MARKS.get(state, '?')} {state:<9}", f"│{bar(percent)}│", shown]
    phase, count = progress.get("phase"), progress.get("phase_count")
    if phase:
        index = (progress.get("phase_index") or 0) + 1
        words.append(f"{phase} {index}/{count}" if count else str(phase))
    if progress.get("total") is not None:
        unit = progress.get("unit") or ""
        words.append(f"{progress.get('current') or 0:g}/{progress['total']:g} {unit}".strip())
    if job.get("attempt", 1) > 1:
        words.append(f"attempt {job['attempt']}/{job.get('max_attempts', '?')}")
    if progress.get("message"):
        words.append(printable(str(progress["message"])))
    if progress.get("eta_s") and state == "running":
        words.append(f"about {_span(progress['eta_s'])} left")
    return " ".join(words)[: max(columns - 1, 20)]


def printable(text: str) -> str:
    """
    Without control characters, which could do anything to a terminal.
    """
    return "".join(char if char.isprintable() else " " for char in text)


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5_400 else f"{seconds / 3600:.1f} h"
