"""
How nodes tell each other that something is new. A hint: it may be late, doubled or lost, and the store repairs it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Self

import msgspec

from avance.model.stream import Publication


class Hint(msgspec.Struct, frozen=True, kw_only=True):
    """
    Something happened in a channel; without a publication (or with a gap before it) the receiver reads the store.
    """

    channel: str
    publication: Publication | None = None


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """
    A message for one node or, with node None, for every node: emulation, kick, revocation, wake-up of workers.
    """

    node: str | None
    topic: str
    body: bytes = b""


Receive = Callable[[Hint | Letter], None]


class Bus(ABC):
    """
    An async context manager. `receive` is called in the event loop, for what this node itself publishes as well.
    """

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    @abstractmethod
    def attach(self, receive: Receive) -> None:
        """
        Add a receiver; before the bus is opened or while it runs. Receivers are called in the order in which they came.
        """

    @abstractmethod
    def publish(self, publications: Sequence[Publication]) -> None:
        """
        Tell every node. Never blocks and never raises: a bus that is down drops, and says so in its health.
        """

    @abstractmethod
    def send(self, letter: Letter) -> None:
        """
        Tell one node, or all. As `publish`.
        """

    @abstractmethod
    def watch(self, channel: str, *, is_watched: bool) -> None:
        """
        Say that this node does, or no longer does, want to hear of a channel. Counted: a channel is watched until as many False
        as True have come.
        """
