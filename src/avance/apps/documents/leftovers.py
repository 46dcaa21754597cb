"""
Files of jobs that failed: kept for a while for another try, then removed.
"""

from collections.abc import Sequence
from functools import partial

from avance import Avance
from avance.apps.documents.catalog import Catalog
from avance.apps.documents.settings import DocumentsSettings
from avance.storage import Changes, Rows

AT_ONCE = 200


async def leave(host: Avance, keys: Sequence[str]) -> None:
    """
    Remember files whose job did not end well.
    """
    await host.records.write(partial(_leave, keys))


async def forget(host: Avance) -> int:
    """
    Remove those that were left long ago and that no document has got since. Answers how many were looked at.
    """
    settings = host.settings.section(DocumentsSettings)
    before_ms = host.clock.now_ms() - round(settings.failed_files_s * 1000)
    keys = await host.records.read(partial(_old, before_ms))
    for key in await Catalog(host.records).unreferenced(keys):
        await host.blobs.remove(key)
    await host.records.write(partial(_forget, keys))
    return len(keys)


def _leave(keys: Sequence[str], changes: Changes) -> None:
    for key in keys:
        changes.run(
            "INSERT INTO documents_leftovers (blob_key, since_ms) VALUES (?, ?)"
            " ON CONFLICT (blob_key) DO UPDATE SET since_ms = excluded.since_ms",
            key,
            changes.now_ms,
        )


def _old(before_ms: int, rows: Rows) -> list[str]:
    found = rows.all(
        "SELECT blob_key FROM documents_leftovers WHERE since_ms <= ? LIMIT ?", before_ms, AT_ONCE
    )
    return [row[0] for row in found]


def _forget(keys: Sequence[str], changes: Changes) -> None:
    for key in keys:
        changes.run("DELETE FROM documents_leftovers WHERE blob_key = ?", key)
