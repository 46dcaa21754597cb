"""
What a client that comes back may be given: decisions over positions, without a store.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from avance.protocol.codes import (
    ERROR_UNRECOVERABLE_POSITION,
    ReplyError,
)
from avance.protocol.messages import HistoryRequest

PUBLICATIONS_MAX = 300
"""In one recovery and in one page of history. Who missed more starts from a snapshot."""

FLAG_REJECT_UNRECOVERED = 2
"""In the flag of a subscribe: answer error 112 instead of `recovered` false."""


class HasOffset(Protocol):
    """
    Anything with a place in a stream.
    """

    @property
    def offset(self) -> int:
        """
        Counted from 1 without gaps.
        """


def recover_stream(
    request_epoch: str,
    request_offset: int,
    epoch: str,
    top: int,
    publications: Sequence[HasOffset],
) -> bool:
    """
    Tell whether the publications close the gap between the position of a client and the top of the stream.

    Args:
        publications: What is kept with an offset above `request_offset`, ascending; ask the store for one more than
            PUBLICATIONS_MAX, as a longer gap is not recovered.
    """
    if request_epoch not in ("", epoch):
        return False
    if not publications:
        return top == request_offset
    return (
        len(publications) <= PUBLICATIONS_MAX
        and publications[0].offset == request_offset + 1
        and publications[-1].offset == top
    )


def recover_cache(top: int, latest: HasOffset | None) -> bool:
    """
    Tell whether the latest publication alone brings a client up to date.
    """
    return top == 0 if latest is None else latest.offset == top


class HistoryWindow(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a history request asks of the store.
    """

    limit: int
    """At most so many publications; 0 asks for the position only."""
    after: int | None = None
    """Publications with a greater offset, ascending."""
    before: int | None = None
    """Publications with a smaller offset, descending."""
    is_reverse: bool = False


def history_window(
    request: HistoryRequest, *, epoch: str, limit_max: int = PUBLICATIONS_MAX
) -> HistoryWindow:
    """
    Bring a request into bounds; `since` is exclusive in both directions.

    Raises:
        ReplyError: `since` is of another epoch (112).
    """
    limit = request.limit if 0 <= request.limit <= limit_max else limit_max
    since = request.since
    if since is None:
        return HistoryWindow(limit=limit, is_reverse=request.reverse)
    if since.epoch not in ("", epoch):
        raise ReplyError(
            ERROR_UNRECOVERABLE_POSITION, f"epoch {since.epoch!r} is gone, the stream has {epoch!r}"
        )
    if request.reverse:
        return HistoryWindow(limit=limit, before=since.offset, is_reverse=True)
    return HistoryWindow(limit=limit, after=since.offset)
