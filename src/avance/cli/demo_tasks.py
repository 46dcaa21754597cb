"""
The tasks of `avance demo`.
"""

import asyncio
import time

from avance.app import Avance
from avance.jobs.context import Job
from avance.jobs.task import Retry

app = Avance()

STEPS_MAX = 100_000
PAUSE_S_MAX = 60.0


@app.task(name="demo.count", expose=True, title="title")
def count(job: Job, steps: int = 50, pause_s: float = 0.1, title: str = "Counting") -> int:
    """
    Count to `steps`, with a pause before each.
    """
    steps, pause_s = min(steps, STEPS_MAX), min(pause_s, PAUSE_S_MAX)
    for number in range(1, steps + 1):
        time.sleep(pause_s)
        job.progress(current=number, total=steps, message=f"{number} of {steps}")
    return steps


@app.task(
    name="demo.document",
    expose=True,
    title="name",
    phases={"parsing": 20, "chunking": 10, "embedding": 60, "storing": 10},
)
def document(job: Job, name: str = "report.pdf", pages: int = 40) -> dict[str, object]:
    """
    Pretend to read a document, in phases.
    """
    pages = min(pages, STEPS_MAX)
    for phase in ("parsing", "chunking", "embedding", "storing"):
        with job.phase(phase):
            for page in range(1, pages + 1):
                time.sleep(0.02)
                job.progress(current=page, total=pages, message=f"{phase}: page {page} of {pages}")
    job.log("stored", pages=pages)
    return {"name": name, "pages": pages, "chunks": pages * 3}


@app.task(name="demo.fail", expose=True, retry=Retry(max_attempts=3, backoff_s=(1.0, 2.0)))
def fail(job: Job, times: int = 2) -> str:
    """
    Fail `times` times, then succeed; there are three attempts.
    """
    job.log(f"attempt {job.attempt}", level="warning")
    job.progress(percent=30.0 * job.attempt, message="not yet")
    if job.attempt <= times:
        raise RuntimeError(f"attempt {job.attempt} was meant to fail")
    return f"succeeded at attempt {job.attempt}"


@app.task(name="demo.wait", expose=True)
async def wait(job: Job, seconds: float = 10.0) -> float:
    """
    Wait in the event loop.
    """
    seconds = min(max(seconds, 0.0), 3_600.0)
    job.progress(message=f"waiting {seconds:g} s")
    await asyncio.sleep(seconds)
    return seconds
