"""
avance beside RQ: `rq worker -w avance.rq.Worker` follows its jobs live; `Queue` also tells of those that wait.
"""

from avance.integrations.rq.queue import Queue
from avance.integrations.rq.worker import FollowedWorker, SimpleWorker, SpawnWorker, Worker

__all__ = ["FollowedWorker", "Queue", "SimpleWorker", "SpawnWorker", "Worker"]
