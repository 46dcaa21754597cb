"""
Retention, in bounded rounds. Rows of `channels` stay: a stream keeps its epoch and top when its events, and its job, have gone.
"""

from collections.abc import Callable
from functools import partial

from msgspec.structs import replace

from avance.backends.postgres.database import PostgresDatabase
from avance.backends.postgres.row import decode_job, encode_job
from avance.backends.postgres.unit import Unit
from avance.ports.store import Retention

TRIM_LOCK = 0x6176616E_00000003


Stage = Callable[[int, Retention, int, int, Unit], int]
"""Removes what is past its time: at most so many rows, of at most so many jobs."""


async def trim_round(database: PostgresDatabase, now_ms: int, policy: Retention) -> int:
    went = 0
    for stage in (_jobs, _logs, _streams):
        left = policy.rows_a_round_max - went
        if left > 0:
            jobs_max = min(left, database.limits.trim_jobs_max)
            went += await database.write(partial(_alone, stage, now_ms, policy, left, jobs_max))
    await database.write(partial(_forget_letters, database.limits.letters_kept_s))
    return went


def _alone(
    stage: Stage, now_ms: int, policy: Retention, left: int, jobs_max: int, unit: Unit
) -> int:
    """
    One node at a time: another would only wait for the same rows.
    """
    row = unit.connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (TRIM_LOCK,)).fetchone()
    if row is None or not row[0]:
        return 0
    return stage(now_ms, policy, left, jobs_max, unit)


def _jobs(now_ms: int, policy: Retention, left: int, jobs_max: int, unit: Unit) -> int:
    """
    Remove jobs with all that belongs to them.
    """
    rows = unit.connection.execute(
        "SELECT id FROM jobs WHERE has_log IN (false, true) AND ended_ms IS NOT NULL AND ended_ms <= %s"
        " LIMIT %s FOR UPDATE SKIP LOCKED",
        (now_ms - policy.jobs_after_end_ms, jobs_max),
    ).fetchall()
    went = 0
    for (job_id,) in rows:
        went += unit.remove_log(job_id, left - went)
        if went >= left:
            break
        went += unit.remove(job_id)
    return went


def _logs(now_ms: int, policy: Retention, left: int, jobs_max: int, unit: Unit) -> int:
    """
    Remove events and results of jobs that have ended; the jobs stay.
    """
    rows = unit.connection.execute(
        "SELECT id, doc, inline_result FROM jobs WHERE ended_ms IS NOT NULL AND has_log AND ended_ms <= %s"
        " ORDER BY ended_ms LIMIT %s FOR UPDATE SKIP LOCKED",
        (now_ms - policy.events_after_end_ms, jobs_max),
        binary=True,
    ).fetchall()
    went = 0
    for job_id, doc, inline_result in rows:
        went += unit.remove_log(job_id, left - went)
        if went >= left:
            break
        went += unit.connection.execute("DELETE FROM results WHERE job_id = %s", (job_id,)).rowcount
        job = replace(decode_job(doc, inline_result), result=None, result_bytes=0)
        unit.connection.execute(
            "UPDATE jobs SET has_log = false, doc = %s, inline_result = %s WHERE id = %s",
            (*encode_job(job), job_id),
        )
    return went


def _streams(now_ms: int, policy: Retention, left: int, _: int, unit: Unit) -> int:
    """
    Cut streams that are too long or too old.
    """
    cuts = unit.connection.execute(
        "SELECT id, low, top - %s FROM channels WHERE top - low >= %s LIMIT %s",
        (policy.events_per_channel_max, policy.events_per_channel_max, left),
    ).fetchall()
    cuts += unit.connection.execute(
        _TOO_OLD, (now_ms - policy.events_of_topics_ms, left)
    ).fetchall()
    went = 0
    lows: dict[int, int] = {}
    for channel_id, low, last in cuts:
        end = min(last, low + left - went - 1)
        if end < low:
            continue
        went += unit.connection.execute(
            "DELETE FROM events WHERE channel_id = %s AND place BETWEEN %s AND %s",
            (channel_id, low, end),
        ).rowcount
        lows[channel_id] = max(end + 1, lows.get(channel_id, 0))
    if lows:
        # In the order in which commits lock them.
        unit.connection.execute(_RAISE_LOWS, (list(lows), list(lows.values())))
    return went


_TOO_OLD = """
SELECT id, low, last FROM channels JOIN (
    SELECT channel_id, max(place) AS last FROM (
        SELECT channel_id, place FROM events WHERE ages AND ts < %s ORDER BY ts LIMIT %s
    ) AS old GROUP BY channel_id
) AS cut ON id = channel_id
"""
_RAISE_LOWS = """
WITH given AS (SELECT * FROM unnest(%s::bigint[], %s::bigint[]) AS given (id, low)),
    locked AS (SELECT id FROM channels WHERE id IN (SELECT id FROM given) ORDER BY name FOR UPDATE)
UPDATE channels SET low = greatest(channels.low, given.low) FROM given JOIN locked USING (id) WHERE channels.id = given.id
"""


def _forget_letters(kept_s: float, unit: Unit) -> None:
    unit.connection.execute(
        "DELETE FROM letters WHERE sent_at < now() - make_interval(secs => %s)", (kept_s,)
    )
