"""
How a connection is made: found in schema `avance`, noticing that its server is gone, with values that read as on SQLite.
"""

import threading
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.adapt import Dumper, Loader
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Format, TransactionStatus

from avance.backends.postgres.limits import POSTGRES_LIMITS, PostgresLimits
from avance.errors import ConfigError, Unavailable

SCHEMA = "avance"


def check_url(url: str) -> dict[str, Any]:
    """
    The parts of the address.

    Raises:
        ConfigError: It is none.
    """
    try:
        return conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise ConfigError(
            f"the store's address cannot be read ({str(error).strip()}); use postgresql://user:password@host:5432/database",
            setting="store",
        ) from error


def place_of(url: str) -> str:
    """
    The address without its password.
    """
    parts = check_url(url)
    host = parts.get("host") or "local socket"
    return f"{parts.get('dbname') or parts.get('user') or 'postgres'} at {host}:{parts.get('port') or 5432}"


def arguments(url: str, limits: PostgresLimits) -> dict[str, Any]:
    """
    What `connect` is called with, for both kinds of connection.
    """
    own = (
        f"-c search_path={SCHEMA},public -c default_transaction_isolation=read\\ committed"
        f" -c statement_timeout={round(limits.statement_timeout_s * 1000)}"
    )
    parts = check_url(url)
    return {
        "application_name": "avance",
        "connect_timeout": max(round(limits.connect_timeout_s), 1),
        "keepalives_idle": 10,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "tcp_user_timeout": 15_000,
        **parts,
        "options": f"{parts.get('options') or ''} {own}".strip(),
    }


def connect(url: str, limits: PostgresLimits) -> Connection[Any]:
    connection: Connection[Any] = psycopg.connect(**arguments(url, limits))
    adapters = connection.adapters
    adapters.register_dumper(bool, _BoolDumper)
    adapters.register_loader("numeric", _NumericLoader)
    for name in ("json", "jsonb"):
        adapters.register_loader(name, _TextLoader)
    return connection


def greet(url: str, limits: PostgresLimits = POSTGRES_LIMITS) -> str:
    """
    Ask the server who it is.

    Raises:
        Unavailable: It does not answer, or refuses.
    """
    place = place_of(url)
    try:
        with connect(url, limits) as connection:
            row = connection.execute("SHOW server_version").fetchone()
    except psycopg.Error as error:
        raise Unavailable(f"PostgreSQL {place} does not let us in: {error}") from error
    return f"PostgreSQL {row[0] if row else ''}, {place}"


class _BoolDumper(Dumper):
    """
    As SQLite has it: true is 1, which PostgreSQL reads for integers and for booleans alike.
    """

    format = Format.TEXT
    oid = 0

    def dump(self, obj: Any) -> bytes:
        return b"1" if obj else b"0"


class _NumericLoader(Loader):
    """
    Sums of whole numbers are `numeric`; apps expect what SQLite gives.
    """

    def load(self, data: Any) -> int | float:
        text = bytes(data)
        return int(text) if text.lstrip(b"-").isdigit() else float(text)


class _TextLoader(Loader):
    def load(self, data: Any) -> str:
        return bytes(data).decode()


class Connections:
    """
    Those that are open and idle. Threads take and give; there are never more than threads.
    """

    def __init__(self, open_: Callable[[], Connection[Any]]) -> None:
        self._open = open_
        self._idle: list[Connection[Any]] = []
        self._lock = threading.Lock()
        self._is_closed = False

    def take(self) -> Connection[Any]:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self._open()

    def give(self, connection: Connection[Any]) -> None:
        is_idle = (
            not connection.closed and connection.info.transaction_status is TransactionStatus.IDLE
        )
        with self._lock:
            if is_idle and not self._is_closed:
                self._idle.append(connection)
                return
        connection.close()

    def drop_idle(self) -> None:
        """
        Close them: the server they belong to is probably gone.
        """
        with self._lock:
            dropped, self._idle = self._idle, []
        for connection in dropped:
            connection.close()

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
        self.drop_idle()
