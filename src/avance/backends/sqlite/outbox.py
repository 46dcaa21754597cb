"""
Submits inside a caller's own transaction: a row here becomes a job when the caller has committed.
"""

import logging
import sqlite3

import msgspec

from avance.backends.sqlite.move import Moves
from avance.errors import Conflict
from avance.model import machine
from avance.model.job import Job
from avance.model.stream import job_channel

log = logging.getLogger(__name__)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Job).decode


def outbox_insert(connection: sqlite3.Connection, job: Job, input: bytes) -> None:
    """
    Submit a job with the caller's transaction on its own connection to the database file. If that is rolled back, there is no job.

    Raises:
        Conflict: An active job has the `unique_key` (code `duplicate`, param `job_id`).
    """
    if job.unique_key is not None:
        holder = connection.execute(
            "SELECT id FROM jobs WHERE unique_key = ? AND is_active = 1", (job.unique_key,)
        ).fetchone()
        if holder is not None:
            raise Conflict(
                f"job {holder[0]} is active with the unique key {job.unique_key}; follow it, or wait for its end",
                code="duplicate",
                job_id=holder[0],
                unique_key=job.unique_key,
            )
    connection.execute("INSERT INTO outbox (job, input) VALUES (?, ?)", (_encode(job), input))


def drain_outbox(moves: Moves, most: int) -> bool:
    """
    Make jobs of what waits; True if more waits than `most`.
    """
    transaction = moves.transaction
    rows = transaction.connection.execute(
        "SELECT id, job, input FROM outbox ORDER BY id LIMIT ?", (most + 1,)
    ).fetchall()
    if not rows:
        return False
    for row_id, doc, encoded in rows[:most]:
        try:
            job = _decode(doc)
        except msgspec.MsgspecError:
            # It can never become a job, and those behind it must not wait for ever.
            log.exception("row %d of the outbox is no job and is dropped", row_id)
            continue
        _submit(moves, job, encoded)
    last = rows[:most][-1][0]
    transaction.execute("DELETE FROM outbox WHERE id <= ?", (last,))
    return len(rows) > most


def _submit(moves: Moves, job: Job, encoded: bytes) -> None:
    ledger = moves.transaction.ledger
    if ledger.job(job.id) is not None or ledger.channel(job_channel(job.id)).top:
        # The same row cannot come twice; an id that was taken before is the caller's repetition of the same submit.
        return
    step = machine.created(job, moves.now_ms)
    if job.unique_key is not None and ledger.holder_of(job.unique_key) is not None:
        # Another submit of the key was faster than the caller's commit. The id has been handed out: it exists, and has ended.
        step = step.then(machine.cancel(step.job, moves.now_ms, reason="duplicate"))
    moves.take(step, input=encoded)
