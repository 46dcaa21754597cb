"""
Whose turn it is.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from psycopg import Connection

from avance.backends.postgres.move import Moves
from avance.backends.postgres.row import decode_job
from avance.model import machine
from avance.model.job import Job
from avance.ports.queue import Claimed

LIMITS_LOCK = 0x6176616E_00000004
"""Claims that look at a limit do so one after the other; all others do not wait."""

_ROUNDS_MAX = 50

_QUEUED = """
SELECT -priority, coalesce(queued_ms, 0), pk, doc, inline_result, coalesce((SELECT data FROM inputs WHERE job_id = jobs.id), '')
FROM jobs
WHERE state = 'queued' AND runner = %s AND kind = ANY(%s) AND (expires_ms IS NULL OR expires_ms > %s)
    AND (limit_key IS NULL OR (limit_key <> ALL(%s) AND limit_max > (SELECT count(*) FROM runs WHERE runs.limit_key = jobs.limit_key)))
    AND pk <> ALL(%s)
ORDER BY priority DESC, queued_ms, pk LIMIT %s FOR UPDATE OF jobs SKIP LOCKED
"""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    worker: str
    room: Mapping[str, int]
    kinds: list[str]
    now_ms: int
    lease_until_ms: int
    most: int


class _Candidate(NamedTuple):
    """
    They sort by whose turn it is.
    """

    rank: int
    queued_ms: int
    pk: int
    doc: bytes
    inline_result: bytes | None
    input: bytes


def give(wanted: Wanted, moves: Moves) -> tuple[Claimed, ...]:
    """
    Claim what there is room for. What a limit keeps back makes room for others, which are looked for again.
    """
    picked = _Picked(wanted, moves.unit.connection)
    for _ in range(_ROUNDS_MAX):
        if not picked.look():
            break
    chosen = sorted(picked.chosen)
    jobs = [decode_job(one.doc, one.inline_result) for one in chosen]
    moves.know(job.id for job in jobs)
    claimed = []
    for job, one in zip(jobs, chosen, strict=True):
        step = machine.claim(job, wanted.worker, wanted.now_ms)
        moves.take(step, lease_until_ms=wanted.lease_until_ms)
        claimed.append(Claimed(job=step.job, input=bytes(one.input)))
    return tuple(claimed)


class _Picked:
    def __init__(self, wanted: Wanted, connection: Connection[Any]) -> None:
        self._wanted = wanted
        self._connection = connection
        self._room = dict(wanted.room)
        self._seen: list[int] = []
        self._full: set[str] = set()
        self._taken: dict[str, int] = {}
        self._is_limits_locked = False
        self.chosen: list[_Candidate] = []

    def look(self) -> bool:
        """
        Take what is next; True if a limit kept some back, so that others may come.
        """
        candidates: list[tuple[_Candidate, str]] = []
        for runner, places in self._room.items():
            most = min(places, self._wanted.most - len(self.chosen))
            if most > 0:
                candidates += [(one, runner) for one in self._queued(runner, most)]
        is_any_kept_back = False
        for one, runner in sorted(candidates):
            self._seen.append(one.pk)
            if len(self.chosen) >= self._wanted.most:
                return False
            if not self._may_run(decode_job(one.doc, one.inline_result)):
                is_any_kept_back = True
                continue
            self._room[runner] -= 1
            self.chosen.append(one)
        return is_any_kept_back

    def _queued(self, runner: str, most: int) -> list[_Candidate]:
        wanted = self._wanted
        rows = self._connection.execute(
            _QUEUED,
            (runner, wanted.kinds, wanted.now_ms, list(self._full), self._seen, most),
            binary=True,
        )
        return [_Candidate(*row) for row in rows.fetchall()]

    def _may_run(self, job: Job) -> bool:
        key = job.limit_key
        if key is None:
            return True
        if key not in self._taken:
            self._taken[key] = self._running(key)
        if self._taken[key] >= job.limit_max:
            self._full.add(key)
            return False
        self._taken[key] += 1
        return True

    def _running(self, key: str) -> int:
        if not self._is_limits_locked:
            self._connection.execute("SELECT pg_advisory_xact_lock(%s)", (LIMITS_LOCK,))
            self._is_limits_locked = True
        row = self._connection.execute(
            "SELECT count(*) FROM runs WHERE limit_key = %s", (key,)
        ).fetchone()
        return 0 if row is None else int(row[0])
