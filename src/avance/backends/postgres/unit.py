"""
What one transaction knows, and what it has yet to write. Every change of a job or a stream goes through here, so that a group of operations
costs a few statements. Locks are taken in one order everywhere, so that nodes do not wait for each other in a circle: rows of jobs by id
(a queue skips what is locked), then keys, then rows of channels by name.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from psycopg import Connection, errors

from avance.backends.postgres.epoch import epoch_of
from avance.backends.postgres.note import QUEUE, Note, notify, of_publication
from avance.backends.postgres.row import INSERT_JOB, UPDATE_JOB, Record, values
from avance.model.job import Job, State
from avance.model.stream import Append, Publication, job_channel, stamp

JOB_PREFIX = job_channel("")

Run = tuple[str, int]
"""Worker and attempt."""


class Known:
    __slots__ = ("is_active", "is_new", "run", "seq", "state", "unique_key")

    def __init__(self, seq: int, state: State, unique_key: str | None) -> None:
        self.seq = seq
        self.state = state
        self.unique_key = unique_key
        self.is_active = not state.is_terminal
        self.is_new = False
        self.run: Run | None = None


class Pending:
    """
    An event on its way, which gets its place when the transaction writes.
    """

    __slots__ = ("append", "publication")

    def __init__(self, append: Append) -> None:
        self.append = append
        self.publication: Publication | None = None


def placed(pending: Sequence[Pending]) -> list[Publication]:
    """
    After the unit was flushed.
    """
    found = [one.publication for one in pending if one.publication is not None]
    assert len(found) == len(pending)
    return found


class Unit:
    def __init__(
        self,
        connection: Connection[Any],
        *,
        secret: str,
        now_ms: int,
        node: str | None,
        notify_bytes_max: int,
    ) -> None:
        """
        Args:
            node: In whose name other nodes are told; None if nobody listens.
        """
        self.connection = connection
        self.now_ms = now_ms
        self._secret = secret
        self._node = node
        self._notify_bytes_max = notify_bytes_max
        self._wanted: set[str] = set()
        self._wanted_new: set[str] = set()
        self._wanted_keys: set[str] = set()
        self.jobs: dict[str, Known] = {}
        self._used: dict[str, int] = {}
        self._holders: dict[str, str] = {}
        self._clear()

    def _clear(self) -> None:
        self._events: list[Pending] = []
        self._changed: dict[str, tuple[Job, Record]] = {}
        self._leases: dict[str, int] = {}
        self._inputs: dict[str, bytes] = {}
        self._results: dict[str, bytes] = {}
        self._is_queue_fed = False

    # What it needs to know.

    def want(self, job_id: str, *, is_new: bool = False) -> None:
        """
        Have `lock` look for a job.
        """
        self._wanted.add(job_id)
        if is_new:
            self._wanted_new.add(job_id)

    def want_key(self, unique_key: str) -> None:
        """
        Have `lock` look for the active job that has the key.
        """
        self._wanted_keys.add(unique_key)

    def lock(self) -> None:
        """
        Lock what was wanted, and read it as it is now.
        """
        wanted = sorted(self._wanted)
        if wanted:
            self._lock_jobs(wanted)
        self._look_for_streams()
        if self._wanted_keys:
            self._lock_keys(sorted(self._wanted_keys))
        self._wanted.clear()
        self._wanted_new.clear()
        self._wanted_keys.clear()

    def _lock_jobs(self, wanted: list[str]) -> None:
        rows = self.connection.execute(
            "SELECT id, seq, state, unique_key FROM jobs WHERE id = ANY(%s) ORDER BY id FOR UPDATE",
            (wanted,),
        )
        for job_id, seq, state, unique_key in rows.fetchall():
            self.jobs[job_id] = Known(seq, State(state), unique_key)
        # Apart from the lock: what has waited for it would see runs from before.
        runs = self.connection.execute(
            "SELECT job_id, worker, attempt FROM runs WHERE job_id = ANY(%s)", (wanted,)
        )
        for job_id, worker, attempt in runs.fetchall():
            if job_id in self.jobs:
                self.jobs[job_id].run = (worker, attempt)

    def _look_for_streams(self) -> None:
        channels = [job_channel(one) for one in self._wanted_new if one not in self.jobs]
        if channels:
            rows = self.connection.execute(
                "SELECT name, top FROM channels WHERE name = ANY(%s) AND top > 0", (channels,)
            )
            self._used.update(dict(rows.fetchall()))

    def _lock_keys(self, keys: list[str]) -> None:
        self.connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(key, 1)) FROM unnest(%s::text[]) AS key",
            (keys,),
        )
        rows = self.connection.execute(
            "SELECT unique_key, id FROM jobs WHERE unique_key = ANY(%s) AND is_active", (keys,)
        )
        self._holders.update(dict(rows.fetchall()))

    def job(self, job_id: str) -> Known | None:
        """
        A job that was wanted, with what this transaction has done to it.
        """
        return self.jobs.get(job_id)

    def used_top(self, job_id: str) -> int:
        """
        How far the stream of an id has come that has no job.
        """
        return self._used.get(job_channel(job_id), 0)

    def holder_of(self, unique_key: str) -> str | None:
        """
        The active job that has a key that was wanted.
        """
        return self._holders.get(unique_key)

    # Changes.

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
        Take the next record of a job that was wanted.
        """
        known = self.jobs.get(job.id)
        was_state = None if known is None else known.state
        if known is None:
            known = self.jobs[job.id] = Known(job.seq, job.state, job.unique_key)
            known.is_new = True
        self._move_key(known, job)
        known.seq, known.state, known.unique_key = job.seq, job.state, job.unique_key
        known.is_active = not job.state.is_terminal
        self._changed[job.id] = (job, record)
        if lease_until_ms is not None:
            self._leases[job.id] = lease_until_ms
        if input is not None:
            self._inputs[job.id] = input
        if large_result is not None:
            self._results[job.id] = large_result
        if job.state is State.QUEUED and was_state is not State.QUEUED:
            self._is_queue_fed = True

    def _move_key(self, known: Known, job: Job) -> None:
        if known.unique_key is not None and self._holders.get(known.unique_key) == job.id:
            del self._holders[known.unique_key]
        if job.unique_key is not None and not job.state.is_terminal:
            self._holders[job.unique_key] = job.id

    def append(self, appends: Iterable[Append]) -> list[Pending]:
        """
        Add events; they get their places when all is written.
        """
        pending = [Pending(append) for append in appends]
        self._events += pending
        return pending

    def append_now(self, append: Append) -> Publication:
        """
        Add an event and answer its place.
        """
        pending = Pending(append)
        self._write_events([pending])
        return placed([pending])[0]

    def remove(self, job_id: str) -> int:
        """
        Remove a job with all that is its; the row of its stream stays.
        """
        went = self.remove_log(job_id, None)
        for table, column in (
            *(("inputs", "job_id"), ("results", "job_id"), ("runs", "job_id")),
            ("jobs", "id"),
        ):
            went += self.connection.execute(
                f"DELETE FROM {table} WHERE {column} = %s", (job_id,)
            ).rowcount
        self.jobs.pop(job_id, None)
        return went

    def remove_log(self, job_id: str, most: int | None) -> int:
        """
        Remove the events of a job, at most so many, oldest first.
        """
        return self.connection.execute(
            "DELETE FROM events WHERE (channel_id, place) IN (SELECT channel_id, place FROM events"
            " WHERE channel_id = (SELECT id FROM channels WHERE name = %s) ORDER BY place LIMIT %s)",
            (job_channel(job_id), most),
        ).rowcount

    # Writing.

    def flush(self) -> None:
        """
        Write what is pending.
        """
        events, self._events = self._events, []
        if events:
            self._write_events(events)
        if self._changed:
            with self.connection.pipeline():
                self._write_jobs()
                self._write_runs()
        if self._is_queue_fed:
            self._tell([QUEUE])
        self._clear()

    def _write_events(self, events: list[Pending]) -> None:
        counts = Counter(one.append.channel for one in events)
        names = sorted(counts)
        rows = self.connection.execute(
            "INSERT INTO channels AS kept (name, top) SELECT * FROM unnest(%s::text[], %s::bigint[]) AS given (name, more)"
            " ON CONFLICT (name) DO UPDATE SET top = kept.top + excluded.top RETURNING name, id, top",
            (names, [counts[name] for name in names]),
        )
        ids, tops = {}, {}
        for name, channel_id, top in rows.fetchall():
            ids[name], tops[name] = channel_id, top - counts[name]
        self._check_new(tops)
        epochs = {name: epoch_of(self._secret, name) for name in names}
        written = []
        for one in events:
            event = one.append
            name = event.channel
            tops[name] = place = tops[name] + 1
            data = stamp(event.body, place) if event.is_stamped else event.body
            one.publication = Publication(
                channel=name, epoch=epochs[name], offset=place, data=data, conflate=event.conflate
            )
            written.append(
                (ids[name], place, not name.startswith(JOB_PREFIX), event.conflate, data)
            )
        channel_ids, places, ages, conflates, datas = zip(*written, strict=True)
        self.connection.execute(
            "INSERT INTO events (channel_id, place, ts, ages, conflate, data) SELECT a, b, %s, c, d, e"
            " FROM unnest(%s::bigint[], %s::bigint[], %s::boolean[], %s::text[], %s::bytea[]) AS given (a, b, c, d, e)",
            (
                self.now_ms,
                *(list(channel_ids), list(places), list(ages), list(conflates), list(datas)),
            ),
        )
        if self._node is not None:
            node, most = self._node, self._notify_bytes_max
            self._tell([of_publication(node, publication, most) for publication in placed(events)])

    def _check_new(self, tops: dict[str, int]) -> None:
        for job_id, known in self.jobs.items():
            if known.is_new and tops.get(job_channel(job_id)):
                # Another node used the id between the look and the write: look again.
                raise errors.SerializationFailure(f"the id {job_id} was taken meanwhile")

    def _write_jobs(self) -> None:
        new = [values(*one) for job_id, one in self._changed.items() if self.jobs[job_id].is_new]
        old = [
            values(*one) for job_id, one in self._changed.items() if not self.jobs[job_id].is_new
        ]
        cursor = self.connection.cursor()
        if new:
            cursor.executemany(INSERT_JOB, new)
        if old:
            cursor.executemany(UPDATE_JOB, old)
        for table, parts in (("inputs", self._inputs), ("results", self._results)):
            if parts:
                cursor.executemany(
                    f"INSERT INTO {table} (job_id, data) VALUES (%s, %s) ON CONFLICT (job_id) DO UPDATE SET data = excluded.data",
                    list(parts.items()),
                )

    def _write_runs(self) -> None:
        begun: list[tuple[object, ...]] = []
        ended: list[str] = []
        for job_id, (job, _) in self._changed.items():
            known = self.jobs[job_id]
            known.is_new = False
            lease_until_ms = self._leases.get(job_id)
            if job.state is State.RUNNING and job.worker is not None:
                run = (job.worker, job.attempt)
                if run != known.run or lease_until_ms is not None:
                    begun.append((job_id, job.attempt, job.worker, job.limit_key, lease_until_ms))
                    known.run = run
            elif known.run is not None:
                ended.append(job_id)
                known.run = None
        if begun:
            self.connection.cursor().executemany(_RUN, begun)
        if ended:
            self.connection.execute("DELETE FROM runs WHERE job_id = ANY(%s)", (ended,))

    def _tell(self, notes: Sequence[Note]) -> None:
        if self._node is not None:
            notify(self.connection, self._node, notes)


_RUN = """
INSERT INTO runs (job_id, attempt, worker, limit_key, lease_until_ms) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (job_id) DO UPDATE SET
    attempt = excluded.attempt, worker = excluded.worker, limit_key = excluded.limit_key, lease_until_ms = excluded.lease_until_ms
"""
