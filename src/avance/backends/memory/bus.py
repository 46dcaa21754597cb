from collections.abc import Sequence

from avance.model.stream import Publication
from avance.ports.bus import Bus, Hint, Letter, Receive
from avance.ports.receivers import Receivers


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
        self._receivers = Receivers()

    def attach(self, receive: Receive) -> None:
        self._receivers.add(receive)

    def publish(self, publications: Sequence[Publication]) -> None:
        self._receivers.tell(
            Hint(channel=publication.channel, publication=publication)
            for publication in publications
        )

    def send(self, letter: Letter) -> None:
        if self._node is None or letter.node in (None, self._node):
            self._receivers.tell([letter])

    def watch(self, channel: str, *, is_watched: bool) -> None:
        """
        Everything is here already.
        """
