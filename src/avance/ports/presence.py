"""
Who is watching a channel, over all nodes.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import msgspec


class Member(msgspec.Struct, frozen=True, kw_only=True):
    client: str
    user: str
    conn_info: bytes | None = None
    chan_info: bytes | None = None


class Presence(ABC):
    """
    An entry ends by itself when it is not refreshed within its time to live.
    """

    @abstractmethod
    async def join(self, channel: str, member: Member, *, ttl_s: float) -> None:
        """
        Add or refresh.
        """

    @abstractmethod
    async def leave(self, channel: str, client: str) -> None:
        """
        Remove; unknown clients are ignored.
        """

    @abstractmethod
    async def members(self, channel: str) -> Mapping[str, Member]:
        """
        By client id.
        """
