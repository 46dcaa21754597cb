"""
Reading the events of a channel, which are chained from the newest back (schema/0001_core.sql).
"""

import sqlite3
from typing import Any

MILESTONE = 64
"""As in the index `events_milestones`."""

_CHAIN = """
WITH RECURSIVE chain (id, offset, before_id) AS (
    SELECT id, offset, before_id FROM events WHERE id = :entry AND channel_id = :channel
    UNION ALL
    SELECT events.id, events.offset, events.before_id FROM chain JOIN events ON events.id = chain.before_id
    WHERE chain.offset > :first AND events.channel_id = :channel
)
"""
_READ = (
    _CHAIN
    + "SELECT chain.offset, events.data, events.conflate FROM chain JOIN events ON events.id = chain.id WHERE chain.offset <= :last"
)
_REMOVE = f"DELETE FROM events WHERE id IN ({_CHAIN} SELECT id FROM chain WHERE offset BETWEEN :first AND :last)"


def read_chain(
    connection: sqlite3.Connection, channel_id: int, first: int, last: int
) -> list[tuple[int, bytes, str | None]]:
    """
    Offset, data and conflation key of the events from `first` to `last`, newest first.
    """
    if last < first:
        return []
    return connection.execute(_READ, _way(connection, channel_id, first, last)).fetchall()


def remove_chain(connection: sqlite3.Connection, channel_id: int, first: int, last: int) -> int:
    """
    Remove the events from `first` to `last` and answer how many there were.
    """
    if last < first:
        return 0
    return connection.execute(_REMOVE, _way(connection, channel_id, first, last)).rowcount


def _way(connection: sqlite3.Connection, channel_id: int, first: int, last: int) -> dict[str, Any]:
    milestone = connection.execute(
        f"SELECT id FROM events WHERE channel_id = ? AND offset >= ? AND offset % {MILESTONE} = 0 ORDER BY offset LIMIT 1",
        (channel_id, last),
    ).fetchone()
    if milestone is None:
        milestone = connection.execute(
            "SELECT last_id FROM channels WHERE id = ?", (channel_id,)
        ).fetchone()
    return {"entry": milestone[0], "channel": channel_id, "first": first, "last": last}
