"""
Retention, in bounded rounds. Rows of `channels` stay: a stream keeps its epoch and top when its events, and its job, have gone.
"""

import sqlite3
import sys
from functools import partial

import msgspec
from msgspec.structs import replace

from avance.backends.sqlite.chain import remove_chain
from avance.backends.sqlite.database import SqliteDatabase
from avance.backends.sqlite.row import decode_job, encode_job
from avance.backends.sqlite.writer import Transaction
from avance.model.stream import job_channel
from avance.ports.store import Durability, Retention

_FREE_PAGES_MIN = 256
_FREE_SHARE_MIN = 0.1
_VACUUM_PAGES_MAX = 2_000


class _Cut(msgspec.Struct, frozen=True):
    """
    A stream that is too long or too old.
    """

    channel_id: int
    low: int
    last: int
    """The last offset to remove."""


async def trim_round(database: SqliteDatabase, now_ms: int, policy: Retention) -> int:
    # Found by a reader, since finding them means to look at every channel; what has changed since is only longer.
    cuts = await database.read(partial(_find_cuts, now_ms, policy), is_long=True)
    went = await database.write(
        partial(_trim, now_ms, policy, cuts), durability=Durability.NORMAL, checks_first=True
    )
    await database.write(_vacuum, durability=Durability.NORMAL, checks_first=True)
    return went


def remove_job(transaction: Transaction, job_id: str) -> None:
    """
    Remove a job that has ended, now.
    """
    row = transaction.execute("SELECT pk FROM jobs WHERE id = ?", (job_id,)).fetchone()
    if row is not None:
        _Trimming(transaction, sys.maxsize).job(row[0], job_id)


def _trim(now_ms: int, policy: Retention, cuts: list[_Cut], transaction: Transaction) -> int:
    transaction.ledger.flush()
    trimming = _Trimming(transaction, policy.rows_a_round_max)
    trimming.jobs(now_ms - policy.jobs_after_end_ms)
    trimming.logs(now_ms - policy.events_after_end_ms)
    for cut in cuts:
        trimming.stream(cut.channel_id, cut.low, cut.last)
    return trimming.went


class _Trimming:
    def __init__(self, transaction: Transaction, rows_max: int) -> None:
        self._transaction = transaction
        self._execute = transaction.connection.execute
        self._rows_max = rows_max
        self.went = 0

    @property
    def _left(self) -> int:
        return self._rows_max - self.went

    def stream(self, channel_id: int, low: int, last: int) -> bool:
        """
        Remove the events up to `last`; False if the round ended before that.
        """
        end = min(last, low + self._left - 1)
        if end >= low:
            self.went += remove_chain(self._transaction.connection, channel_id, low, end)
            self._execute(
                "UPDATE channels SET low = ? WHERE id = ? AND low <= ?", (end + 1, channel_id, end)
            )
        return end >= last

    def jobs(self, ended_before_ms: int) -> None:
        """
        Remove jobs with all that belongs to them.
        """
        rows = self._execute(
            "SELECT pk, id FROM jobs WHERE has_log IN (0, 1) AND ended_ms IS NOT NULL AND ended_ms <= ? LIMIT ?",
            (ended_before_ms, self._left),
        ).fetchall()
        for pk, job_id in rows:
            if self._left <= 0 or not self.job(pk, job_id):
                return

    def job(self, pk: int, job_id: str) -> bool:
        """
        Remove one job; False if the round ended before that.
        """
        if not self._log(job_id):
            return False
        for table in ("inputs", "results", "runs", "tags"):
            self._delete(table, "job_pk = ?", pk)
        self._delete("jobs", "pk = ?", pk)
        self._transaction.ledger.drop(job_id)
        return True

    def logs(self, ended_before_ms: int) -> None:
        """
        Remove events and results of jobs that have ended; the jobs stay.
        """
        rows = self._execute(
            "SELECT pk, id, doc, inline_result FROM jobs WHERE ended_ms IS NOT NULL AND has_log = 1 AND ended_ms <= ?"
            " ORDER BY ended_ms LIMIT ?",
            (ended_before_ms, max(self._left, 0)),
        ).fetchall()
        for pk, job_id, doc, inline_result in rows:
            if self._left <= 0 or not self._log(job_id):
                return
            self._delete("results", "job_pk = ?", pk)
            job = replace(decode_job(doc, inline_result), result=None, result_bytes=0)
            self._execute(
                "UPDATE jobs SET has_log = 0, doc = ?, inline_result = ? WHERE pk = ?",
                (*encode_job(job), pk),
            )

    def _log(self, job_id: str) -> bool:
        row = self._execute(
            "SELECT id, low, top FROM channels WHERE name = ?", (job_channel(job_id),)
        ).fetchone()
        return row is None or self.stream(*row)

    def _delete(self, table: str, where: str, *values: object) -> None:
        self.went += self._execute(f"DELETE FROM {table} WHERE {where}", values).rowcount


def _find_cuts(now_ms: int, policy: Retention, connection: sqlite3.Connection) -> list[_Cut]:
    most = policy.rows_a_round_max
    too_long = connection.execute(
        "SELECT id, low, top - ? FROM channels WHERE top - low >= ? LIMIT ?",
        (policy.events_per_channel_max, policy.events_per_channel_max, most),
    ).fetchall()
    too_old = connection.execute(_TOO_OLD, (now_ms - policy.events_of_topics_ms, most)).fetchall()
    return [_Cut(*row) for row in (*too_long, *too_old)]


_TOO_OLD = """
SELECT id, low, last FROM channels JOIN (
    SELECT channel_id, max(offset) AS last FROM (
        SELECT channel_id, offset FROM events WHERE ages = 1 AND ts < ? ORDER BY ts LIMIT ?
    ) GROUP BY channel_id
) ON id = channel_id
"""


def _vacuum(transaction: Transaction) -> None:
    """
    Give pages back to the disk when many are free.
    """
    (free,) = transaction.execute("PRAGMA freelist_count").fetchone()
    (pages,) = transaction.execute("PRAGMA page_count").fetchone()
    if free >= _FREE_PAGES_MIN and free >= pages * _FREE_SHARE_MIN:
        # Frees a page with every step, so it has to be read to its end.
        transaction.execute(f"PRAGMA incremental_vacuum({_VACUUM_PAGES_MAX})").fetchall()
