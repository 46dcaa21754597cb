"""
Jobs and commits as the layers above make them.
"""

from collections.abc import Callable
from itertools import count

from msgspec.structs import replace

from avance.errors import AvanceError
from avance.model import machine
from avance.model.job import Job, State
from avance.model.machine import Step
from avance.model.stream import Append, Publication
from avance.ports.clock import Clock
from avance.ports.store import Commit, Durability, JobWrite, Store
from avance.testing.clock import FIRST_MS

MakeStore = Callable[[Clock], Store]

_numbers = count(1)


def a_job(job_id: str | None = None, **fields: object) -> Job:
    """
    A queued job that has told nothing yet.
    """
    defaults: dict[str, object] = {
        "id": job_id or f"job-{next(_numbers):06d}",
        "kind": "sample",
        "state": State.QUEUED,
        "created_ms": FIRST_MS,
        "queued_ms": FIRST_MS,
    }
    return Job(**{**defaults, **fields})  # type: ignore[arg-type]


async def submit(store: Store, job: Job | None = None, input: bytes = b"{}") -> Job:
    """
    Commit a new job and the event that tells of it.
    """
    step = machine.created(job or a_job(), FIRST_MS)
    await store.commit(
        Commit(
            writes=(JobWrite(job=step.job, expects=None, input=input),),
            appends=step.appends,
        )
    )
    return step.job


async def begin(store: Store, worker: str, lease_until_ms: int, job: Job | None = None) -> Job:
    """
    Commit a new job that a worker has from its first moment.
    """
    made = machine.created(job or a_job(), FIRST_MS)
    step = made.then(machine.claim(made.job, worker, FIRST_MS))
    write = JobWrite(job=step.job, expects=None, input=b"{}", lease_until_ms=lease_until_ms)
    await store.commit(Commit(writes=(write,), appends=step.appends))
    return step.job


async def take(
    store: Store, before: Job, step: Step, durability: Durability = Durability.FULL
) -> Job:
    """
    Commit a step of the machine.
    """
    await store.commit(
        Commit(
            writes=(JobWrite(job=step.job, expects=before.seq, large_result=step.large_result),),
            appends=step.appends,
            durability=durability,
        )
    )
    return step.job


def an_event(channel: str, body: bytes = b'{"type":"log"}', **fields: object) -> Append:
    return Append(channel=channel, body=body, **fields)  # type: ignore[arg-type]


async def say(store: Store, channel: str, *bodies: bytes) -> list[Publication]:
    """
    Commit events alone.
    """
    appends = tuple(an_event(channel, body) for body in bodies)
    return list(await store.commit(Commit(appends=appends)))


def with_events(job: Job, told: int) -> Job:
    """
    The record after so many more events.
    """
    return replace(job, seq=job.seq + told)


def code_of(error: BaseException | None) -> str | None:
    return error.code if isinstance(error, AvanceError) else None
