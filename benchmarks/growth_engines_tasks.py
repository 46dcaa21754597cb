"""
What Celery runs in the question of engines. `BENCH_FOLLOWED` lets avance follow Celery's tasks.
"""

import os

from celery import Celery

app = Celery("bench", broker=os.environ["BENCH_REDIS"], backend=os.environ["BENCH_REDIS"])
app.conf.update(broker_connection_retry_on_startup=True, worker_hijack_root_logger=False)
if os.environ["BENCH_FOLLOWED"]:
    from avance.integrations.celery import attach

    attach(app, os.environ["BENCH_REDIS"])


@app.task(name="nothing")
def nothing() -> int:
    return 1
