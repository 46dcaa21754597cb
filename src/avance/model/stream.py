"""
A channel is a stream: an epoch, and offsets from 1 without a gap. A position is a place in it.
"""

import msgspec


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """
    The top of a stream, or the last event that a reader has seen.
    """

    epoch: str
    offset: int


class Append(msgspec.Struct, frozen=True, kw_only=True):
    """
    An event on its way into the store, encoded once.
    """

    channel: str
    body: bytes
    """A JSON object; with `is_stamped` the store adds `v` and `seq`, the offset that it gives in its transaction."""
    is_stamped: bool = True
    conflate: str | None = None
    """For ordinary progress: of the events of one channel and key, only the latest matters to a reader that is slow."""


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """
    An event as stored: these bytes travel unchanged on the bus and in every frame.
    """

    channel: str
    epoch: str
    offset: int
    """0 in a channel that keeps no history."""
    data: bytes
    conflate: str | None = None


class StreamPage(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a read of a stream answers: its top at that moment, and publications in ascending order.
    """

    top: Position
    publications: tuple[Publication, ...] = ()


def stamp(body: bytes, offset: int) -> bytes:
    """
    Put the envelope's version and sequence number in front of an encoded JSON object.
    """
    head = b'{"v":1,"seq":%d' % offset
    return head + b"}" if body == b"{}" else head + b"," + body[1:]


def job_channel(job_id: str) -> str:
    return f"job:{job_id}"


def jobs_channel(user: str) -> str:
    return f"jobs:#{user}"


def inbox_channel(user: str) -> str:
    return f"inbox:#{user}"
