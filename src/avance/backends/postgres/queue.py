from collections.abc import Mapping, Sequence
from functools import partial

from avance.backends.postgres.claim import Wanted, give
from avance.backends.postgres.database import PostgresDatabase
from avance.backends.postgres.move import Moves
from avance.backends.postgres.outbox import drain_outbox
from avance.backends.postgres.row import decode_job
from avance.backends.postgres.sweep import Sweep, worker_lost
from avance.backends.postgres.unit import Unit
from avance.ports.queue import Claims, Held, Queue, Swept


class PostgresQueue(Queue):
    """
    Gives out the jobs of the store on the same database. A row that another node holds is skipped, so that claims do not wait for each other.
    """

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def claim(
        self,
        worker: str,
        free: Mapping[str, int],
        kinds: Sequence[str],
        *,
        now_ms: int,
        lease_until_ms: int,
    ) -> Claims:
        wanted = Wanted(
            worker=worker,
            room={runner: places for runner, places in free.items() if places > 0},
            kinds=list(kinds),
            now_ms=now_ms,
            lease_until_ms=lease_until_ms,
            most=self._database.limits.claim_jobs_max,
        )
        return await self._database.write(partial(_claim, wanted))

    async def renew(
        self, worker: str, running: Mapping[str, int], *, lease_until_ms: int
    ) -> Sequence[Held]:
        return await self._database.write(partial(_renew, worker, running, lease_until_ms))

    async def release(self, worker: str, *, now_ms: int, is_counted: bool) -> Swept:
        return await self._database.write(partial(_release, worker, now_ms, is_counted))

    async def sweep(self, now_ms: int) -> Swept:
        sweep = Sweep(
            now_ms=now_ms,
            most=self._database.limits.sweep_jobs_max,
            # Leases that ran out while nobody could renew tell nothing.
            loses=not self._database.is_just_back(),
        )
        return await self._database.write(sweep.run)


def _claim(wanted: Wanted, unit: Unit) -> Claims:
    moves = Moves(unit, wanted.now_ms)
    drain_outbox(moves, wanted.most)
    unit.flush()
    claimed = give(wanted, moves)
    return Claims(claimed=claimed, publications=moves.told())


def _renew(worker: str, running: Mapping[str, int], lease_until_ms: int, unit: Unit) -> list[Held]:
    rows = unit.connection.execute(
        "UPDATE runs SET lease_until_ms = %s WHERE worker = %s AND job_id IN"
        " (SELECT job_id FROM runs JOIN unnest(%s::text[], %s::bigint[]) AS ours (id, n) ON job_id = id AND attempt = n"
        " WHERE worker = %s ORDER BY job_id FOR UPDATE OF runs)"
        " RETURNING job_id, attempt",
        (lease_until_ms, worker, list(running), list(running.values()), worker),
    )
    return [Held(job_id=job_id, attempt=attempt) for job_id, attempt in sorted(rows.fetchall())]


def _release(worker: str, now_ms: int, is_counted: bool, unit: Unit) -> Swept:
    moves = Moves(unit, now_ms)
    rows = unit.connection.execute(
        "SELECT doc, inline_result FROM jobs WHERE id IN (SELECT job_id FROM runs WHERE worker = %s) ORDER BY id FOR UPDATE",
        (worker,),
        binary=True,
    ).fetchall()
    # Some may have ended while their rows were waited for.
    jobs = [job for job in (decode_job(*row) for row in rows) if job.worker == worker]
    moves.know(job.id for job in jobs)
    for job in jobs:
        moves.take(worker_lost(job, now_ms, is_counted=is_counted))
    return Swept(publications=moves.told(), jobs=tuple(moves.jobs))
