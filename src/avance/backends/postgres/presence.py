from collections.abc import Mapping
from functools import partial
from typing import Any

from psycopg import Connection

from avance.backends.postgres.database import PostgresDatabase
from avance.backends.postgres.unit import Unit
from avance.ports.clock import Clock
from avance.ports.presence import Member, Presence


class PostgresPresence(Presence):
    """
    Rows that every node refreshes and that end by themselves, in a table without a log. For a database that is open.
    """

    def __init__(self, database: PostgresDatabase, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def join(self, channel: str, member: Member, *, ttl_s: float) -> None:
        now_ms = self._clock.now_ms()
        await self._database.write(
            partial(_join, channel, member, now_ms, now_ms + round(ttl_s * 1000))
        )

    async def leave(self, channel: str, client: str) -> None:
        await self._database.write(partial(_leave, channel, client))

    async def members(self, channel: str) -> Mapping[str, Member]:
        return await self._database.read(partial(_members, channel, self._clock.now_ms()))


def _join(channel: str, member: Member, now_ms: int, until_ms: int, unit: Unit) -> None:
    unit.connection.execute("SET LOCAL synchronous_commit = off")
    unit.connection.execute(
        "DELETE FROM watchers WHERE channel = %s AND until_ms <= %s", (channel, now_ms)
    )
    unit.connection.execute(
        "INSERT INTO watchers VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (channel, client) DO UPDATE SET"
        " user_id = excluded.user_id, conn_info = excluded.conn_info, chan_info = excluded.chan_info, until_ms = excluded.until_ms",
        (channel, member.client, member.user, member.conn_info, member.chan_info, until_ms),
    )


def _leave(channel: str, client: str, unit: Unit) -> None:
    unit.connection.execute("SET LOCAL synchronous_commit = off")
    unit.connection.execute(
        "DELETE FROM watchers WHERE channel = %s AND client = %s", (channel, client)
    )


def _members(channel: str, now_ms: int, connection: Connection[Any]) -> dict[str, Member]:
    rows = connection.execute(
        "SELECT client, user_id, conn_info, chan_info FROM watchers WHERE channel = %s AND until_ms > %s",
        (channel, now_ms),
        binary=True,
    )
    return {
        client: Member(client=client, user=user, conn_info=conn_info, chan_info=chan_info)
        for client, user, conn_info, chan_info in rows.fetchall()
    }
