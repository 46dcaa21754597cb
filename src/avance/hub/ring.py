from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice

from avance.hub.item import Item


class Budget:
    """
    What all rings of a hub may hold together.
    """

    __slots__ = ("bytes_max", "used_bytes")

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.used_bytes = 0


class Ring:
    """
    The newest publications of one stream, without a gap, so that a thousand clients that come back at once do not read the store
    a thousand times.
    """

    __slots__ = ("_budget", "_bytes", "_bytes_max", "_depth", "_floor", "_items")

    def __init__(self, depth: int, bytes_max: int, budget: Budget) -> None:
        self._depth = depth
        self._bytes_max = bytes_max
        self._budget = budget
        self._bytes = 0
        self._items: deque[Item] | None = None
        self._floor = 0
        """Everything above this offset is here."""

    def start(self, floor: int, items: Iterable[Item] = ()) -> None:
        """
        Hold these and nothing else; the first has the offset above `floor`.
        """
        self.clear()
        self._floor = floor
        for item in items:
            self.add(item)

    def add(self, item: Item) -> None:
        if self._items is None:
            self._items = deque()
        self._items.append(item)
        self._count(len(item.data))
        while self._items and self._is_over():
            oldest = self._items.popleft()
            self._floor = oldest.offset
            self._count(-len(oldest.data))

    def since(self, offset: int) -> Sequence[Item] | None:
        """
        What is above the offset, or None when something of it is no longer here.
        """
        if offset < self._floor:
            return None
        items = self._items
        if not items:
            return ()
        return tuple(islice(items, max(0, offset + 1 - items[0].offset), None))

    def clear(self) -> None:
        self._count(-self._bytes)
        self._items = None

    def _is_over(self) -> bool:
        assert self._items is not None
        return (
            len(self._items) > self._depth
            or self._bytes > self._bytes_max
            or self._budget.used_bytes > self._budget.bytes_max
        )

    def _count(self, size: int) -> None:
        self._bytes += size
        self._budget.used_bytes += size
