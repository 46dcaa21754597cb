import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from avance.hub.tasks import Tasks

Value = TypeVar("Value")


class Flights(Generic[Value]):
    """
    Shares one read among all who ask for the same thing while it is under way.
    """

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._flying: dict[str, asyncio.Future[Value]] = {}

    async def fly(self, key: str, read: Callable[[str], Awaitable[Value]]) -> Value:
        """
        Read, or wait for who already does.

        Raises:
            Exception: What the read raises.
        """
        flight = self._flying.get(key)
        if flight is None:
            flight = self._flying[key] = asyncio.get_running_loop().create_future()
            self._tasks.spawn(self._run(key, read, flight))
        return await asyncio.shield(flight)

    async def _run(
        self, key: str, read: Callable[[str], Awaitable[Value]], flight: asyncio.Future[Value]
    ) -> None:
        try:
            flight.set_result(await read(key))
        except Exception as error:  # noqa: BLE001 - it is raised where the value is awaited
            flight.set_exception(error)
            # Whoever asked may be gone, and then nobody else looks at it.
            flight.exception()
        finally:
            del self._flying[key]
            flight.cancel()
