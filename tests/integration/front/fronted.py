"""
The app whose clients a Centrifugo serves.
"""

from avance import Avance, Job, Throttle

app = Avance()


@app.task(name="burst", progress=Throttle(hz=100_000), expose=True)
def burst(count: int, job: Job) -> int:
    """
    Many events in a short time.
    """
    for n in range(count):
        job.log(f"event {n}")
    return count
