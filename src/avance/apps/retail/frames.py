"""
Every frame of `/ws/notifications`, as types.
"""

from typing import Annotated, Any

import msgspec

UserId = int | str
NoticeId = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]


class _Client(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """
    Any frame may name its user, who must be the one that the connection belongs to.
    """

    user_id: UserId | None = None


class Auth(_Client, frozen=True, kw_only=True, tag="auth"):
    """
    Who is there, where the handshake could not tell.
    """

    api_key: str | None = None
    token: str | None = None


class MarkRead(_Client, frozen=True, kw_only=True, tag="mark_read"):
    """
    The user has read it.
    """

    notification_id: NoticeId


class Ack(_Client, frozen=True, kw_only=True, tag="ack"):
    """
    The client has it.
    """

    notification_id: NoticeId


class Pong(_Client, frozen=True, kw_only=True, tag="pong"):
    """
    The answer to `ping`, and the receipt of everything before it.
    """


class Ping(_Client, frozen=True, kw_only=True, tag="ping"):
    """
    Is the server there?
    """


class GetUnreadCount(_Client, frozen=True, kw_only=True, tag="get_unread_count"):
    """
    Ask for `unread_count`.
    """


ClientFrame = Auth | MarkRead | Ack | Pong | Ping | GetUnreadCount
TAKES = (Auth, MarkRead, Ack, Pong, Ping, GetUnreadCount)


class _Server(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """
    What the server sends.
    """


class AuthSuccess(_Server, frozen=True, kw_only=True, tag="auth_success"):
    """
    The connection belongs to this user.
    """

    user_id: UserId
    message: str = "Authenticated"


class AuthFailed(_Server, frozen=True, kw_only=True, tag="auth_failed"):
    """
    It does not; the socket is closed with 1008.
    """

    message: str


class Notification(_Server, frozen=True, kw_only=True, omit_defaults=True, tag="notification"):
    """
    Something new, or missed.
    """

    notification_id: int
    notification_type: str
    priority: str
    subject: str
    message: str
    timestamp: str
    data: dict[str, Any] = {}


class UnreadCount(_Server, frozen=True, kw_only=True, tag="unread_count"):
    """
    How many are unread. Of two, the one with the higher version is the newer.
    """

    count: int
    version: int


class NotificationRead(_Server, frozen=True, kw_only=True, tag="notification_read"):
    """
    It was read, here or on another device.
    """

    notification_id: int


class Error(_Server, frozen=True, kw_only=True, tag="error"):
    """
    A frame of the client was not taken: bad_message, not_found, forbidden, rate_limited.
    """

    code: str
    message: str


class ServerPing(_Server, frozen=True, kw_only=True, tag="ping"):
    """
    Sent every 30 seconds; the client answers `pong`.
    """


class ServerPong(_Server, frozen=True, kw_only=True, tag="pong"):
    """
    The answer to a `ping` of the client.
    """


SENDS = (
    AuthSuccess,
    AuthFailed,
    Notification,
    UnreadCount,
    NotificationRead,
    Error,
    ServerPing,
    ServerPong,
)

encode = msgspec.json.Encoder().encode
_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(ClientFrame)


def read(text: str) -> ClientFrame:
    """
    Raises:
        ValueError: It is no frame of a client; the message says why.
    """
    try:
        frame: ClientFrame = _decoder.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from error
    return frame


def shown_user(user: str) -> UserId:
    """
    Numeric ids go out as numbers, as the examples have them.
    """
    is_number = user.isascii() and user.isdigit() and str(int(user[:16])) == user
    return int(user) if is_number else user
