import heapq
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from itertools import takewhile

import msgspec

from avance.backends.sqlite.database import SqliteDatabase
from avance.backends.sqlite.move import Moves
from avance.backends.sqlite.outbox import drain_outbox
from avance.backends.sqlite.row import decode_job
from avance.backends.sqlite.sweep import Sweep, lose_earlier, worker_lost
from avance.backends.sqlite.writer import Transaction
from avance.model import machine
from avance.model.job import Job
from avance.ports.queue import Claimed, Claims, Held, Queue, Swept
from avance.ports.store import Durability


class SqliteQueue(Queue):
    """
    Gives out the jobs of the store on the same database.
    """

    def __init__(self, database: SqliteDatabase, *, node: str | None = None) -> None:
        """
        Args:
            node: The name of this process; its workers are `<node>/<name>`. While the process lives it holds a lock of that name, so
                that another process on the machine sees at once that its workers are dead. The node of the database if not given.
        """
        self._database = database
        self._node = node or database.node

    async def claim(
        self,
        worker: str,
        free: Mapping[str, int],
        kinds: Sequence[str],
        *,
        now_ms: int,
        lease_until_ms: int,
    ) -> Claims:
        wanted = _Wanted(
            worker=worker,
            room={runner: places for runner, places in free.items() if places > 0},
            kinds=msgspec.json.encode(list(kinds)).decode(),
            now_ms=now_ms,
            lease_until_ms=lease_until_ms,
            most=self._database.limits.claim_jobs_max,
        )
        return await self._database.write(
            partial(self._claim, wanted), durability=Durability.NORMAL, checks_first=True
        )

    async def renew(self, worker: str, *, lease_until_ms: int) -> Sequence[Held]:
        return await self._database.write(
            partial(_renew, worker, lease_until_ms),
            durability=Durability.NORMAL,
            checks_first=True,
        )

    async def release(self, worker: str, *, now_ms: int, is_counted: bool) -> Swept:
        return await self._database.write(
            partial(_release, worker, now_ms, is_counted), checks_first=True
        )

    async def sweep(self, now_ms: int) -> Swept:
        sweep = Sweep(
            locks=self._database.locks,
            now_ms=now_ms,
            most=self._database.limits.sweep_jobs_max,
        )
        return await self._database.write(
            sweep.run, durability=Durability.NORMAL, checks_first=True
        )

    def _claim(self, wanted: "_Wanted", transaction: Transaction) -> Claims:
        moves = Moves(transaction, wanted.now_ms)
        self._database.locks.hold(self._node)
        lose_earlier(moves, self._database.locks)
        drain_outbox(moves, wanted.most)
        claimed = tuple(_give(wanted, moves))
        return Claims(claimed=claimed, publications=tuple(moves.publications))


class _Wanted(msgspec.Struct, frozen=True, kw_only=True):
    worker: str
    room: dict[str, int]
    kinds: str
    """As a JSON list, for SQL."""
    now_ms: int
    lease_until_ms: int
    most: int


_Candidate = tuple[int, int, int, str, str | None, int]
"""Negative priority, time of queueing, key, runner, limit key and limit: they sort by whose turn it is."""

_QUEUED = """
SELECT -priority, coalesce(queued_ms, 0), pk, runner, limit_key, limit_max FROM jobs INDEXED BY jobs_queued
WHERE state = 'queued' AND runner = ? AND kind IN (SELECT value FROM json_each(?))
    AND (expires_ms IS NULL OR expires_ms > ?)
    AND (limit_key IS NULL OR limit_max > (SELECT count(*) FROM runs WHERE runs.limit_key = jobs.limit_key))
ORDER BY priority DESC, queued_ms, pk
"""


def _give(wanted: _Wanted, moves: Moves) -> Iterator[Claimed]:
    transaction = moves.transaction
    room = dict(wanted.room)
    given = 0
    taken: dict[str, int] = {}
    with closing(_candidates(transaction, wanted, room)) as candidates:
        for _, _, pk, runner, limit_key, limit_max in candidates:
            if given >= wanted.most:
                return
            if room[runner] == 0:
                continue
            if limit_key is not None:
                if limit_key not in taken:
                    taken[limit_key] = _running(transaction, limit_key)
                if taken[limit_key] >= limit_max:
                    continue
                taken[limit_key] += 1
            room[runner] -= 1
            given += 1
            job, encoded = _load(transaction, pk)
            step = machine.claim(job, wanted.worker, wanted.now_ms)
            moves.take(step, lease_until_ms=wanted.lease_until_ms)
            yield Claimed(job=step.job, input=encoded)


def _candidates(
    transaction: Transaction, wanted: _Wanted, room: Mapping[str, int]
) -> Generator[_Candidate, None, None]:
    # The cursors stay open while jobs are claimed: what is claimed waits in the ledger until they have been read.
    transaction.ledger.flush()
    cursors = {
        runner: transaction.connection.execute(_QUEUED, (runner, wanted.kinds, wanted.now_ms))
        for runner in room
    }
    try:
        yield from heapq.merge(
            *(
                takewhile(lambda _, runner=runner: room[runner] > 0, cursor)  # type: ignore[misc]
                for runner, cursor in cursors.items()
            )
        )
    finally:
        for cursor in cursors.values():
            cursor.close()


def _running(transaction: Transaction, limit_key: str) -> int:
    (running,) = transaction.connection.execute(
        "SELECT count(*) FROM runs WHERE limit_key = ?", (limit_key,)
    ).fetchone()
    return int(running)


def _load(transaction: Transaction, pk: int) -> tuple[Job, bytes]:
    doc, result, encoded = transaction.connection.execute(
        "SELECT doc, inline_result, data FROM jobs LEFT JOIN inputs ON job_pk = pk WHERE pk = ?",
        (pk,),
    ).fetchone()
    return decode_job(doc, result), encoded or b""


def _renew(worker: str, lease_until_ms: int, transaction: Transaction) -> list[Held]:
    transaction.execute(
        "UPDATE runs SET lease_until_ms = ? WHERE worker = ?", (lease_until_ms, worker)
    )
    rows = transaction.execute(
        "SELECT id, runs.attempt FROM runs JOIN jobs ON pk = job_pk WHERE worker = ? ORDER BY pk",
        (worker,),
    )
    return [Held(job_id=job_id, attempt=attempt) for job_id, attempt in rows]


def _release(worker: str, now_ms: int, is_counted: bool, transaction: Transaction) -> Swept:
    moves = Moves(transaction, now_ms)
    rows = transaction.execute(
        "SELECT doc, inline_result FROM runs JOIN jobs ON pk = job_pk WHERE worker = ? ORDER BY pk",
        (worker,),
    )
    for record in rows.fetchall():
        moves.take(worker_lost(decode_job(*record), now_ms, is_counted=is_counted))
    return Swept(jobs=tuple(moves.jobs), publications=tuple(moves.publications))
