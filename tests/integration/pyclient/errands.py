"""
The app that the client is tried on.
"""

import time
from pathlib import Path

from avance import Avance, Job, Retry

app = Avance()


@app.task(name="add")
def add(a: int, b: int) -> int:
    return a + b


@app.task(name="walk", phases={"there": 50, "back": 50}, retry=Retry(max_attempts=1, lost_max=100))
def walk(steps: int, gate: str, job: Job) -> str:
    """
    Waits in the middle until the file `gate` is there.
    """
    with job.phase("there"):
        for n in range(steps):
            job.log(f"step {n}")
    while not Path(gate).exists():
        job.checkpoint()
        time.sleep(0.005)
    with job.phase("back"):
        for n in range(steps):
            job.log(f"step {steps + n}")
    return "home"


@app.task(name="stumble")
def stumble() -> None:
    raise ValueError("a stone")
