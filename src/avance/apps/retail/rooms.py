"""
The dialect's connections of this process, by user: who is here, and which notifications a socket took.
"""

import asyncio
from weakref import WeakKeyDictionary, WeakSet

from avance import Avance


class Rooms:
    """
    Connections are held weakly: one that ended is gone by itself, whatever ended it.
    """

    def __init__(self) -> None:
        self._by_user: dict[str, WeakSet[object]] = {}
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._lately: dict[int, None] = {}

    def connect(self, user: str, connection: object) -> None:
        self._by_user.setdefault(user, WeakSet()).add(connection)

    def leave(self, user: str, connection: object) -> None:
        there = self._by_user.get(user)
        if there is not None:
            there.discard(connection)
            if not there:
                del self._by_user[user]

    def has(self, user: str) -> bool:
        there = self._by_user.get(user)
        return there is not None and len(there) > 0

    def told(self, notice_id: int) -> None:
        """
        A socket took it.
        """
        waiting = self._waiting.pop(notice_id, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)
        self._lately[notice_id] = None
        while len(self._lately) > LATELY_MAX:
            del self._lately[next(iter(self._lately))]

    async def until_told(self, notice_id: int, timeout_s: float) -> bool:
        """
        Wait until a socket took it; False when none did in time.
        """
        if notice_id in self._lately:
            return True
        waiting = self._waiting.setdefault(notice_id, asyncio.get_running_loop().create_future())
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.shield(waiting)
        except TimeoutError:
            return False
        finally:
            self._waiting.pop(notice_id, None)
        return True


LATELY_MAX = 4_096
"""Remembered for a send that asks after its event was told already."""

_rooms: WeakKeyDictionary[Avance, Rooms] = WeakKeyDictionary()


def rooms_of(host: Avance) -> Rooms:
    """
    Those of a host.
    """
    return _rooms.setdefault(host, Rooms())
