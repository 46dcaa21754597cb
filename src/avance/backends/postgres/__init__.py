"""
Everything in one PostgreSQL database, for many nodes.
"""

from avance.backends.postgres.bus import PostgresBus
from avance.backends.postgres.connection import greet
from avance.backends.postgres.database import PostgresDatabase
from avance.backends.postgres.limits import POSTGRES_LIMITS, PostgresLimits
from avance.backends.postgres.outbox import outbox_insert
from avance.backends.postgres.presence import PostgresPresence
from avance.backends.postgres.queue import PostgresQueue
from avance.backends.postgres.records import PostgresRecords
from avance.backends.postgres.revocations import PostgresRevocations
from avance.backends.postgres.store import PostgresStore

__all__ = [
    "POSTGRES_LIMITS",
    "PostgresBus",
    "PostgresDatabase",
    "PostgresLimits",
    "PostgresPresence",
    "PostgresQueue",
    "PostgresRecords",
    "PostgresRevocations",
    "PostgresStore",
    "greet",
    "outbox_insert",
]
