"""
The first thing that a subscriber of a job, or of a list of jobs, is told.
"""

from avance.hub.subscription import Snapshot
from avance.model import event
from avance.model.job import summary, view
from avance.model.moment import wire_time
from avance.model.stream import stamp
from avance.ports.clock import Clock
from avance.ports.store import JobFilter, Store

LISTED_JOBS_MAX = 100


class JobSnapshots:
    """
    `job:<id>`: the whole job. Its `seq` is the top of its channel at the moment of the row, so both are of one moment.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def __call__(self, channel: str, /) -> Snapshot | None:
        job = await self._store.job(channel.partition(":")[2])
        if job is None:
            return None
        body = event.encode(
            event.Snapshot(
                job_id=job.id,
                attempt=job.attempt,
                ts=wire_time(self._clock.now_ms()),
                job=view(job),
            )
        )
        return Snapshot(offset=job.seq, data=stamp(body, job.seq))


class JobListSnapshots:
    """
    `jobs:#<user>`: the newest jobs of that user. The position is read before the rows, so that a summary that comes after it may
    repeat what the rows already hold, and never lacks anything.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def __call__(self, channel: str, /) -> Snapshot | None:
        top = (await self._store.stream(channel)).top
        owner = channel.partition("#")[2]
        page = await self._store.jobs(JobFilter(owner=owner, limit=LISTED_JOBS_MAX))
        body = event.encode(event.JobListSnapshot(jobs=tuple(summary(job) for job in page.jobs)))
        return Snapshot(offset=top.offset, data=stamp(body, top.offset))
