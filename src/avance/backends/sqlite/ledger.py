"""
What the writer knows of channels and jobs, and what the transaction has yet to write. Every change of a job or a stream goes through
here, so that a group of operations costs a few statements, however many operations it has.
"""

import sqlite3
from collections.abc import Iterable

import msgspec

from avance.backends.sqlite.epoch import epoch_of
from avance.backends.sqlite.letter import (
    HINT,
    LETTER,
    LetterRow,
    remove_old_letters,
    write_letters,
)
from avance.backends.sqlite.limits import SqliteLimits
from avance.backends.sqlite.row import (
    INSERT_JOB,
    MOVE_JOB,
    REWRITE_JOB,
    SHOW_JOB,
    Record,
    columns_of,
    facts,
    motion,
)
from avance.backends.sqlite.rows import insert_many
from avance.model.job import Job, State
from avance.model.stream import Append, Publication, job_channel, stamp

JOB_PREFIX = job_channel("")

SHOWN, MOVED, REWRITTEN, INSERTED = range(4)
"""How much of a job's row is out of date."""


class Channel:
    __slots__ = ("ages", "epoch", "id", "last_id", "name", "top")

    def __init__(self, channel_id: int, name: str, epoch: str, top: int, last_id: int) -> None:
        self.id = channel_id
        self.name = name
        self.epoch = epoch
        self.top = top
        self.last_id = last_id
        self.ages = not name.startswith(JOB_PREFIX)


class KnownJob:
    __slots__ = ("facts", "job", "motion", "pk", "record", "seq")

    def __init__(self, pk: int, seq: int) -> None:
        self.pk = pk
        self.seq = seq
        self.facts: tuple[object, ...] | None = None
        self.motion: tuple[object, ...] | None = None
        self.job: Job | None = None
        self.record: Record = (b"", None)

    def is_active_with(self, unique_key: str) -> bool:
        job = self.job
        return job is not None and job.unique_key == unique_key and not job.state.is_terminal


class Ledger:
    def __init__(
        self, connection: sqlite3.Connection, limits: SqliteLimits, *, node: str, secret: str
    ) -> None:
        self._connection = connection
        self._limits = limits
        self._node = node
        self._secret = secret
        self._channels: dict[str, Channel] = {}
        self._jobs: dict[str, KnownJob] = {}
        self._absent: set[str] = set()
        self._next_channel = 0
        self._next_event = 0
        self._next_job = 0
        self._version = -1
        self._letters_left = 0
        self.has_company = False
        self._clear_pending()

    def _clear_pending(self) -> None:
        self._touched: dict[int, Channel] = {}
        self._events: list[tuple[object, ...]] = []
        self._changed: dict[int, tuple[int, KnownJob]] = {}
        self._leases: dict[int, int] = {}
        self._inputs: list[tuple[object, ...]] = []
        self._results: list[tuple[object, ...]] = []
        self._is_queue_fed = False
        self._has_pending = False

    # The life of a transaction.

    def refresh(self) -> bool:
        """
        Forget what another connection may have changed; True if one has written since the last look.
        """
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if version == self._version:
            return False
        self.forget()
        self._version = version
        return True

    def expect(self, job_ids: list[str]) -> None:
        """
        Look up jobs that are about to be written, all at once.
        """
        unknown = [job_id for job_id in job_ids if job_id not in self._jobs]
        if not unknown:
            return
        names = _encode([*unknown, *map(job_channel, unknown)]).decode()
        self._absent.update(unknown)
        for job_id, pk, seq in self._connection.execute(_KNOWN_JOBS, (names,)).fetchall():
            self._absent.discard(job_id)
            self._jobs[job_id] = KnownJob(pk, seq)
        for name, channel_id, top, last_id in self._connection.execute(
            _KNOWN_CHANNELS, (names,)
        ).fetchall():
            self._channel(name, channel_id, top, last_id)
        for name in map(job_channel, unknown):
            if name not in self._channels:
                self._new_channel(name)

    def forget(self) -> None:
        """
        Know nothing any more: after a rollback, or a commit of somebody else.
        """
        self._channels.clear()
        self._jobs.clear()
        self._absent.clear()
        self._clear_pending()
        one = self._connection.execute
        (self._next_channel,) = one("SELECT coalesce(max(id), 0) + 1 FROM channels").fetchone()
        (self._next_event,) = one("SELECT coalesce(max(id), 0) + 1 FROM events").fetchone()
        (self._next_job,) = one("SELECT coalesce(max(pk), 0) + 1 FROM jobs").fetchone()
        self.look_around()

    def look_around(self) -> None:
        """
        See whether other processes have the file open.
        """
        (others,) = self._connection.execute(
            "SELECT count(*) FROM nodes WHERE node <> ?", (self._node,)
        ).fetchone()
        self.has_company = others > 0

    def distrust(self) -> None:
        """
        Forget without a look at the database, which does not answer; the next `refresh` looks.
        """
        self._channels.clear()
        self._jobs.clear()
        self._absent.clear()
        self._clear_pending()
        self._version = -1

    def evict(self) -> None:
        """
        Keep the memory bounded; only between transactions.
        """
        self._absent.clear()
        for known, most in (
            (self._channels, self._limits.channels_cached_max),
            (self._jobs, self._limits.jobs_cached_max),
        ):
            if len(known) > most:
                for name in list(known)[: len(known) - most * 3 // 4]:
                    del known[name]

    # Streams.

    def channel(self, name: str) -> Channel:
        known = self._channels.get(name)
        if known is not None:
            return known
        row = self._connection.execute(
            "SELECT id, top, last_id FROM channels WHERE name = ?", (name,)
        ).fetchone()
        return self._new_channel(name) if row is None else self._channel(name, *row)

    def _new_channel(self, name: str) -> Channel:
        channel_id = self._next_channel
        self._next_channel += 1
        return self._channel(name, channel_id, 0, 0)

    def _channel(self, name: str, channel_id: int, top: int, last_id: int) -> Channel:
        known = Channel(channel_id, name, epoch_of(self._secret, name), top, last_id)
        self._channels[name] = known
        return known

    def append(self, appends: Iterable[Append], now_ms: int) -> list[Publication]:
        """
        Give the events their place in their streams.
        """
        publications = []
        for event in appends:
            channel = self.channel(event.channel)
            channel.top = offset = channel.top + 1
            data = stamp(event.body, offset) if event.is_stamped else event.body
            event_id = self._next_event
            self._next_event = event_id + 1
            self._events.append(
                (
                    event_id,
                    channel.id,
                    offset,
                    channel.last_id,
                    now_ms,
                    channel.ages,
                    event.conflate,
                    data,
                )
            )
            channel.last_id = event_id
            self._touched[channel.id] = channel
            publications.append(
                Publication(
                    channel=event.channel,
                    epoch=channel.epoch,
                    offset=offset,
                    data=data,
                    conflate=event.conflate,
                )
            )
        if publications:
            self._has_pending = True
        return publications

    # Jobs.

    def job(self, job_id: str) -> KnownJob | None:
        known = self._jobs.get(job_id)
        if known is not None or job_id in self._absent:
            return known
        row = self._connection.execute(
            "SELECT pk, seq FROM jobs WHERE id = ?", (job_id,)
        ).fetchone()
        if row is None:
            return None
        known = KnownJob(*row)
        self._jobs[job_id] = known
        return known

    def holder_of(self, unique_key: str) -> str | None:
        """
        The active job that has the key.
        """
        self.flush()
        row = self._connection.execute(
            "SELECT id FROM jobs WHERE unique_key = ? AND is_active = 1", (unique_key,)
        ).fetchone()
        return None if row is None else str(row[0])

    def put(
        self,
        job: Job,
        record: Record,
        *,
        input: bytes | None = None,
        large_result: bytes | None = None,
        lease_until_ms: int | None = None,
    ) -> None:
        """
        Take the next record of a job.
        """
        known = self.job(job.id)
        if known is None:
            known = KnownJob(self._next_job, job.seq)
            self._next_job += 1
            self._jobs[job.id] = known
            self._absent.discard(job.id)
            how = INSERTED
        else:
            how = SHOWN
        new_facts, new_motion = facts(job), motion(job)
        if how != INSERTED and known.facts != new_facts:
            how = REWRITTEN
        elif how != INSERTED and known.motion != new_motion:
            how = MOVED
        known.seq, known.job, known.record = job.seq, job, record
        known.facts, known.motion = new_facts, new_motion
        before = self._changed.get(known.pk)
        self._changed[known.pk] = (how if before is None else max(how, before[0]), known)
        if lease_until_ms is not None:
            self._leases[known.pk] = lease_until_ms
        if input is not None:
            self._inputs.append((known.pk, input))
        if large_result is not None:
            self._results.append((known.pk, large_result))
        if how >= MOVED and job.state is State.QUEUED:
            self._is_queue_fed = True
        self._has_pending = True

    def drop(self, job_id: str) -> None:
        """
        Know that the row is gone.
        """
        self._jobs.pop(job_id, None)

    # Writing.

    def flush(self) -> None:
        """
        Write what is pending, before anything else reads or the transaction ends.
        """
        if not self._has_pending:
            return
        connection = self._connection
        insert_many(
            connection,
            "INSERT INTO channels (id, name, top, last_id) VALUES",
            [(c.id, c.name, c.top, c.last_id) for c in self._touched.values()],
            "ON CONFLICT (id) DO UPDATE SET top = excluded.top, last_id = excluded.last_id",
        )
        insert_many(
            connection,
            "INSERT INTO events (id, channel_id, offset, before_id, ts, ages, conflate, data) VALUES",
            self._events,
        )
        self._flush_jobs()
        insert_many(connection, "INSERT OR REPLACE INTO inputs (job_pk, data) VALUES", self._inputs)
        insert_many(
            connection, "INSERT OR REPLACE INTO results (job_pk, data) VALUES", self._results
        )
        if self.has_company:
            self._flush_hints()
        self._clear_pending()

    def _flush_jobs(self) -> None:
        rows: tuple[list[tuple[object, ...]], ...] = ([], [], [], [])
        for how, known in self._changed.values():
            changing = (known.pk, known.seq, _percent(known), *known.record)
            if how == SHOWN:
                rows[how].append((*changing[1:], known.pk))
                continue
            assert known.motion is not None
            assert known.facts is not None
            moved = columns_of(known.motion)
            if how == MOVED:
                rows[how].append((*changing[1:], *moved, known.pk))
            elif how == REWRITTEN:
                rows[how].append((*changing[1:], *moved, *known.facts[1:], known.pk))
            else:
                assert known.job is not None
                rows[how].append((*changing, *moved, *known.facts[1:], known.job.id))
        for statement, values in zip(
            (SHOW_JOB, MOVE_JOB, REWRITE_JOB, INSERT_JOB), rows, strict=True
        ):
            if values:
                self._connection.executemany(statement, values)
        self._flush_tags()
        self._flush_runs()

    def _flush_tags(self) -> None:
        for how, known in self._changed.values():
            if how < REWRITTEN or known.job is None:
                continue
            if how == REWRITTEN:
                self._connection.execute("DELETE FROM tags WHERE job_pk = ?", (known.pk,))
            for tag in dict.fromkeys(known.job.tags):
                self._connection.execute("INSERT INTO tags VALUES (?, ?)", (tag, known.pk))

    def _flush_runs(self) -> None:
        runs: list[tuple[object, ...]] = []
        ended: list[int] = []
        for how, known in self._changed.values():
            job = known.job
            if how == SHOWN or job is None:
                continue
            if job.state is State.RUNNING and job.worker is not None:
                lease_until_ms = self._leases.get(known.pk)
                runs.append((known.pk, job.attempt, job.worker, job.limit_key, lease_until_ms))
            elif how != INSERTED:
                ended.append(known.pk)
        insert_many(self._connection, _RUN, runs, _SAME_RUN)
        if ended:
            self._connection.execute(
                "DELETE FROM runs WHERE job_pk IN (SELECT value FROM json_each(?))",
                (_encode(ended).decode(),),
            )

    def _flush_hints(self) -> None:
        letters: list[LetterRow] = [
            (HINT, None, channel.name, b"") for channel in self._touched.values()
        ]
        if self._is_queue_fed:
            letters.append((LETTER, None, "queue", b""))
        write_letters(self._connection, self._node, letters)
        self._letters_left += len(letters)
        if self._letters_left > self._limits.letters_kept_max // 10:
            remove_old_letters(self._connection, self._limits.letters_kept_max)
            self._letters_left = 0


_encode = msgspec.json.Encoder().encode

_KNOWN_JOBS = "SELECT id, pk, seq FROM jobs WHERE id IN (SELECT value FROM json_each(?))"
_KNOWN_CHANNELS = (
    "SELECT name, id, top, last_id FROM channels WHERE name IN (SELECT value FROM json_each(?))"
)
_RUN = "INSERT INTO runs (job_pk, attempt, worker, limit_key, lease_until_ms) VALUES"
_SAME_RUN = """
ON CONFLICT (job_pk) DO UPDATE SET
    lease_until_ms = CASE
        WHEN excluded.lease_until_ms IS NULL AND runs.attempt = excluded.attempt AND runs.worker = excluded.worker
        THEN runs.lease_until_ms ELSE excluded.lease_until_ms END,
    attempt = excluded.attempt, worker = excluded.worker, limit_key = excluded.limit_key
"""


def _percent(known: KnownJob) -> float | None:
    return None if known.job is None else known.job.progress.percent
