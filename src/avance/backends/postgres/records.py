from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from psycopg import Connection

from avance.backends.postgres.database import PostgresDatabase
from avance.backends.postgres.query import translated
from avance.backends.postgres.unit import Unit
from avance.errors import ConfigError
from avance.model.stream import Append, Publication
from avance.ports.records import Changes, Engine, Records, Row, Rows, Schema, Written
from avance.ports.store import Durability

T = TypeVar("T")


class PostgresRecords(Records):
    """
    In the database of the store, in its schema. For a database that is open.
    """

    engine = Engine.POSTGRES

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def migrate(self, schema: Schema) -> None:
        scripts = schema.scripts.get(Engine.POSTGRES)
        if scripts is None:
            raise ConfigError(
                f"{schema.name} has no tables for PostgreSQL; name another store", setting="store"
            )
        await self._database.migrate(schema.name, scripts)

    async def read(self, work: Callable[[Rows], T], *, is_long: bool = False) -> T:
        return await self._database.read(
            lambda connection: work(PostgresRows(connection)), is_long=is_long, is_single=False
        )

    async def write(
        self, work: Callable[[Changes], T], *, durability: Durability = Durability.FULL
    ) -> Written[T]:
        def run(unit: Unit) -> Written[T]:
            changes = PostgresChanges(unit)
            value = work(changes)
            return Written(value=value, publications=tuple(changes.publications))

        return await self._database.change(run)


class PostgresRows(Rows):
    engine = Engine.POSTGRES

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def all(self, sql: str, *values: Any) -> Sequence[Row]:
        return self._connection.execute(translated(sql), values).fetchall()

    def one(self, sql: str, *values: Any) -> Row | None:
        found: Row | None = self._connection.execute(translated(sql), values).fetchone()
        return found


class PostgresChanges(Changes):
    engine = Engine.POSTGRES

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._rows = PostgresRows(unit.connection)
        self.now_ms = unit.now_ms
        self.publications: list[Publication] = []

    def all(self, sql: str, *values: Any) -> Sequence[Row]:
        return self._rows.all(sql, *values)

    def one(self, sql: str, *values: Any) -> Row | None:
        return self._rows.one(sql, *values)

    def run(self, sql: str, *values: Any) -> int:
        return self._unit.connection.execute(translated(sql), values).rowcount

    def run_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        self._unit.connection.cursor().executemany(translated(sql), rows)

    def append(self, append: Append) -> Publication:
        publication = self._unit.append_now(append)
        self.publications.append(publication)
        return publication
