"""
Versioned schemas: each component of a database numbers its own scripts, from 1.
"""

import sqlite3
from collections.abc import Iterator
from importlib import resources

import msgspec

from avance.errors import ConfigError


class Migrations(msgspec.Struct, frozen=True, kw_only=True):
    component: str
    scripts: tuple[str, ...]
    """SQL, applied in order, each once."""


def load_migrations(component: str, package: str, folder: str = "schema") -> Migrations:
    """
    Read the `.sql` files of a folder beside the code, in the order of their names.
    """
    files = sorted(
        (
            file
            for file in resources.files(package).joinpath(folder).iterdir()
            if file.name.endswith(".sql")
        ),
        key=lambda file: file.name,
    )
    return Migrations(component=component, scripts=tuple(file.read_text("utf-8") for file in files))


def apply(
    connection: sqlite3.Connection, migrations: Migrations, *, path: str, now_ms: int
) -> None:
    """
    Bring a component to the version of this code, inside the transaction of the caller.

    Raises:
        ConfigError: The database was written by a newer version.
    """
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations "
        "(component TEXT, version INTEGER, applied_ms INTEGER NOT NULL, PRIMARY KEY (component, version)) WITHOUT ROWID"
    )
    (found,) = connection.execute(
        "SELECT coalesce(max(version), 0) FROM migrations WHERE component = ?",
        (migrations.component,),
    ).fetchone()
    known = len(migrations.scripts)
    if found > known:
        raise ConfigError(
            f"the database {path} has version {found} of the schema {migrations.component}, this program knows {known}: "
            "upgrade avance, or name another file",
            code="newer_schema",
            path=path,
            component=migrations.component,
            found=found,
            known=known,
        )
    for version, script in enumerate(migrations.scripts[found:], found + 1):
        for statement in _statements(script):
            connection.execute(statement)
        connection.execute(
            "INSERT INTO migrations VALUES (?, ?, ?)", (migrations.component, version, now_ms)
        )


def _statements(script: str) -> Iterator[str]:
    # Connection.executescript would commit the transaction first.
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement
