"""
Telling those who listen, the same for every bus.
"""

import logging
from collections import deque
from collections.abc import Iterable

from avance.ports.bus import Hint, Letter, Receive

log: logging.Logger = logging.getLogger("avance.bus")


class Receivers:
    """
    Those who listen in this process, each told in the order in which things happened.
    """

    def __init__(self) -> None:
        self._receivers: tuple[Receive, ...] = ()
        self._waiting: deque[Hint | Letter] = deque()
        self._is_delivering = False

    def add(self, receive: Receive) -> None:
        """
        One more, told after those before it.
        """
        self._receivers = (*self._receivers, receive)

    def tell(self, messages: Iterable[Hint | Letter]) -> None:
        """
        Never raises: one that fails is logged, and the others hear.
        """
        self._waiting.extend(messages)
        # A receiver that publishes must not overtake what the receivers after it have still to see.
        if self._is_delivering:
            return
        self._is_delivering = True
        try:
            while self._waiting:
                self._deliver(self._waiting.popleft())
        finally:
            self._is_delivering = False

    def _deliver(self, message: Hint | Letter) -> None:
        for receive in self._receivers:
            try:
                receive(message)
            except Exception:
                log.exception("a receiver of the bus failed; the others still hear")
