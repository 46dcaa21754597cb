"""
What time moves.
"""

import msgspec

from avance.backends.postgres.move import Moves
from avance.backends.postgres.outbox import drain_outbox
from avance.backends.postgres.row import decode_job
from avance.backends.postgres.unit import Unit
from avance.model import machine
from avance.model.job import Job
from avance.model.machine import Step
from avance.ports.queue import Swept

LOST = "worker_lost"


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    now_ms: int
    most: int
    loses: bool
    """Whether a lease that has run out means that its worker is lost."""

    def run(self, unit: Unit) -> Swept:
        moves = Moves(unit, self.now_ms)
        has_more = drain_outbox(moves, self.most)
        for sql, step in (
            (_EXPIRED, machine.expire),
            (_DUE, machine.due),
            *(((_RUN_OUT, worker_lost),) if self.loses else ()),
        ):
            unit.flush()
            rows = unit.connection.execute(
                sql, (self.now_ms, self.most + 1), binary=True
            ).fetchall()
            has_more |= len(rows) > self.most
            jobs = [decode_job(*row) for row in rows[: self.most]]
            moves.know(job.id for job in jobs)
            for job in jobs:
                moves.take(step(job, self.now_ms))
        publications = moves.told()
        return Swept(
            jobs=tuple(moves.jobs),
            publications=publications,
            next_due_ms=_next_due_ms(unit),
            has_more=has_more,
        )


def worker_lost(job: Job, now_ms: int, *, is_counted: bool = True) -> Step:
    return machine.lose(job, now_ms, reason=LOST, is_counted=is_counted)


_EXPIRED = """
SELECT doc, inline_result FROM jobs
WHERE expires_ms IS NOT NULL AND is_active AND expires_ms <= %s ORDER BY expires_ms, pk LIMIT %s FOR UPDATE SKIP LOCKED
"""
_DUE = """
SELECT doc, inline_result FROM jobs
WHERE due_ms IS NOT NULL AND due_ms <= %s ORDER BY due_ms, pk LIMIT %s FOR UPDATE SKIP LOCKED
"""
# Both rows are locked, so that a renewal either came before or finds the run gone.
_RUN_OUT = """
SELECT doc, inline_result FROM jobs JOIN runs ON job_id = id
WHERE lease_until_ms IS NOT NULL AND lease_until_ms <= %s ORDER BY lease_until_ms, pk LIMIT %s FOR UPDATE SKIP LOCKED
"""
_NEXT = """
SELECT min(ms) FROM (
    SELECT min(due_ms) AS ms FROM jobs WHERE due_ms IS NOT NULL
    UNION ALL SELECT min(expires_ms) FROM jobs WHERE expires_ms IS NOT NULL AND is_active
    UNION ALL SELECT min(lease_until_ms) FROM runs WHERE lease_until_ms IS NOT NULL
) AS moments
"""


def _next_due_ms(unit: Unit) -> int | None:
    row = unit.connection.execute(_NEXT).fetchone()
    return None if row is None or row[0] is None else int(row[0])
