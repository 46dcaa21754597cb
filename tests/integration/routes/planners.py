"""
A Celery app as a user of optimizations has it. Two lines: attach, declare.
"""

import os

from celery import Celery

from avance.apps.routes.beside_celery import declare
from avance.integrations.celery import attach

REDIS = os.environ["CHORES_REDIS"]
app = Celery("planners", broker=REDIS, backend=REDIS)
app.conf.update(broker_connection_retry_on_startup=True, worker_hijack_root_logger=False)
attach(app, REDIS)
declare(app)
