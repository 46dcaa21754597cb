"""
What nodes ask of each other, as letters on the bus.
"""

import msgspec

TOPIC = "avance.hub"


class Pulse(msgspec.Struct, frozen=True, kw_only=True, tag="pulse"):
    """
    A node lives.
    """

    node: str
    connections: int
    users: int
    channels: int
    subscriptions: int
    uptime_s: float


class Disconnect(msgspec.Struct, frozen=True, kw_only=True, tag="disconnect", omit_defaults=True):
    """
    Close the connections of a user, or one of them.
    """

    user: str = ""
    client: str = ""
    session: str = ""
    code: int
    reason: str
    spared: tuple[str, ...] = ()
    """Clients that stay."""


class Revoke(msgspec.Struct, frozen=True, kw_only=True, tag="revoke", omit_defaults=True):
    """
    Close the connections that a revoked token let in, or all of a user.
    """

    user: str | None = None
    token_id: str | None = None


class Unsubscribe(msgspec.Struct, frozen=True, kw_only=True, tag="unsubscribe", omit_defaults=True):
    user: str = ""
    client: str = ""
    session: str = ""
    channel: str
    code: int
    reason: str


class Subscribe(msgspec.Struct, frozen=True, kw_only=True, tag="subscribe", omit_defaults=True):
    """
    Give connections a server-side subscription.
    """

    user: str = ""
    client: str = ""
    session: str = ""
    channel: str
    data: bytes = b""


class Refresh(msgspec.Struct, frozen=True, kw_only=True, tag="refresh", omit_defaults=True):
    user: str
    client: str = ""
    session: str = ""
    is_expired: bool = False
    expires_at_s: int | None = None


class Emulate(msgspec.Struct, frozen=True, kw_only=True, tag="emulate"):
    """
    Commands of an emulated connection, for the node that has it.
    """

    session: str
    data: bytes


AnyLetter = Pulse | Disconnect | Revoke | Unsubscribe | Subscribe | Refresh | Emulate

_encode = msgspec.msgpack.Encoder().encode
_decoder: msgspec.msgpack.Decoder[AnyLetter] = msgspec.msgpack.Decoder(AnyLetter)


def seal(letter: AnyLetter) -> bytes:
    return _encode(letter)


def open_letter(body: bytes) -> AnyLetter:
    """
    Read a letter.

    Raises:
        msgspec.DecodeError: It was written by something else.
    """
    return _decoder.decode(body)
