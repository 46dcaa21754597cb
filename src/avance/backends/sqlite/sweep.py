"""
What time moves.
"""

import msgspec

from avance.backends.sqlite.lock import NodeLocks
from avance.backends.sqlite.move import Moves
from avance.backends.sqlite.outbox import drain_outbox
from avance.backends.sqlite.row import decode_job
from avance.backends.sqlite.session import forget_dead_nodes
from avance.backends.sqlite.writer import Transaction
from avance.model import machine
from avance.model.job import Job
from avance.model.machine import Step
from avance.ports.queue import Swept

LOST = "worker_lost"


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    locks: NodeLocks
    now_ms: int
    most: int

    def run(self, transaction: Transaction) -> Swept:
        moves = Moves(transaction, self.now_ms)
        lose_earlier(moves, self.locks)
        has_more = drain_outbox(moves, self.most)
        for sql, step in (
            (_EXPIRED, machine.expire),
            (_DUE, machine.due),
            (_RUN_OUT, worker_lost),
        ):
            rows = transaction.execute(sql, (self.now_ms, self.most + 1)).fetchall()
            has_more |= len(rows) > self.most
            for record in rows[: self.most]:
                moves.take(step(decode_job(*record), self.now_ms))
        has_more |= self._lose_dead(moves)
        return Swept(
            jobs=tuple(moves.jobs),
            publications=tuple(moves.publications),
            next_due_ms=_next_due_ms(transaction),
            has_more=has_more,
        )

    def _lose_dead(self, moves: Moves) -> bool:
        transaction = moves.transaction
        workers = [row[0] for row in transaction.execute("SELECT DISTINCT worker FROM runs")]
        has_more = False
        for node in sorted({node_of(worker) for worker in workers}):
            with self.locks.if_dead(node) as is_dead:
                if not is_dead:
                    continue
                names = [worker for worker in workers if node_of(worker) == node]
                is_left = self._lose(moves, names)
                has_more |= is_left
                if not is_left:
                    self.locks.remove(node)
        if forget_dead_nodes(transaction.connection, self.locks):
            transaction.ledger.look_around()
        return has_more

    def _lose(self, moves: Moves, workers: list[str]) -> bool:
        rows = moves.transaction.execute(
            "SELECT doc, inline_result FROM runs JOIN jobs ON pk = job_pk WHERE worker IN (SELECT value FROM json_each(?)) ORDER BY pk LIMIT ?",
            (msgspec.json.encode(workers).decode(), self.most + 1),
        ).fetchall()
        for record in rows[: self.most]:
            moves.take(worker_lost(decode_job(*record), self.now_ms))
        return len(rows) > self.most


def lose_earlier(moves: Moves, locks: NodeLocks) -> None:
    """
    Give back what an earlier process under a name of this one ran.
    """
    fresh = locks.take_fresh()
    if not fresh:
        return
    rows = moves.transaction.execute(
        "SELECT worker, doc, inline_result FROM runs JOIN jobs ON pk = job_pk ORDER BY pk"
    )
    for worker, *record in rows.fetchall():
        if node_of(worker) in fresh:
            moves.take(worker_lost(decode_job(*record), moves.now_ms))


def worker_lost(job: Job, now_ms: int, *, is_counted: bool = True) -> Step:
    return machine.lose(job, now_ms, reason=LOST, is_counted=is_counted)


def node_of(worker: str) -> str:
    """
    Workers are named `<node>/<name>`.
    """
    return worker.partition("/")[0]


_EXPIRED = """
SELECT doc, inline_result FROM jobs
WHERE expires_ms IS NOT NULL AND is_active = 1 AND expires_ms <= ? ORDER BY expires_ms, pk LIMIT ?
"""
_DUE = "SELECT doc, inline_result FROM jobs WHERE due_ms IS NOT NULL AND due_ms <= ? ORDER BY due_ms, pk LIMIT ?"
_RUN_OUT = """
SELECT doc, inline_result FROM runs JOIN jobs ON pk = job_pk
WHERE lease_until_ms IS NOT NULL AND lease_until_ms <= ? ORDER BY lease_until_ms, pk LIMIT ?
"""
_NEXT = """
SELECT min(ms) FROM (
    SELECT min(due_ms) AS ms FROM jobs WHERE due_ms IS NOT NULL
    UNION ALL SELECT min(expires_ms) FROM jobs WHERE expires_ms IS NOT NULL AND is_active = 1
    UNION ALL SELECT min(lease_until_ms) FROM runs WHERE lease_until_ms IS NOT NULL
)
"""


def _next_due_ms(transaction: Transaction) -> int | None:
    (next_ms,) = transaction.execute(_NEXT).fetchone()
    return None if next_ms is None else int(next_ms)
