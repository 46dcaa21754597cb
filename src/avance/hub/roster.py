"""
Who is connected to this node.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Protocol

import msgspec

from avance.protocol.codes import DisconnectCode, UnsubscribeCode


class ConnectionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """
    One connection, as a console shows it.
    """

    client: str
    user: str
    node: str
    transport: str
    codec: str
    address: str
    name: str
    version: str
    connected_ms: int
    channels: tuple[str, ...]
    is_waiting: bool
    """The client reads slower than it is sent to."""


class Resident(Protocol):
    """
    A connection, as others on this node may act on it.
    """

    @property
    def client(self) -> str: ...

    @property
    def user(self) -> str: ...

    @property
    def token_id(self) -> str | None:
        """
        Of the token that let it in, if that has an id.
        """

    @property
    def session(self) -> str:
        """
        The secret of an emulated connection; empty elsewhere.
        """

    @property
    def address(self) -> str: ...

    def describe(self) -> ConnectionInfo: ...

    def disconnect(self, code: DisconnectCode, /) -> None: ...

    def unsubscribe(self, channel: str, code: UnsubscribeCode, /) -> None: ...

    def subscribe(self, channel: str, data: bytes, /) -> None:
        """
        Make a server-side subscription.
        """

    def refresh(self, *, is_expired: bool, expires_at_s: int | None) -> None:
        """
        Move the end of the connection's credentials.
        """

    def receive(self, data: bytes, /) -> None: ...


class Roster:
    """
    Finds connections by client, user and session.
    """

    def __init__(self) -> None:
        self._by_client: dict[str, Resident] = {}
        self._by_user: dict[str, dict[str, Resident]] = {}
        self._by_session: dict[str, Resident] = {}
        self._addresses: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._by_client)

    def __iter__(self) -> Iterator[Resident]:
        return iter(tuple(self._by_client.values()))

    @property
    def users(self) -> int:
        """
        How many different users are connected; anonymous ones do not count.
        """
        return len(self._by_user) - ("" in self._by_user)

    def add(self, resident: Resident) -> None:
        self._by_client[resident.client] = resident
        self._by_user.setdefault(resident.user, {})[resident.client] = resident
        self._addresses[resident.address] += 1
        if resident.session:
            self._by_session[resident.session] = resident

    def remove(self, resident: Resident) -> None:
        if self._by_client.pop(resident.client, None) is None:
            return
        of_user = self._by_user[resident.user]
        del of_user[resident.client]
        if not of_user:
            del self._by_user[resident.user]
        self._addresses[resident.address] -= 1
        if not self._addresses[resident.address]:
            del self._addresses[resident.address]
        self._by_session.pop(resident.session, None)

    def of_client(self, client: str) -> Resident | None:
        return self._by_client.get(client)

    def of_user(self, user: str) -> tuple[Resident, ...]:
        return tuple(self._by_user.get(user, {}).values())

    def of_session(self, session: str) -> Resident | None:
        return self._by_session.get(session)

    def count_of_user(self, user: str) -> int:
        return len(self._by_user.get(user, ()))

    def count_of_address(self, address: str) -> int:
        return self._addresses[address]
