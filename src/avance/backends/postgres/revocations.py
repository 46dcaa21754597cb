from collections.abc import Sequence
from functools import partial
from typing import Any

from psycopg import Connection

from avance.backends.postgres.database import PostgresDatabase
from avance.backends.postgres.unit import Unit
from avance.ports.auth import Revocation, Revocations


class PostgresRevocations(Revocations):
    """
    Kept with the jobs. For a database that is open.
    """

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def add(self, revocation: Revocation) -> None:
        await self._database.write(partial(_add, revocation))

    async def active(self, now_ms: int, *, limit: int) -> Sequence[Revocation]:
        return await self._database.read(partial(_active, now_ms, limit))


def _add(revocation: Revocation, unit: Unit) -> None:
    # What nothing is left of to refuse goes now, so that the table is bounded by what is in force.
    unit.connection.execute("DELETE FROM revocations WHERE until_ms <= %s", (unit.now_ms,))
    unit.connection.execute(
        "INSERT INTO revocations AS kept (kind, value, since_ms, until_ms) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (kind, value) DO UPDATE SET"
        " since_ms = greatest(kept.since_ms, excluded.since_ms), until_ms = greatest(kept.until_ms, excluded.until_ms)",
        (revocation.kind, revocation.value, revocation.since_ms, revocation.until_ms),
    )


def _active(now_ms: int, limit: int, connection: Connection[Any]) -> list[Revocation]:
    rows = connection.execute(
        "SELECT kind, value, since_ms, until_ms FROM revocations WHERE until_ms > %s"
        " ORDER BY since_ms DESC LIMIT %s",
        (now_ms, limit),
    )
    return [
        Revocation(kind=kind, value=value, since_ms=since_ms, until_ms=until_ms)
        for kind, value, since_ms, until_ms in rows.fetchall()
    ]
