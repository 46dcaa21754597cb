"""
Tables of an app, and the events that its changes tell.
"""

from collections.abc import Callable
from typing import TypeVar

from avance.ports import records as port
from avance.ports.bus import Bus
from avance.ports.records import Changes, Engine, Rows, Schema
from avance.ports.store import Durability

T = TypeVar("T")


class Records:
    """
    `app.host.records`: reads and writes run in a thread of the store; events of a write reach their subscribers once it is on the disk.
    """

    def __init__(self, records: port.Records, bus: Bus) -> None:
        self._records = records
        self._bus = bus

    @property
    def engine(self) -> Engine:
        """
        Which SQL the database speaks.
        """
        return self._records.engine

    async def migrate(self, schema: Schema) -> None:
        """
        Bring the tables of a component up to date.
        """
        await self._records.migrate(schema)

    async def read(self, work: Callable[[Rows], T], *, is_long: bool = False) -> T:
        """
        Read at one moment.
        """
        return await self._records.read(work, is_long=is_long)

    async def write(
        self, work: Callable[[Changes], T], *, durability: Durability = Durability.FULL
    ) -> T:
        """
        Write rows and events in one transaction, and tell of the events.
        """
        written = await self._records.write(work, durability=durability)
        if written.publications:
            self._bus.publish(written.publications)
        return written.value
