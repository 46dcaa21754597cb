"""
The port of what carries notifications out of the house.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import msgspec

from avance.model.inbox import Notice
from avance.notify.preferences import Preferences


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one delivery carries: one notification, or those of a digest, the oldest first.
    """

    id: str
    """The same at every attempt, so that a receiver can tell a repetition."""
    user: str
    notices: tuple[Notice, ...]
    further: int = 0
    """Of a large digest, how many more there are."""
    preferences: Preferences

    @property
    def is_digest(self) -> bool:
        return len(self.notices) + self.further > 1


class DeliveryError(Exception):
    """
    It did not go out.
    """

    def __init__(self, message: str, *, is_final: bool = False) -> None:
        """
        Args:
            is_final: Another attempt would not help, or might deliver twice.
        """
        super().__init__(message)
        self.is_final = is_final


class DeliveryChannel(ABC):
    """
    Sends a message once; repeating is the business of whoever calls.
    """

    name: str

    @abstractmethod
    async def send(self, message: Message) -> None:
        """
        Returns when the next one on the way has accepted it.

        Raises:
            DeliveryError: It has not; the text holds no secret.
        """

    async def close(self) -> None:
        """
        Let go of connections.
        """
        return


def subject_of(message: Message) -> str:
    """
    One line.
    """
    if message.is_digest:
        return f"{len(message.notices) + message.further} notifications"
    return " ".join(message.notices[0].title.split())


def text_of(message: Message) -> str:
    """
    The whole as plain text.
    """
    if not message.is_digest:
        return "\n\n".join(_lines(message.notices[0])[1:]) or message.notices[0].title
    parts = ["\n".join(_lines(notice)) for notice in message.notices]
    if message.further:
        parts.append(f"… and {message.further} more in the inbox.")
    return "\n\n".join(parts)


def _lines(notice: Notice) -> Sequence[str]:
    return [part for part in (notice.title, notice.body, notice.url) if part]
