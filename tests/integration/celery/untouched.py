"""
A Celery app that has never heard of avance.
"""

import os
import time
from pathlib import Path

from celery import Celery

REDIS = os.environ["CHORES_REDIS"]
app = Celery("untouched", broker=REDIS, backend=REDIS)
app.conf.update(task_track_started=True, result_extended=True, worker_hijack_root_logger=False)


@app.task(bind=True, name="bare")
def bare(self, directory):
    while not Path(directory, "go").exists():
        self.update_state(state="PROGRESS", meta={"current": 4, "total": 10, "status": "halfway"})
        time.sleep(0.05)
    if Path(directory, "fail").exists():
        raise ValueError("no more")
    return {"ok": True}
