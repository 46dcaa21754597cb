"""
Which backend stands behind the store's URL.
"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

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

POSTGRES_SCHEMES = ("postgresql", "postgres")


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


def postgres_url(url: str) -> str | None:
    """
    The address for the client, if this is a PostgreSQL.
    """
    scheme, _, rest = url.partition(":")
    # Some write the driver into the scheme, which is no matter of the address.
    return f"postgresql:{rest}" if scheme.partition("+")[0] in POSTGRES_SCHEMES else None


def greet_store(url: str) -> str | None:
    """
    What the server of the store says of itself; None where there is none.

    Raises:
        ConfigError, Unavailable: It cannot be asked, or does not answer.
    """
    address = postgres_url(url)
    if address is None:
        return None
    try:
        from avance.backends.postgres import greet  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise _missing(error, "psycopg", "postgres", "store") from error
    return greet(address)


def open_storage(
    url: str,
    clock: Clock,
    *,
    node: str,
    data: str,
    sqlite: SqliteLimits = SQLITE_LIMITS,
    blobs: str | None = None,
) -> Storage:
    """
    Choose by the scheme of the URL.

    Args:
        blobs: Where files lie, as `s3://bucket`; in `data` if not given.

    Raises:
        ConfigError: Nothing serves it.
    """
    files = open_blobs(blobs, data)
    scheme = url.partition(":")[0]
    if scheme == "sqlite":
        return _on_sqlite(url, clock, files, node=node, limits=sqlite)
    address = postgres_url(url)
    if address is not None:
        return _on_postgres(address, clock, files, node=node)
    raise ConfigError(
        f"the store {scheme}:… is not known; use sqlite:///path/to/avance.db, or postgresql://user:password@host:5432/database",
        setting="store",
    )


def open_blobs(url: str | None, data: str) -> Blobs:
    """
    Choose by the scheme of the URL.

    Raises:
        ConfigError: Nothing serves it.
    """
    if url is None:
        return DiskBlobs(Path(data) / "blobs")
    scheme = url.partition(":")[0]
    if scheme == "file":
        return DiskBlobs(Path(unquote(urlsplit(url).path)))
    if scheme != "s3":
        raise ConfigError(
            f"the place of files {scheme}:… is not known; use s3://bucket, or file:///a/directory",
            setting="blobs",
        )
    # Only where it is wanted: the client of S3 is an extra.
    try:
        from avance.backends.s3 import S3Blobs  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise _missing(error, "boto3", "s3", "blobs") from error
    return S3Blobs(url)


def _on_sqlite(url: str, clock: Clock, blobs: Blobs, *, node: str, limits: SqliteLimits) -> Storage:
    database = SqliteDatabase(url, clock=clock, node=node, limits=limits)
    return Storage(
        store=SqliteStore(database),
        queue=SqliteQueue(database),
        bus=MemoryBus(node=node) if database.is_in_memory else SqliteBus(database, node=node),
        presence=MemoryPresence(clock),
        enlist=outbox_insert,
        revocations=SqliteRevocations(database),
        records=SqliteRecords(database),
        blobs=blobs,
    )


def _on_postgres(url: str, clock: Clock, blobs: Blobs, *, node: str) -> Storage:
    # Only where it is wanted: the client of PostgreSQL is an extra.
    try:
        from avance.backends import postgres  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise _missing(error, "psycopg", "postgres", "store") from error
    database = postgres.PostgresDatabase(url, clock=clock, node=node)
    return Storage(
        store=postgres.PostgresStore(database),
        queue=postgres.PostgresQueue(database),
        bus=postgres.PostgresBus(database, node=node),
        # Over all nodes where the bus attends (buses.py); on this node while the database is away.
        presence=MemoryPresence(clock),
        enlist=postgres.outbox_insert,
        revocations=postgres.PostgresRevocations(database),
        records=postgres.PostgresRecords(database),
        blobs=blobs,
    )


def _missing(error: ModuleNotFoundError, module: str, extra: str, setting: str) -> ConfigError:
    if error.name is None or error.name.partition(".")[0] != module:
        raise error
    return ConfigError(
        f"the setting {setting} needs {module}, which is not installed; pip install 'avance[{extra}]'",
        setting=setting,
    )
