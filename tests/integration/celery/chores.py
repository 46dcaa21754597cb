"""
A Celery app as its users have it; two lines attach it.
"""

import os
import time
from pathlib import Path

from celery import Celery

import avance
from avance.celery import attach

REDIS = os.environ["CHORES_REDIS"]
app = Celery("chores", broker=REDIS, backend=REDIS)
app.conf.update(
    task_track_started=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
    result_extended=True,
)
attach(app, REDIS)


def wait_for(path: str) -> None:
    while not Path(path).exists():
        time.sleep(0.01)


@app.task(bind=True, name="steps")
def steps(self, directory, count):
    """
    Tells its state as Celery users do, and waits for a file at each step.
    """
    for n in range(1, count + 1):
        wait_for(f"{directory}/{n}")
        self.update_state(
            state="PROGRESS", meta={"current": n, "total": count, "message": f"step {n}"}
        )
    return {"steps": count}


@app.task(name="talks")
def talks(count):
    """
    Uses avance from inside.
    """
    job = avance.current()
    with job.phase("talking"):
        for n in job.track(range(count)):
            job.log(f"line {n}")
    return job.id


@app.task(bind=True, name="stumbles", max_retries=3)
def stumbles(self, times, waits):
    if self.request.retries < times:
        try:
            raise ValueError(f"attempt {self.request.retries + 1}")
        except ValueError as error:
            raise self.retry(exc=error, countdown=waits[self.request.retries]) from error
    return self.request.retries + 1


@app.task(bind=True, name="holds")
def holds(self, directory):
    """
    Says who runs it, then waits for ever; on SIGTERM it cleans up.
    """
    Path(directory, "child").write_text(str(os.getpid()))
    Path(directory, "main").write_text(str(os.getppid()))
    self.update_state(state="PROGRESS", meta={"percent": 40})
    try:
        time.sleep(600)
    finally:
        Path(directory, "cleaned").touch()


@app.task(name="slow", time_limit=1)
def slow():
    time.sleep(600)


@app.task(name="touches")
def touches(path):
    Path(path).touch()


@app.task(name="comes_again", acks_late=True, reject_on_worker_lost=True)
def comes_again(directory):
    """
    Its message goes back to the queue when its child is killed.
    """
    child = Path(directory, "child")
    if not child.exists():
        child.write_text(str(os.getpid()))
        time.sleep(600)
    return "the second time"
