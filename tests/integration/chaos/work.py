"""
The app whose server and workers are killed. Served with `avance serve work:app`.
"""

import asyncio
import time

from avance import Avance, Job, Retry

app = Avance()


@app.task(
    phases={"read": 30, "write": 70}, retry=Retry(max_attempts=2, backoff_s=(0.05,), lost_max=1_000)
)
def steps(count: int, pause_s: float, job: Job) -> int:
    """
    Goes through two phases; takes part in everything that can be killed.
    """
    for phase in ("read", "write"):
        for _ in job.track(range(count), phase=phase):
            time.sleep(pause_s)
    return count


@app.task(retry=Retry(max_attempts=3, backoff_s=(0.02, 0.05), lost_max=1_000))
def stumbles(fails: int, job: Job) -> int:
    """
    Fails in its first attempts.
    """
    job.progress(30)
    if job.attempt <= fails:
        raise RuntimeError(f"attempt {job.attempt}")
    job.progress(60)
    return job.attempt


@app.task(retry=Retry(max_attempts=1, lost_max=1_000))
async def waits(pause_s: float, job: Job) -> str:
    """
    Lives in the serving process and dies with it.
    """
    job.progress(50)
    await asyncio.sleep(pause_s)
    return "waited"


@app.task(retry=Retry(max_attempts=1, lost_max=1_000))
def family(children: int, job: Job) -> int:
    """
    Ends after its children.
    """
    if not job.meta.get("has_spawned"):
        for _ in range(children):
            job.spawn(steps, 3, 0.002)
        job.meta["has_spawned"] = True
    return children


@app.task(retry=Retry(max_attempts=1, lost_max=2))
def fragile(pause_s: float, job: Job) -> str:
    """
    Ends as failed when its worker is lost twice.
    """
    job.progress(10)
    time.sleep(pause_s)
    return "survived"
