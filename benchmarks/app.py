"""
The tasks that are measured; the server and the embedded engine both load this app.
"""

import time

from avance import Avance, Job, Throttle

app = Avance()


@app.task(name="nothing")
async def nothing() -> int:
    """
    Costs nothing, so that what remains is the way of a job through the product.
    """
    return 1


@app.task(name="nothing_in_a_process")
def nothing_in_a_process() -> int:
    return 1


@app.task(name="tick", progress=Throttle(hz=1_000_000), expose=True)
def tick(begin_at_ns: int, count: int, gap_ns: int, job: Job) -> None:
    """
    Report progress at an even rate; each report carries the moment at which it was made.
    """
    for index in range(count):
        due_ns = begin_at_ns + index * gap_ns
        while (wait_ns := due_ns - time.monotonic_ns()) > 0:
            time.sleep(wait_ns / 1e9)
        job.progress(100 * index / count, message=f"t={time.monotonic_ns()}")


@app.task(name="pour", progress=Throttle(hz=1_000_000))
def pour(count: int, job: Job) -> None:
    """
    Emit data events as fast as the product takes them.
    """
    for index in range(count):
        job.emit("row", {"n": index, "text": "a row of the document " * 6})
