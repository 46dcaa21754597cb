"""
`rq worker -w avance.rq.Worker`: the jobs of RQ, followed live; `avance.rq.Queue` also tells of those that wait.
"""

from avance.integrations.rq import FollowedWorker, Queue, SimpleWorker, SpawnWorker, Worker

__all__ = ["FollowedWorker", "Queue", "SimpleWorker", "SpawnWorker", "Worker"]
