"""
The truth: job rows and the events that tell of them, written together.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import StrEnum
from typing import Self

import msgspec

from avance.model.job import Children, Job, State
from avance.model.stream import Append, Position, Publication, StreamPage


class Durability(StrEnum):
    FULL = "full"
    """On the disk when the call returns: survives a power cut."""
    NORMAL = "normal"
    """In the operating system's hands when the call returns: survives a killed process."""


class JobWrite(msgspec.Struct, frozen=True, kw_only=True):
    job: Job
    """`job.seq` counts the appends to `job:<id>` in this commit."""
    expects: int | None
    """The `seq` that the stored row must have; None for a job that must not exist yet."""
    input: bytes | None = None
    """The encoded arguments, once, with the job."""
    large_result: bytes | None = None
    lease_until_ms: int | None = None
    """With a job that is written as running: until when its worker holds it."""


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """
    Rows and events that become true together, or not at all.
    """

    writes: tuple[JobWrite, ...] = ()
    appends: tuple[Append, ...] = ()
    removes: tuple[str, ...] = ()
    """Jobs that have ended and now go, with their events, input and result; their streams keep epoch and top."""
    durability: Durability = Durability.FULL


class JobFilter(msgspec.Struct, frozen=True, kw_only=True):
    """
    Every field narrows; None and () do not.
    """

    owner: str | None = None
    tenant: str | None = None
    states: tuple[State, ...] = ()
    kind: str | None = None
    tag: str | None = None
    parent_id: str | None = None
    limit_key: str | None = None
    text: str | None = None
    """Part of the title or the start of the id, without regard to case."""
    created_after_ms: int | None = None
    created_before_ms: int | None = None
    limit: int = 50
    cursor: str | None = None
    """From the page before; opaque, stable while jobs arrive."""


class JobPage(msgspec.Struct, frozen=True, kw_only=True):
    jobs: tuple[Job, ...]
    """Newest first (`created_ms`, then id)."""
    cursor: str | None
    """None on the last page."""


class Part(StrEnum):
    INPUT = "input"
    RESULT = "result"


class Store(ABC):
    """
    An async context manager: open before use, closed after everything above it.
    """

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    @abstractmethod
    async def commit(self, commit: Commit) -> Sequence[Publication]:
        """
        Write all of it in one transaction and answer the appends, in order, with their place in their streams.

        Offsets of a channel grow from 1 without a gap in the order of commits; a channel that does not exist yet gets a random epoch.
        Commits that are awaited together share a transaction and a sync; one that is refused does not touch the others.

        Raises:
            Conflict: A row does not have the expected `seq` (code `stale_write`), an active job already has the `unique_key`
                (code `duplicate`, param `job_id` names it), or a job to remove has not ended (code `job_state`).
            Unavailable: The disk is full or the database cannot be reached; nothing was written.
        """

    @abstractmethod
    async def job(self, job_id: str) -> Job | None:
        """
        Read one record, at least as new as any commit that has returned.
        """

    @abstractmethod
    async def jobs(self, wanted: JobFilter) -> JobPage:
        """
        Read a page of records.
        """

    @abstractmethod
    async def part(self, job_id: str, part: Part) -> bytes | None:
        """
        Read the encoded arguments, or a result that is too large for the record.
        """

    @abstractmethod
    async def stream(
        self, channel: str, *, since: int | None = None, limit: int = 0, is_reversed: bool = False
    ) -> StreamPage:
        """
        Read the top of a stream, and with a limit the retained publications after `since` (before it when reversed, newest first).

        Top and publications come from one moment. A channel that has never been written to answers the epoch that its first write
        will keep, and offset 0.
        """

    @abstractmethod
    async def children(self, parent_id: str) -> Children:
        """
        Roll up the children of a job from their rows. A child that another child names in `retry_of` counts no more.
        """

    @abstractmethod
    async def parted(self, since_ms: int) -> Sequence[str]:
        """
        Find the parents that a crash may have parted from their children: active ones of which a child ended since then, and those that
        ended otherwise than completed since then and have an active child.
        """

    @abstractmethod
    async def trim(self, now_ms: int, policy: "Retention") -> int:
        """
        Remove what is past its time and answer how many rows went; bounded work, call again while it answers more than 0.
        A stream keeps its epoch and top, so that a reader that comes back is told that it missed something, never the wrong thing.
        """


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    events_per_channel_max: int = 1_000
    events_after_end_ms: int = 24 * 3_600_000
    """How long the log and result of a job stay after its end."""
    jobs_after_end_ms: int = 30 * 24 * 3_600_000
    events_of_topics_ms: int = 24 * 3_600_000
    rows_a_round_max: int = 5_000


TOP_OF_NOTHING = Position(epoch="", offset=0)
