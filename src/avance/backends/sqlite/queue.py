import heapq
from collections.abc import Generator, Mapping, Sequence
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

    async def renew(
        self, worker: str, running: Mapping[str, int], *, lease_until_ms: int
    ) -> Sequence[Held]:
        return await self._database.write(
            partial(_renew, worker, msgspec.json.encode(running).decode(), lease_until_ms),
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
        claimed, has_more = _give(wanted, moves)
        return Claims(
            claimed=tuple(claimed), publications=tuple(moves.publications), has_more=has_more
        )


class _Wanted(msgspec.Struct, frozen=True, kw_only=True):
    worker: str
    room: dict[str, int]
    kinds: str
    """As a JSON list, for SQL."""
    now_ms: int
    lease_until_ms: int
    most: int


_Candidate = tuple[int, int, int, str, str | None, int, bytes, bytes | None, bytes | None]
"""Negative priority, time of queueing, key, runner, limit key and limit, then record and input: they sort by whose turn it is."""

# What stands before `doc` is in the index: a job that waits for its limit is passed over without reading it.
_QUEUED = """
SELECT -priority, coalesce(queued_ms, 0), pk, runner, limit_key, limit_max, doc, inline_result,
    (SELECT data FROM inputs WHERE job_pk = pk)
FROM jobs INDEXED BY jobs_queued
WHERE state = 'queued' AND runner = ? AND kind IN (SELECT value FROM json_each(?))
    AND (expires_ms IS NULL OR expires_ms > ?)
    AND (limit_key IS NULL OR limit_max > (SELECT count(*) FROM runs WHERE runs.limit_key = jobs.limit_key))
ORDER BY priority DESC, queued_ms, pk
"""


def _give(wanted: _Wanted, moves: Moves) -> tuple[list[Claimed], bool]:
    """
    What the worker gets, and whether more may be waiting for it.
    """
    transaction = moves.transaction
    room = dict(wanted.room)
    claimed: list[Claimed] = []
    taken: dict[str, int] = {}
    with closing(_candidates(transaction, wanted, room)) as candidates:
        for _, _, _, runner, limit_key, limit_max, doc, result, encoded in candidates:
            if len(claimed) >= wanted.most:
                return claimed, True
            if room[runner] == 0:
                continue
            if limit_key is not None:
                if limit_key not in taken:
                    taken[limit_key] = _running(transaction, limit_key)
                if taken[limit_key] >= limit_max:
                    continue
                taken[limit_key] += 1
            room[runner] -= 1
            step = machine.claim(decode_job(doc, result), wanted.worker, wanted.now_ms)
            moves.take(step, lease_until_ms=wanted.lease_until_ms)
            claimed.append(Claimed(job=step.job, input=encoded or b""))
    return claimed, 0 in room.values()


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
            ),
            key=_turn,
        )
    finally:
        for cursor in cursors.values():
            cursor.close()


def _turn(candidate: _Candidate) -> tuple[int, int, int]:
    return candidate[:3]


def _running(transaction: Transaction, limit_key: str) -> int:
    (running,) = transaction.connection.execute(
        "SELECT count(*) FROM runs WHERE limit_key = ?", (limit_key,)
    ).fetchone()
    return int(running)


def _renew(worker: str, running: str, lease_until_ms: int, transaction: Transaction) -> list[Held]:
    rows = transaction.execute(
        "UPDATE runs SET lease_until_ms = ?"
        " WHERE worker = ? AND (job_pk, attempt) IN (SELECT pk, value FROM json_each(?) JOIN jobs ON jobs.id = key)"
        " RETURNING (SELECT id FROM jobs WHERE pk = job_pk), attempt",
        (lease_until_ms, worker, running),
    )
    return [Held(job_id=job_id, attempt=attempt) for job_id, attempt in rows.fetchall()]


def _release(worker: str, now_ms: int, is_counted: bool, transaction: Transaction) -> Swept:
    moves = Moves(transaction, now_ms)
    rows = transaction.execute(
        "SELECT doc, inline_result FROM runs JOIN jobs ON pk = job_pk WHERE worker = ? ORDER BY pk",
        (worker,),
    )
    for record in rows.fetchall():
        moves.take(worker_lost(decode_job(*record), now_ms, is_counted=is_counted))
    return Swept(jobs=tuple(moves.jobs), publications=tuple(moves.publications))
