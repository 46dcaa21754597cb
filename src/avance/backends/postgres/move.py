from collections.abc import Iterable

from avance.backends.postgres.row import encode_job
from avance.backends.postgres.unit import Pending, Unit, placed
from avance.model.job import Job
from avance.model.machine import Step
from avance.model.stream import Publication


class Moves:
    """
    The steps that one transaction takes, and what they tell.
    """

    def __init__(self, unit: Unit, now_ms: int) -> None:
        self.unit = unit
        self.now_ms = now_ms
        self.jobs: list[Job] = []
        self._pending: list[Pending] = []

    def know(self, job_ids: Iterable[str]) -> None:
        """
        Look at what is to be moved, whose rows are locked already.
        """
        for job_id in job_ids:
            if self.unit.job(job_id) is None:
                self.unit.want(job_id)
        self.unit.lock()

    def take(
        self, step: Step, *, input: bytes | None = None, lease_until_ms: int | None = None
    ) -> None:
        """
        Write the step; one that moves nothing is left out.
        """
        if not step.appends:
            return
        self.unit.put(
            step.job,
            encode_job(step.job),
            input=input,
            large_result=step.large_result,
            lease_until_ms=lease_until_ms,
        )
        self._pending += self.unit.append(step.appends)
        self.jobs.append(step.job)

    def told(self) -> tuple[Publication, ...]:
        """
        Write all, and answer what it tells.
        """
        self.unit.flush()
        return tuple(placed(self._pending))
