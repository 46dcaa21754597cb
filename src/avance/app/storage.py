"""
Which backend stands behind the store's URL.
"""

from dataclasses import dataclass
from pathlib import Path

from avance.backends.disk import DiskBlobs
from avance.backends.memory import MemoryBus, MemoryPresence
from avance.backends.sqlite import (
    SQLITE_LIMITS,
    SqliteBus,
    SqliteDatabase,
    SqliteLimits,
    SqliteQueue,
    SqliteRecords,
    SqliteRevocations,
    SqliteStore,
    outbox_insert,
)
from avance.errors import ConfigError
from avance.jobs.service import Enlist
from avance.ports.auth import Revocations
from avance.ports.blobs import Blobs
from avance.ports.bus import Bus
from avance.ports.clock import Clock
from avance.ports.presence import Presence
from avance.ports.queue import Queue
from avance.ports.records import Records
from avance.ports.store import Store


@dataclass(frozen=True, kw_only=True)
class Storage:
    """
    What belongs together on one store.
    """

    store: Store
    queue: Queue
    bus: Bus
    presence: Presence
    enlist: Enlist
    revocations: Revocations
    records: Records
    blobs: Blobs


def open_storage(
    url: str, clock: Clock, *, node: str, data: str, sqlite: SqliteLimits = SQLITE_LIMITS
) -> Storage:
    """
    Choose by the scheme of the URL.

    Raises:
        ConfigError: Nothing serves it.
    """
    if not url.startswith("sqlite:"):
        scheme = url.partition(":")[0]
        raise ConfigError(
            f"the store {scheme}:… is not known; use sqlite:///path/to/avance.db", setting="store"
        )
    database = SqliteDatabase(url, clock=clock, node=node, limits=sqlite)
    return Storage(
        store=SqliteStore(database),
        queue=SqliteQueue(database),
        bus=MemoryBus(node=node) if database.is_in_memory else SqliteBus(database, node=node),
        presence=MemoryPresence(clock),
        enlist=outbox_insert,
        revocations=SqliteRevocations(database),
        records=SqliteRecords(database),
        blobs=DiskBlobs(Path(data) / "blobs"),
    )
