"""
Everything in one SQLite file: the default backend.
"""

from avance.backends.sqlite.bus import SqliteBus
from avance.backends.sqlite.connection import database_path
from avance.backends.sqlite.database import SqliteDatabase
from avance.backends.sqlite.limits import SQLITE_LIMITS, SqliteLimits
from avance.backends.sqlite.migration import Migrations, load_migrations
from avance.backends.sqlite.outbox import outbox_insert
from avance.backends.sqlite.queue import SqliteQueue
from avance.backends.sqlite.records import SqliteRecords
from avance.backends.sqlite.revocations import SqliteRevocations
from avance.backends.sqlite.store import SqliteStore
from avance.backends.sqlite.writer import Transaction

__all__ = [
    "SQLITE_LIMITS",
    "Migrations",
    "SqliteBus",
    "SqliteDatabase",
    "SqliteLimits",
    "SqliteQueue",
    "SqliteRecords",
    "SqliteRevocations",
    "SqliteStore",
    "Transaction",
    "database_path",
    "load_migrations",
    "outbox_insert",
]
