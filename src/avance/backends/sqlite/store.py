import sqlite3
from collections.abc import Sequence
from functools import partial
from typing import Self

from avance.backends.sqlite.chain import read_chain
from avance.backends.sqlite.database import SqliteDatabase
from avance.backends.sqlite.epoch import epoch_of
from avance.backends.sqlite.listing import list_jobs
from avance.backends.sqlite.row import Record, decode_job, encode_job
from avance.backends.sqlite.trim import remove_job, trim_round
from avance.backends.sqlite.writer import Transaction
from avance.errors import Conflict
from avance.model.job import Children, Job, State
from avance.model.stream import Position, Publication, StreamPage, job_channel
from avance.ports.store import (
    Commit,
    JobFilter,
    JobPage,
    JobWrite,
    Part,
    Retention,
    Store,
)

Encoded = tuple[JobWrite, Record]


class SqliteStore(Store):
    """
    Jobs and streams in one file.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self.database = database

    async def __aenter__(self) -> Self:
        await self.database.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.database.__aexit__()

    async def commit(self, commit: Commit) -> Sequence[Publication]:
        writes = [(write, encode_job(write.job)) for write in commit.writes]
        if writes:
            _check_shape(commit)
        return await self.database.write(
            partial(_commit, writes, commit),
            durability=commit.durability,
            checks_first=True,
            job_ids=[write.job.id for write in commit.writes],
        )

    async def job(self, job_id: str) -> Job | None:
        return await self.database.read(partial(_job, job_id))

    async def jobs(self, wanted: JobFilter) -> JobPage:
        most = self.database.limits.page_jobs_max
        return await self.database.read(partial(list_jobs, wanted, most), is_long=True)

    async def part(self, job_id: str, part: Part) -> bytes | None:
        return await self.database.read(partial(_part, job_id, part))

    async def stream(
        self, channel: str, *, since: int | None = None, limit: int = 0, is_reversed: bool = False
    ) -> StreamPage:
        limit = min(limit, self.database.limits.stream_publications_max)
        return await self.database.read(partial(_stream, channel, since, limit, is_reversed))

    async def children(self, parent_id: str) -> Children:
        return await self.database.read(partial(_children, parent_id), is_long=True)

    async def parted(self, since_ms: int) -> Sequence[str]:
        return await self.database.read(partial(_parted, since_ms), is_long=True)

    async def trim(self, now_ms: int, policy: Retention) -> int:
        return await trim_round(self.database, now_ms, policy)


def _check_shape(commit: Commit) -> None:
    """
    A commit that would make `seq` and the stream differ is a mistake of the program.
    """
    seen: set[str] = set()
    keys: dict[str, str] = {}
    for write in commit.writes:
        job = write.job
        channel = job_channel(job.id)
        told = sum(append.channel == channel for append in commit.appends)
        if job.seq != (write.expects or 0) + told:
            raise ValueError(
                f"job {job.id} has seq {job.seq}, but {told} events follow {write.expects or 0}"
            )
        if job.id in seen:
            raise ValueError(f"job {job.id} is written twice in one commit")
        seen.add(job.id)
        key = job.unique_key
        if key is None or job.state.is_terminal:
            continue
        if key in keys:
            raise _duplicate(job, keys[key])
        keys[key] = job.id


def _commit(
    writes: Sequence[Encoded], commit: Commit, transaction: Transaction
) -> list[Publication]:
    for write, _ in writes:
        _check(transaction, write)
    for job_id in commit.removes:
        _check_ended(transaction, job_id)
    for job_id in commit.removes:
        remove_job(transaction, job_id)
    for write, record in writes:
        transaction.ledger.put(
            write.job,
            record,
            input=write.input,
            large_result=write.large_result,
            lease_until_ms=write.lease_until_ms,
        )
    return transaction.ledger.append(commit.appends, transaction.now_ms)


def _check(transaction: Transaction, write: JobWrite) -> None:
    job = write.job
    known = transaction.ledger.job(job.id)
    actual = None if known is None else known.seq
    if actual != write.expects:
        raise Conflict(
            f"job {job.id} is at {actual}, not at {write.expects}; read it again and decide",
            code="stale_write",
            job_id=job.id,
            expected=write.expects,
            actual=actual,
        )
    if known is None and (top := transaction.ledger.channel(job_channel(job.id)).top):
        raise Conflict(
            f"the id {job.id} was used before, its stream is at {top}; submit under a new id",
            code="stale_write",
            job_id=job.id,
            expected=None,
            actual=top,
        )
    if job.unique_key is None or job.state.is_terminal:
        return
    if known is not None and known.is_active_with(job.unique_key):
        return
    holder = transaction.ledger.holder_of(job.unique_key)
    if holder is not None and holder != job.id:
        raise _duplicate(job, holder)


def _check_ended(transaction: Transaction, job_id: str) -> None:
    row = transaction.execute("SELECT state FROM jobs WHERE id = ?", (job_id,)).fetchone()
    if row is not None and not State(row[0]).is_terminal:
        raise Conflict(
            f"job {job_id} is {row[0]}; cancel it before it is removed",
            code="job_state",
            job_id=job_id,
            state=row[0],
        )


def _duplicate(job: Job, holder: str) -> Conflict:
    return Conflict(
        f"job {holder} is active with the unique key {job.unique_key}; follow it, or wait for its end",
        code="duplicate",
        job_id=holder,
        unique_key=job.unique_key,
    )


def _job(job_id: str, connection: sqlite3.Connection) -> Job | None:
    row = connection.execute(
        "SELECT doc, inline_result FROM jobs WHERE id = ?", (job_id,)
    ).fetchone()
    return None if row is None else decode_job(*row)


def _part(job_id: str, part: Part, connection: sqlite3.Connection) -> bytes | None:
    table = "inputs" if part is Part.INPUT else "results"
    row = connection.execute(
        f"SELECT data FROM {table} WHERE job_pk = (SELECT pk FROM jobs WHERE id = ?)", (job_id,)
    ).fetchone()
    return None if row is None else bytes(row[0])


def _stream(
    channel: str,
    since: int | None,
    limit: int,
    is_reversed: bool,
    connection: sqlite3.Connection,
) -> StreamPage:
    (secret,) = connection.execute("SELECT value FROM meta WHERE key = 'secret'").fetchone()
    epoch = epoch_of(secret, channel)
    found = connection.execute(
        "SELECT id, low, top FROM channels WHERE name = ?", (channel,)
    ).fetchone()
    if found is None:
        return StreamPage(top=Position(epoch=epoch, offset=0))
    channel_id, low, top = found
    position = Position(epoch=epoch, offset=top)
    if limit <= 0:
        return StreamPage(top=position)
    if is_reversed:
        last = top if since is None else min(top, since - 1)
        rows = read_chain(connection, channel_id, max(low, last - limit + 1), last)
    else:
        first = max(low, (since or 0) + 1)
        rows = read_chain(connection, channel_id, first, min(top, first + limit - 1))[::-1]
    return StreamPage(
        top=position,
        publications=tuple(
            Publication(channel=channel, epoch=epoch, offset=offset, data=data, conflate=conflate)
            for offset, data, conflate in rows
        ),
    )


# Asked for as a whole first: where nothing was retried, as is usual, no child is compared.
_RETRIED = "(SELECT retry_of FROM jobs WHERE parent_id = :parent AND retry_of IS NOT NULL)"


def _children(parent_id: str, connection: sqlite3.Connection) -> Children:
    # A child that has ended, whichever way, is work that is over.
    total, completed, failed, percent = connection.execute(
        "SELECT count(*), coalesce(sum(state = 'completed'), 0), coalesce(sum(state IN ('failed', 'cancelled', 'expired')), 0),"
        " sum(weight * CASE WHEN is_active THEN coalesce(percent, 0) ELSE 100 END) / nullif(sum(weight), 0)"
        f" FROM jobs WHERE parent_id = :parent AND (NOT EXISTS {_RETRIED} OR id NOT IN {_RETRIED})",
        {"parent": parent_id},
    ).fetchone()
    return Children(
        total=total,
        completed=completed,
        failed=failed,
        percent=None if percent is None else round(percent, 4),
    )


# The index of ended jobs begins with whether they still have their log.
_PARTED = """
SELECT id FROM jobs WHERE is_active = 1 AND id IN (
    SELECT parent_id FROM jobs
    WHERE has_log IN (0, 1) AND ended_ms IS NOT NULL AND ended_ms >= :since AND parent_id IS NOT NULL
)
UNION ALL
SELECT id FROM jobs AS parent
WHERE has_log IN (0, 1) AND ended_ms IS NOT NULL AND ended_ms >= :since AND state <> 'completed'
AND EXISTS (SELECT 1 FROM jobs WHERE parent_id = parent.id AND is_active = 1)
"""


def _parted(since_ms: int, connection: sqlite3.Connection) -> list[str]:
    return [job_id for (job_id,) in connection.execute(_PARTED, {"since": since_ms})]
