import logging
from collections import deque
from collections.abc import Sequence

from avance.model.stream import Publication
from avance.ports.bus import Bus, Hint, Letter, Receive

log = logging.getLogger(__name__)


class MemoryBus(Bus):
    """
    Delivers within this process, at once and in order.
    """

    def __init__(self, *, node: str | None = None) -> None:
        """
        Args:
            node: Letters for another node are left out; without a name every letter is delivered.
        """
        self._node = node
        self._receivers: list[Receive] = []
        self._waiting: deque[Hint | Letter] = deque()
        self._is_delivering = False

    def attach(self, receive: Receive) -> None:
        self._receivers.append(receive)

    def publish(self, publications: Sequence[Publication]) -> None:
        self._waiting.extend(
            Hint(channel=publication.channel, publication=publication)
            for publication in publications
        )
        self._deliver()

    def send(self, letter: Letter) -> None:
        if self._node is not None and letter.node not in (None, self._node):
            return
        self._waiting.append(letter)
        self._deliver()

    def watch(self, channel: str, *, is_watched: bool) -> None:
        """
        Everything is here already.
        """

    def _deliver(self) -> None:
        # A receiver that publishes must not overtake what the receivers after it have still to see.
        if self._is_delivering:
            return
        self._is_delivering = True
        try:
            while self._waiting:
                self._tell(self._waiting.popleft())
        finally:
            self._is_delivering = False

    def _tell(self, message: Hint | Letter) -> None:
        for receive in tuple(self._receivers):
            try:
                receive(message)
            except Exception:
                log.exception("a receiver of the bus failed; the others still hear")
