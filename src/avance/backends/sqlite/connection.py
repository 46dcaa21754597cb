"""
Opening a database file, and what can be wrong with it.
"""

import sqlite3
from pathlib import Path

from avance.backends.sqlite.failure import unavailable
from avance.backends.sqlite.limits import SqliteLimits
from avance.errors import ConfigError

MEMORY = ":memory:"
_VERSION_MIN = (3, 35, 0)
_WAL_TRIES = 20


def database_path(url: str) -> str:
    """
    Read `sqlite:///relative.db`, `sqlite:////absolute.db`, `sqlite://:memory:`, or a path as it is.
    """
    if not url.startswith("sqlite:"):
        return url
    rest = url.removeprefix("sqlite:").removeprefix("//")
    if rest in ("", "/", MEMORY, "/" + MEMORY):
        return MEMORY
    if not rest.startswith("/"):
        raise ConfigError(
            f"the database URL {url} names a host; SQLite needs a path: sqlite:///avance.db, or sqlite:////var/lib/avance.db",
            code="invalid_database_url",
            url=url,
        )
    return rest[1:]


def check_place(path: str) -> None:
    """
    Raises:
        ConfigError: Nothing can be opened there.
    """
    if sqlite3.sqlite_version_info < _VERSION_MIN:
        raise ConfigError(
            f"SQLite {sqlite3.sqlite_version} is too old; use a Python whose SQLite is 3.35 or newer",
            code="sqlite_too_old",
        )
    if path == MEMORY:
        return
    parent = Path(path).parent
    if not parent.is_dir():
        raise ConfigError(
            f"the directory {parent} of the database {path} does not exist; create it or name another file",
            code="no_directory",
            path=path,
        )
    if Path(path).is_dir():
        raise ConfigError(
            f"the database {path} is a directory; name a file in it", code="not_a_file", path=path
        )


def open_writer(path: str, limits: SqliteLimits) -> sqlite3.Connection:
    """
    Raises:
        Unavailable: The file cannot be written, or is no database.
    """
    try:
        connection = _connect(path, limits)
        try:
            _prepare(connection, path, limits)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise unavailable(error, path) from error
    return connection


def open_reader(path: str, limits: SqliteLimits) -> sqlite3.Connection:
    """
    Raises:
        Unavailable: The file cannot be opened now.
    """
    try:
        connection = _connect(path, limits)
        connection.execute("PRAGMA query_only = ON")
    except sqlite3.Error as error:
        raise unavailable(error, path) from error
    return connection


def open_checkpointer(path: str, limits: SqliteLimits) -> sqlite3.Connection:
    """
    Raises:
        sqlite3.Error: The file cannot be opened now.
    """
    return _connect(path, limits)


def _connect(path: str, limits: SqliteLimits) -> sqlite3.Connection:
    return sqlite3.connect(
        path,
        timeout=limits.busy_timeout_ms / 1000,
        isolation_level=None,
        cached_statements=256,
    )


def _prepare(connection: sqlite3.Connection, path: str, limits: SqliteLimits) -> None:
    execute = connection.execute
    (pages,) = execute("PRAGMA page_count").fetchone()
    if pages == 0:
        execute("PRAGMA auto_vacuum = INCREMENTAL")
    if path != MEMORY:
        _use_wal(connection, path)
    execute(f"PRAGMA wal_autocheckpoint = {limits.log_pages_max}")
    execute(f"PRAGMA journal_size_limit = {limits.wal_bytes_kept_max}")
    execute(f"PRAGMA cache_size = -{limits.cache_kib}")
    execute("PRAGMA temp_store = MEMORY")
    if limits.file_bytes_max is not None:
        (page_bytes,) = execute("PRAGMA page_size").fetchone()
        execute(f"PRAGMA max_page_count = {max(limits.file_bytes_max // page_bytes, 1)}")


def _use_wal(connection: sqlite3.Connection, path: str) -> None:
    # Two processes that open a new file at once: the change of mode is refused without the busy timeout.
    for tries in range(_WAL_TRIES):
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            is_last = tries == _WAL_TRIES - 1
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or is_last:
                raise
            # Waits for the other's transaction, which is what stands in the way.
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
            continue
        if mode != "wal":
            raise ConfigError(
                f"the file system of {path} cannot hold a write-ahead log (journal mode {mode}); name a file on a local disk",
                code="no_write_ahead_log",
                path=path,
            )
        return
