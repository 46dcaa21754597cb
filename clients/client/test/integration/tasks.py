"""
Tasks that a test leads: they go on when a file appears.
"""

import time
from pathlib import Path
from typing import Any

from avance import Avance, Job, Retry

app = Avance()

PATIENCE_S = 60.0


def wait_for(path: Path) -> None:
    end = time.monotonic() + PATIENCE_S
    while not path.exists():
        if time.monotonic() > end:
            raise TimeoutError(f"{path} did not appear within {PATIENCE_S:g} s")
        time.sleep(0.01)


@app.task(name="test.steps", expose=True, phases={"first": 40, "second": 60})
def steps(job: Job, gate: str, total: int = 4) -> dict[str, Any]:
    with job.phase("first"):
        job.log("begun", attempt=job.attempt)
        for number in range(total):
            wait_for(Path(gate) / str(number))
            job.progress(current=number + 1, total=total, message=f"step {number + 1}")
            job.emit("tokens", f"t{number}")
    with job.phase("second"):
        job.save({"partial": True})
        wait_for(Path(gate) / "end")
    return {"total": total, "attempt": job.attempt}


@app.task(name="test.large", expose=True)
def large(size: int) -> str:
    return "x" * size


@app.task(name="test.fails", expose=True, retry=Retry(max_attempts=2, backoff_s=(0.1,)))
def fails(job: Job) -> None:
    job.progress(percent=25.0 * job.attempt)
    raise ValueError(f"attempt {job.attempt} was meant to fail")
