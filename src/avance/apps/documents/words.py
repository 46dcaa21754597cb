"""
What the states of a job are called in each contract.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from avance import State
from avance.errors import InvalidRequest

Chosen = TypeVar("Chosen", bound=StrEnum)

PERCENT_AT = {
    "received": 0.0,
    "extracting": 0.0,
    "chunking": 20.0,
    "enriching": 40.0,
    "indexing": 70.0,
}
"""Where the window of a stage begins (docs/contract/uploads.md, decision 4)."""
STAGES = tuple(PERCENT_AT)
STEPS = {"extracting": "parsing", "indexing": "indexing"}
"""The stages that ingest shows."""


def one_of(kind: type[Chosen], text: str, name: str) -> Chosen:
    """
    What somebody chose by its word.

    Raises:
        InvalidRequest: There is no such word; those that there are, are told.
    """
    try:
        return kind(text)
    except ValueError:
        known = ", ".join(one.value for one in kind)
        raise InvalidRequest(
            f"{name} is {text!r}; use one of: {known}",
            code="invalid_request",
            allowed=[one.value for one in kind],
        ) from None


def ingest_status(state: State, attempt: int) -> str:
    """
    queued, processing, completed or failed; a repeated attempt stays processing.
    """
    if state is State.COMPLETED:
        return "completed"
    if state.is_terminal:
        return "failed"
    is_waiting = state in (State.SCHEDULED, State.QUEUED)
    return "queued" if is_waiting and attempt <= 1 else "processing"


def failure(state: State, error: Mapping[str, Any] | None) -> str:
    """
    Why it failed, in the words that the contract fixes for a cancel and a deadline.
    """
    if state in (State.CANCELLED, State.EXPIRED):
        return state.value
    return str((error or {}).get("message") or "the work failed")


def with_offset(wire_ts: str) -> str:
    """
    The time of an event as uploads tell it: microseconds and `+00:00`.
    """
    return f"{wire_ts.removesuffix('Z')}000+00:00"


def iso_z(ms: int | None) -> str | None:
    """
    A moment in UTC that ends in Z.
    """
    if ms is None:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
