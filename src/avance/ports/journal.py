"""
Where workers without the store write what they have to tell, and one serving node at a time reads it.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Sequence

import msgspec


class Entry(msgspec.Struct, frozen=True):
    """
    One report as it was written.
    """

    id: bytes
    body: bytes


class Journal(ABC):
    """
    The reading side, in an event loop.
    """

    problem: str | None
    """Why it cannot be read now."""
    is_caught_up: bool
    """The last batch had all that was written by then."""

    @abstractmethod
    def batches(self) -> AsyncGenerator[Sequence[Entry] | None]:
        """
        What was written, in order and without end, while this node is the reader; None each time that reading begins; an empty batch
        where nothing waits. What was not acknowledged comes again, first to whoever reads next. Never raises because its server is away.
        """

    @abstractmethod
    async def keep(self) -> bool:
        """
        Remain the reader while a batch waits to be applied; false where another node may be it.
        """

    @abstractmethod
    async def acknowledge(self, entries: Sequence[Entry]) -> None:
        """
        They are in the store and do not come again. Where that cannot be said they do.
        """

    @abstractmethod
    async def cancel(self, job_id: str) -> None:
        """
        Tell workers, those that run now and those that find the task later.
        """

    @abstractmethod
    def close(self) -> None:
        """
        Read no more: the generator ends with its next look.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """
        Let another node read at once.
        """


class ReportWriter(ABC):
    """
    The writing side, for threads and processes without an event loop.
    """

    @abstractmethod
    def append(self, body: bytes, *, conflate: str | None = None) -> None:
        """
        Write it soon, in order; never blocks. One with a key replaces the one before it with the same key that still waits.
        """

    @abstractmethod
    def flush(self, timeout_s: float) -> bool:
        """
        Wait until all is written, for so long at most.
        """

    @abstractmethod
    def is_cancelled(self, job_id: str) -> bool:
        """
        Whether somebody cancelled it, as far as is known.
        """

    @abstractmethod
    def listen(self, cancel: Callable[[str], None]) -> object:
        """
        Call it with each job that is cancelled from now on, from a thread of its own.
        """

    @abstractmethod
    def close(self) -> None:
        """
        Write what waits if that is possible, and end.
        """
