from celery import Celery

import avance
from avance.celery import attach

app = Celery("shop", broker="redis://127.0.0.1:6379/0", backend="redis://127.0.0.1:6379/0")
attach(app, "redis://127.0.0.1:6379/0")


@app.task(bind=True)
def as_before(self, rows):
    for n, _ in enumerate(rows, start=1):
        self.update_state(state="PROGRESS", meta={"current": n, "total": len(rows)})
    return len(rows)


@app.task
def with_phases(rows):
    job = avance.current()
    with job.phase("reading"):
        for row in job.track(rows):
            job.log(f"row {row}")
