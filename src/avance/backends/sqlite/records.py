from collections.abc import Callable, Iterable, Sequence
from sqlite3 import Connection
from typing import Any, TypeVar

from avance.backends.sqlite.database import SqliteDatabase
from avance.backends.sqlite.migration import Migrations
from avance.backends.sqlite.writer import Transaction
from avance.errors import ConfigError
from avance.model.stream import Append, Publication
from avance.ports.records import Changes, Engine, Records, Row, Rows, Schema, Written
from avance.ports.store import Durability

T = TypeVar("T")


class SqliteRecords(Records):
    """
    On the file of the store. For a database that is open.
    """

    engine = Engine.SQLITE

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def migrate(self, schema: Schema) -> None:
        scripts = schema.scripts.get(Engine.SQLITE)
        if scripts is None:
            raise ConfigError(
                f"{schema.name} has no tables for SQLite; name another store", setting="store"
            )
        await self._database.migrate(Migrations(component=schema.name, scripts=scripts))

    async def read(self, work: Callable[[Rows], T], *, is_long: bool = False) -> T:
        return await self._database.read(
            lambda connection: work(SqliteRows(connection)), is_long=is_long
        )

    async def write(
        self, work: Callable[[Changes], T], *, durability: Durability = Durability.FULL
    ) -> Written[T]:
        def run(transaction: Transaction) -> Written[T]:
            changes = SqliteChanges(transaction)
            value = work(changes)
            return Written(value=value, publications=tuple(changes.publications))

        return await self._database.write(run, durability=durability)


class SqliteRows(Rows):
    engine = Engine.SQLITE

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self, sql: str, *values: Any) -> Sequence[Row]:
        return self._connection.execute(sql, values).fetchall()

    def one(self, sql: str, *values: Any) -> Row | None:
        return _first(self._connection.execute(sql, values).fetchall())


class SqliteChanges(Changes):
    engine = Engine.SQLITE

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self.now_ms = transaction.now_ms
        self.publications: list[Publication] = []

    def all(self, sql: str, *values: Any) -> Sequence[Row]:
        return self._transaction.execute(sql, values).fetchall()

    def one(self, sql: str, *values: Any) -> Row | None:
        # Fetched to the end: a statement with RETURNING that is left half read keeps its change from being seen.
        return _first(self._transaction.execute(sql, values).fetchall())

    def run(self, sql: str, *values: Any) -> int:
        return self._transaction.execute(sql, values).rowcount

    def run_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        self._transaction.ledger.flush()
        self._transaction.connection.executemany(sql, rows)

    def append(self, append: Append) -> Publication:
        (publication,) = self._transaction.ledger.append((append,), self.now_ms)
        self.publications.append(publication)
        return publication


def _first(rows: list[Any]) -> Row | None:
    return rows[0] if rows else None
