from collections.abc import Sequence
from functools import partial
from sqlite3 import Connection

from avance.backends.sqlite.database import SqliteDatabase
from avance.backends.sqlite.writer import Transaction
from avance.ports.auth import Revocation, Revocations


class SqliteRevocations(Revocations):
    """
    Kept with the jobs. For a database that is open.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def add(self, revocation: Revocation) -> None:
        await self._database.write(partial(_add, revocation), checks_first=True)

    async def active(self, now_ms: int, *, limit: int) -> Sequence[Revocation]:
        return await self._database.read(partial(_active, now_ms, limit))


def _add(revocation: Revocation, transaction: Transaction) -> None:
    # What nothing is left of to refuse goes now, so that the table is bounded by what is in force.
    transaction.execute("DELETE FROM revocations WHERE until_ms <= ?", (transaction.now_ms,))
    transaction.execute(
        "INSERT INTO revocations (kind, value, since_ms, until_ms) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (kind, value) DO UPDATE SET"
        " since_ms = max(since_ms, excluded.since_ms), until_ms = max(until_ms, excluded.until_ms)",
        (revocation.kind, revocation.value, revocation.since_ms, revocation.until_ms),
    )


def _active(now_ms: int, limit: int, connection: Connection) -> list[Revocation]:
    rows = connection.execute(
        "SELECT kind, value, since_ms, until_ms FROM revocations WHERE until_ms > ?"
        " ORDER BY since_ms DESC LIMIT ?",
        (now_ms, limit),
    )
    return [
        Revocation(kind=kind, value=value, since_ms=since_ms, until_ms=until_ms)
        for kind, value, since_ms, until_ms in rows
    ]
