"""
How the hub meets connections: forms make frames, links take them. What a frame is, the hub does not know.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol

from avance.hub.item import Item

Frame = Any
"""What a form makes and a link takes; to wait for a slow link it needs `payload` (bytes) and `conflate` (a key or None)."""


class Link(Protocol):
    """
    The way to one connection.
    """

    @property
    def is_writable(self) -> bool: ...

    def write(self, frames: Sequence[Frame], /) -> None: ...

    def close(self, code: int, reason: str, /) -> None: ...

    def abort(self) -> None: ...


class Form(ABC):
    """
    How what happens in a channel looks on one kind of connection. All connections of that kind share one instance, and the
    frames that it makes.
    """

    is_delta = False
    """Each publication may come as a patch of the one before."""

    @abstractmethod
    def publication(self, item: Item) -> Frame:
        """
        The whole publication; with its conflation key, so that it may give way to a newer one.
        """

    def chained(self, item: Item, patch: bytes | None) -> Frame:
        """
        A link of a chain of patches: the patch, or the whole publication that the next patch is made of. It must not give way.
        """
        raise NotImplementedError(f"{type(self).__name__} has no patches; leave is_delta False")

    @abstractmethod
    def joined(self, item: Item) -> Frame:
        """
        Somebody came.
        """

    @abstractmethod
    def left(self, item: Item) -> Frame:
        """
        Somebody went.
        """


class Items(Form):
    """
    For listeners that make their own frames: the items themselves.
    """

    def publication(self, item: Item) -> Item:
        return item

    def joined(self, item: Item) -> Item:
        return item

    def left(self, item: Item) -> Item:
        return item


ITEMS = Items()
