"""
Submits inside a caller's own transaction: a row here becomes a job when the caller has committed.
"""

import logging
from typing import Any

import msgspec

from avance.backends.postgres.connection import SCHEMA
from avance.backends.postgres.move import Moves
from avance.backends.postgres.note import QUEUE, TOPIC, encode
from avance.errors import Conflict, InvalidRequest
from avance.model import machine
from avance.model.job import Job

log = logging.getLogger(__name__)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Job).decode


def outbox_insert(connection: Any, job: Job, input: bytes) -> None:
    """
    Submit a job with the caller's transaction on its own connection to the database. If that is rolled back, there is no job.

    Args:
        connection: Of psycopg, or anything whose `execute` takes `%s` (SQLAlchemy: `connection.connection.driver_connection`).

    Raises:
        Conflict: An active job has the `unique_key` (code `duplicate`, param `job_id`).
    """
    if not callable(getattr(connection, "execute", None)):
        raise InvalidRequest(
            f"tx is {type(connection).__name__}, on which nothing can be executed; give the connection of psycopg that your transaction is on",
            code="invalid_tx",
        )
    if job.unique_key is not None:
        holder = connection.execute(
            f"SELECT id FROM {SCHEMA}.jobs WHERE unique_key = %s AND is_active", (job.unique_key,)
        ).fetchone()
        if holder is not None:
            raise Conflict(
                f"job {holder[0]} is active with the unique key {job.unique_key}; follow it, or wait for its end",
                code="duplicate",
                job_id=holder[0],
                unique_key=job.unique_key,
            )
    connection.execute(
        f"INSERT INTO {SCHEMA}.outbox (job, input) VALUES (%s, %s)", (_encode(job), input)
    )
    # Heard by every node with the caller's commit.
    connection.execute("SELECT pg_notify(%s, %s)", (TOPIC, encode(QUEUE).decode()))


def drain_outbox(moves: Moves, most: int) -> bool:
    """
    Make jobs of what waits; True if more waits than `most`.
    """
    rows = moves.unit.connection.execute(
        "SELECT id, job, input FROM outbox ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED",
        (most + 1,),
        binary=True,
    ).fetchall()
    if not rows:
        return False
    found: list[tuple[Job, bytes]] = []
    for row_id, doc, encoded in rows[:most]:
        try:
            job = _decode(doc)
        except msgspec.MsgspecError:
            # It can never become a job, and those behind it must not wait for ever.
            log.exception("row %d of the outbox is no job and is dropped", row_id)
            continue
        found.append((job, encoded))
        moves.unit.want(job.id, is_new=True)
        if job.unique_key is not None:
            moves.unit.want_key(job.unique_key)
    moves.unit.lock()
    for job, encoded in found:
        _submit(moves, job, encoded)
    moves.unit.connection.execute(
        "DELETE FROM outbox WHERE id = ANY(%s)", ([row[0] for row in rows[:most]],)
    )
    return len(rows) > most


def _submit(moves: Moves, job: Job, encoded: bytes) -> None:
    unit = moves.unit
    if unit.job(job.id) is not None or unit.used_top(job.id):
        # The same row cannot come twice; an id that was taken before is the caller's repetition of the same submit.
        return
    step = machine.created(job, moves.now_ms)
    if job.unique_key is not None and unit.holder_of(job.unique_key) is not None:
        # Another submit of the key was faster than the caller's commit. The id has been handed out: it exists, and has ended.
        step = step.then(machine.cancel(step.job, moves.now_ms, reason="duplicate"))
    moves.take(step, input=encoded)
