"""
Which job runs next, and who is running it. Every state that a queue changes goes through `avance.model.machine`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import msgspec

from avance.model.job import Job
from avance.model.stream import Publication


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    job: Job
    """Running, of this worker, with the attempt that fences it."""
    input: bytes


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    claimed: tuple[Claimed, ...] = ()
    publications: tuple[Publication, ...] = ()
    has_more: bool = True
    """False where it is known that nothing is left that these runners could take now."""


class Swept(msgspec.Struct, frozen=True, kw_only=True):
    jobs: tuple[Job, ...] = ()
    """Every job that the sweep moved, as it is now."""
    publications: tuple[Publication, ...] = ()
    next_due_ms: int | None = None
    """When the next scheduled job, back-off, deadline or lease falls due."""
    has_more: bool = False


class Held(msgspec.Struct, frozen=True, kw_only=True):
    job_id: str
    attempt: int


class Queue(ABC):
    """
    Shares its transactions with the store of the same backend.
    """

    @abstractmethod
    async def claim(
        self,
        worker: str,
        free: Mapping[str, int],
        kinds: Sequence[str],
        *,
        now_ms: int,
        lease_until_ms: int,
    ) -> Claims:
        """
        Give queued jobs to a worker, by priority (higher first), then by the time of queueing.

        `free` is the room for each runner (`process`, `thread`, `async`), `kinds` the tasks that this worker knows. A job whose
        `limit_key` already has `limit_max` running jobs waits and does not hold up others. No two workers ever get the same attempt.
        """

    @abstractmethod
    async def renew(
        self, worker: str, running: Mapping[str, int], *, lease_until_ms: int
    ) -> Sequence[Held]:
        """
        Extend the leases of what this worker runs, and answer which it still holds: it must stop the others.

        Args:
            running: The attempt of each job. What the worker was given and does not know of, because the answer to its claim was
                lost, is not extended, so that it goes to another.
        """

    @abstractmethod
    async def release(self, worker: str, *, now_ms: int, is_counted: bool) -> Swept:
        """
        Queue again what a worker ran that is known to be gone (counted as a loss) or that stops in order (not counted).
        """

    @abstractmethod
    async def sweep(self, now_ms: int) -> Swept:
        """
        Move what time moves: scheduled and retrying jobs that are due, deadlines, leases that have run out (also those of a worker
        on this machine that is known to be dead), and submits that waited in a caller's transaction. Bounded work a call.
        """
