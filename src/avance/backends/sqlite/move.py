from avance.backends.sqlite.row import encode_job
from avance.backends.sqlite.writer import Transaction
from avance.model.job import Job
from avance.model.machine import Step
from avance.model.stream import Publication


class Moves:
    """
    The steps that one transaction takes, and what they tell.
    """

    def __init__(self, transaction: Transaction, now_ms: int) -> None:
        self.transaction = transaction
        self.now_ms = now_ms
        self.jobs: list[Job] = []
        self.publications: list[Publication] = []

    def take(
        self, step: Step, *, input: bytes | None = None, lease_until_ms: int | None = None
    ) -> None:
        """
        Write the step; one that moves nothing is left out.
        """
        if not step.appends:
            return
        ledger = self.transaction.ledger
        ledger.put(
            step.job,
            encode_job(step.job),
            input=input,
            large_result=step.large_result,
            lease_until_ms=lease_until_ms,
        )
        self.publications += ledger.append(step.appends, self.transaction.now_ms)
        self.jobs.append(step.job)
