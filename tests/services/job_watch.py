"""
Look at jobs of a host that runs in this process.
"""

from collections.abc import Callable

import anyio
import msgspec

from avance import Avance
from avance.app.report_limits import ReportLimits
from avance.errors import NotFound
from avance.model.job import Job

SOON = ReportLimits(lease_s=5.0, beat_s=0.5, look_interval_s=0.25, reader_lock_s=1.0)
"""A lost worker is lost sooner, and a busy machine still has ten beats."""


async def until(host: Avance, job_id: str, is_so: Callable[[Job], bool]) -> Job:
    """
    Wait until the job is there and so.
    """
    while True:
        try:
            job = await host.jobs.get(job_id)
        except NotFound:
            job = None
        if job is not None and is_so(job):
            return job
        assert job is None or not job.state.is_terminal, job
        await anyio.sleep(0.02)


async def ended(host: Avance, job_id: str) -> Job:
    return await until(host, job_id, lambda job: job.state.is_terminal)


async def states(host: Avance, job_id: str) -> list[tuple[str, int]]:
    """
    Every state that was told, with its attempt.
    """
    page = await host.jobs.events(job_id, since=0, limit=500)
    events = [msgspec.json.decode(publication.data) for publication in page.publications]
    return [(event["to"], event["attempt"]) for event in events if event["type"] == "state"]
