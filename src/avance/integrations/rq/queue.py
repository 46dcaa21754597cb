from datetime import UTC, datetime
from typing import Any

import rq
from rq.job import Job

from avance.integrations.rq.bond import appeared, courier_of


class Queue(rq.Queue):
    """
    Also tells of jobs while they wait. `meta={"avance_owner": user}` says whose they are.
    """

    def enqueue_job(
        self, job: Job, pipeline: Any = None, at_front: bool = False, unique: bool = False
    ) -> Job:
        """
        As in RQ.
        """
        queued = super().enqueue_job(job, pipeline, at_front, unique)
        if pipeline is None:
            # In a pipeline of the caller it may never come to be; then its worker tells.
            courier = courier_of(self.connection)
            courier.tell(appeared(job, courier))
        return queued

    def schedule_job(
        self, job: Job, datetime: datetime, pipeline: Any = None, unique: bool = False
    ) -> Job:
        """
        As in RQ.
        """
        scheduled = super().schedule_job(job, datetime, pipeline, unique)
        if pipeline is None:
            courier = courier_of(self.connection)
            when = datetime if datetime.tzinfo is not None else datetime.replace(tzinfo=UTC)
            moment_ms = round(when.timestamp() * 1000)
            courier.tell(appeared(job, courier, not_before_ms=moment_ms))
        return scheduled
