from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Self

from psycopg import Connection

from avance.backends.postgres.database import PostgresDatabase
from avance.backends.postgres.epoch import epoch_of
from avance.backends.postgres.listing import list_jobs
from avance.backends.postgres.row import Record, decode_job, encode_job
from avance.backends.postgres.trim import trim_round
from avance.backends.postgres.unit import Unit, placed
from avance.errors import Conflict
from avance.model.job import Children, Job
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


class PostgresStore(Store):
    """
    Jobs and streams in one database, shared by as many nodes as there are.
    """

    def __init__(self, database: PostgresDatabase) -> None:
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
        return await self.database.commit(_Committing(commit, writes))

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
        epoch = epoch_of(self.database.secret, channel)
        return await self.database.read(partial(_stream, channel, epoch, since, limit, is_reversed))

    async def children(self, parent_id: str) -> Children:
        return await self.database.read(partial(_children, parent_id), is_long=True)

    async def parted(self, since_ms: int) -> Sequence[str]:
        return await self.database.read(partial(_parted, since_ms), is_long=True)

    async def trim(self, now_ms: int, policy: Retention) -> int:
        return await trim_round(self.database, now_ms, policy)


class _Committing:
    """
    One commit of a group: says what it needs, then checks and puts.
    """

    def __init__(self, commit: Commit, writes: list[tuple[JobWrite, Record]]) -> None:
        self._commit = commit
        self._writes = writes

    def announce(self, unit: Unit) -> None:
        for write, _ in self._writes:
            unit.want(write.job.id, is_new=write.expects is None)
            if write.job.unique_key is not None and not write.job.state.is_terminal:
                unit.want_key(write.job.unique_key)
        for job_id in self._commit.removes:
            unit.want(job_id)

    def __call__(self, unit: Unit) -> Callable[[], list[Publication]]:
        for write, _ in self._writes:
            _check(unit, write)
        for job_id in self._commit.removes:
            _check_ended(unit, job_id)
        for job_id in self._commit.removes:
            if unit.job(job_id) is not None:
                # What commits before it in the group wrote to the job goes too.
                unit.flush()
                unit.remove(job_id)
        for write, record in self._writes:
            unit.put(
                write.job,
                record,
                input=write.input,
                large_result=write.large_result,
                lease_until_ms=write.lease_until_ms,
            )
        return partial(placed, unit.append(self._commit.appends))


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
            raise duplicate(job, keys[key])
        keys[key] = job.id


def _check(unit: Unit, write: JobWrite) -> None:
    job = write.job
    known = unit.job(job.id)
    actual = None if known is None else known.seq
    if actual != write.expects:
        raise Conflict(
            f"job {job.id} is at {actual}, not at {write.expects}; read it again and decide",
            code="stale_write",
            job_id=job.id,
            expected=write.expects,
            actual=actual,
        )
    if known is None and (top := unit.used_top(job.id)):
        raise Conflict(
            f"the id {job.id} was used before, its stream is at {top}; submit under a new id",
            code="stale_write",
            job_id=job.id,
            expected=None,
            actual=top,
        )
    if job.unique_key is None or job.state.is_terminal:
        return
    holder = unit.holder_of(job.unique_key)
    if holder is not None and holder != job.id:
        raise duplicate(job, holder)


def _check_ended(unit: Unit, job_id: str) -> None:
    known = unit.job(job_id)
    if known is not None and known.is_active:
        raise Conflict(
            f"job {job_id} is {known.state.value}; cancel it before it is removed",
            code="job_state",
            job_id=job_id,
            state=known.state.value,
        )


def duplicate(job: Job, holder: str) -> Conflict:
    return Conflict(
        f"job {holder} is active with the unique key {job.unique_key}; follow it, or wait for its end",
        code="duplicate",
        job_id=holder,
        unique_key=job.unique_key,
    )


def _job(job_id: str, connection: Connection[Any]) -> Job | None:
    row = connection.execute(
        "SELECT doc, inline_result FROM jobs WHERE id = %s", (job_id,), binary=True
    ).fetchone()
    return None if row is None else decode_job(*row)


def _part(job_id: str, part: Part, connection: Connection[Any]) -> bytes | None:
    table = "inputs" if part is Part.INPUT else "results"
    row = connection.execute(
        f"SELECT data FROM {table} WHERE job_id = %s", (job_id,), binary=True
    ).fetchone()
    return None if row is None else bytes(row[0])


_STREAM = """
SELECT channels.top, found.place, found.data, found.conflate FROM channels LEFT JOIN LATERAL (
    SELECT place, data, conflate FROM events
    WHERE channel_id = channels.id AND place > %s AND place < %s ORDER BY place {order} LIMIT %s
) AS found ON true WHERE channels.name = %s ORDER BY found.place {order}
"""
_FORWARD, _BACK = _STREAM.format(order="ASC"), _STREAM.format(order="DESC")
_FAR = 2**62


def _stream(
    channel: str,
    epoch: str,
    since: int | None,
    limit: int,
    is_reversed: bool,
    connection: Connection[Any],
) -> StreamPage:
    # One statement, so that top and publications are of one moment.
    after, before = (0, since if since is not None else _FAR) if is_reversed else (since or 0, _FAR)
    rows = connection.execute(
        _BACK if is_reversed else _FORWARD, (after, before, max(limit, 0), channel), binary=True
    ).fetchall()
    if not rows:
        return StreamPage(top=Position(epoch=epoch, offset=0))
    return StreamPage(
        top=Position(epoch=epoch, offset=rows[0][0]),
        publications=tuple(
            Publication(
                channel=channel, epoch=epoch, offset=place, data=bytes(data), conflate=conflate
            )
            for _, place, data, conflate in rows
            if place is not None
        ),
    )


# Asked for as a whole first: where nothing was retried, as is usual, no child is compared.
_RETRIED = "(SELECT retry_of FROM jobs WHERE parent_id = %(parent)s AND retry_of IS NOT NULL)"


def _children(parent_id: str, connection: Connection[Any]) -> Children:
    # A child that has ended, whichever way, is work that is over.
    row = connection.execute(
        "SELECT count(*), count(*) FILTER (WHERE state = 'completed'),"
        " count(*) FILTER (WHERE state IN ('failed', 'cancelled', 'expired')),"
        " sum(weight * CASE WHEN is_active THEN coalesce(percent, 0) ELSE 100 END) / nullif(sum(weight), 0)"
        f" FROM jobs WHERE parent_id = %(parent)s AND (NOT EXISTS {_RETRIED} OR id NOT IN {_RETRIED})",
        {"parent": parent_id},
    ).fetchone()
    assert row is not None
    total, completed, failed, percent = row
    return Children(
        total=total,
        completed=completed,
        failed=failed,
        percent=None if percent is None else round(percent, 4),
    )


# The index of ended jobs begins with whether they still have their log.
_PARTED = """
SELECT id FROM jobs WHERE is_active AND id IN (
    SELECT parent_id FROM jobs
    WHERE has_log IN (false, true) AND ended_ms IS NOT NULL AND ended_ms >= %(since)s AND parent_id IS NOT NULL
)
UNION ALL
SELECT id FROM jobs AS parent
WHERE has_log IN (false, true) AND ended_ms IS NOT NULL AND ended_ms >= %(since)s AND state <> 'completed'
AND EXISTS (SELECT 1 FROM jobs WHERE parent_id = parent.id AND is_active)
"""


def _parted(since_ms: int, connection: Connection[Any]) -> list[str]:
    return [job_id for (job_id,) in connection.execute(_PARTED, {"since": since_ms})]
