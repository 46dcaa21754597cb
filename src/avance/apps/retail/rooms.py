"""
The dialect's connections of this process, by user: who is here, and which notifications a socket took.
"""

import asyncio
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

from avance import Avance


class Room:
    """
    Where a user is, as long as one of their connections holds it.
    """

    __slots__ = ("__weakref__",)


class Seat:
    """
    The place of one connection in a room.
    """

    __slots__ = ("__weakref__", "room")

    def __init__(self, room: Room) -> None:
        self.room = room


class Rooms:
    """
    A room is there while a connection holds it: one that ended is gone by itself, whatever ended it, and leaves nothing behind.
    """

    def __init__(self) -> None:
        self._by_user: WeakValueDictionary[str, Room] = WeakValueDictionary()
        self._seats: WeakSet[Seat] = WeakSet()
        self.shown = 0
        """Notifications that sockets took as they were sent."""
        self.shown_s = 0.0
        """How long that took since they were stored, together."""
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._lately: dict[int, None] = {}

    def enter(self, user: str) -> Seat:
        """
        The caller holds what this answers, and lets go of it when it leaves.
        """
        room = self._by_user.get(user)
        if room is None:
            room = self._by_user[user] = Room()
        seat = Seat(room)
        self._seats.add(seat)
        return seat

    @property
    def connections(self) -> int:
        return len(self._seats)

    def has(self, user: str) -> bool:
        return user in self._by_user

    def __len__(self) -> int:
        return len(self._by_user)

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
