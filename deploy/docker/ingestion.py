"""
The queue of the development stack: the server puts files into it, and run as a program this is its worker.
"""

import os

from redis import Redis

from avance.apps.documents.beside_rq import QUEUE
from avance.rq import Queue, Worker

queue = Queue(QUEUE, connection=Redis.from_url(os.environ["REDIS_URL"]))

if __name__ == "__main__":
    # Loaded once: each file is read in a fork of this process.
    import avance.apps.documents.pipeline  # noqa: F401

    Worker([queue], connection=queue.connection).work(with_scheduler=True)
