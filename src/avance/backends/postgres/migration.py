"""
Versioned schemas: each component of a database numbers its own scripts, from 1.
"""

from collections.abc import Sequence
from importlib import resources
from typing import Any

from psycopg import Connection, errors

from avance.backends.postgres.connection import SCHEMA
from avance.errors import ConfigError

LOCK = 0x6176616E_00000001
"""One node migrates at a time; the others wait, and find it done."""


def core_scripts() -> tuple[str, ...]:
    folder = resources.files(__package__).joinpath("schema")
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    return tuple(file.read_text("utf-8") for file in files if file.name.endswith(".sql"))


def migrate(
    connection: Connection[Any], component: str, scripts: Sequence[str], *, place: str, now_ms: int
) -> None:
    """
    Bring a component to the version of this code, inside the transaction of the caller.

    Raises:
        ConfigError: The database was written by a newer version, or may not be changed.
    """
    connection.execute("SET LOCAL statement_timeout = 0")
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
    try:
        _prepare(connection)
        found = _version(connection, component)
        if found > len(scripts):
            raise ConfigError(
                f"the database {place} has version {found} of the schema {component}, this program knows {len(scripts)}: "
                "upgrade avance, or name another database",
                code="newer_schema",
                place=place,
                component=component,
                found=found,
                known=len(scripts),
            )
        for version, script in enumerate(scripts[found:], found + 1):
            _run(connection, script)
            connection.execute(
                "INSERT INTO migrations VALUES (%s, %s, %s)", (component, version, now_ms)
            )
    except errors.InsufficientPrivilege as error:
        raise ConfigError(
            f"the user of the store may not make tables in {place} ({str(error).strip()}); "
            f"let an administrator run: CREATE SCHEMA {SCHEMA} AUTHORIZATION <user>",
            setting="store",
        ) from error


def _prepare(connection: Connection[Any]) -> None:
    # Asked first: making what is there needs rights that may have been taken away since.
    found = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (SCHEMA,))
    if found.fetchone() is None:
        _run(connection, f"CREATE SCHEMA {SCHEMA}")
    found = connection.execute("SELECT to_regclass(%s)", (f"{SCHEMA}.migrations",))
    if found.fetchone() == (None,):
        _run(
            connection,
            f"CREATE TABLE {SCHEMA}.migrations (component TEXT, version BIGINT, applied_ms BIGINT NOT NULL,"
            " PRIMARY KEY (component, version))",
        )


def _version(connection: Connection[Any], component: str) -> int:
    row = connection.execute(
        "SELECT coalesce(max(version), 0)::bigint FROM migrations WHERE component = %s",
        (component,),
    ).fetchone()
    return 0 if row is None else int(row[0])


def _run(connection: Connection[Any], script: str) -> None:
    # Without values, which have to be prepared, a script may have many statements.
    connection.execute(script)
