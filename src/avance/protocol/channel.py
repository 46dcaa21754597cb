"""
The grammar of channel names: `[$][namespace:]rest[#user,user]`.
"""

from avance.errors import InvalidRequest
from avance.protocol.codes import (
    DISCONNECT_BAD_REQUEST,
    ERROR_BAD_REQUEST,
    ProtocolDisconnect,
    ReplyError,
)

CHANNEL_BYTES_MAX = 255

PRIVATE_PREFIX = "$"
NAMESPACE_BOUNDARY = ":"
USER_BOUNDARY = "#"
USER_SEPARATOR = ","


def check_channel(channel: str) -> None:
    """
    Check the name itself; whether its namespace exists is for others to say.

    Raises:
        ProtocolDisconnect: there is no channel (3501).
        ReplyError: too long, or with control characters (107).
    """
    if not channel:
        raise ProtocolDisconnect(DISCONNECT_BAD_REQUEST, "the channel is missing")
    if len(channel.encode()) > CHANNEL_BYTES_MAX:
        raise ReplyError(ERROR_BAD_REQUEST, f"a channel is longer than {CHANNEL_BYTES_MAX} bytes")
    if not channel.isprintable():
        raise ReplyError(ERROR_BAD_REQUEST, f"channel {channel!r} has unprintable characters")


def is_valid(channel: str) -> bool:
    """
    Tell whether `check_channel` lets it pass.
    """
    size = len(channel) if channel.isascii() else len(channel.encode())
    return 0 < size <= CHANNEL_BYTES_MAX and channel.isprintable()


def namespace(channel: str) -> str:
    """
    Name the namespace; "" is the one of channels without a namespace.
    """
    name, boundary, _ = channel.partition(NAMESPACE_BOUNDARY)
    # A ":" inside a user id makes no namespace of `#auth0:7`.
    if not boundary or USER_BOUNDARY in name:
        return ""
    return name.removeprefix(PRIVATE_PREFIX)


def is_private(channel: str) -> bool:
    """
    Tell whether only a subscription token opens it.
    """
    return channel.startswith(PRIVATE_PREFIX)


def is_user_limited(channel: str) -> bool:
    """
    Tell whether the name itself lists who may subscribe.
    """
    return USER_BOUNDARY in channel


def allowed_users(channel: str) -> tuple[str, ...]:
    """
    List the users of a user-limited channel; empty when it is not one.
    """
    _, boundary, users = channel.partition(USER_BOUNDARY)
    return tuple(users.split(USER_SEPARATOR)) if boundary else ()


def is_allowed(channel: str, user: str) -> bool:
    """
    Tell whether the name of a user-limited channel lists this user. An anonymous user is never listed.
    """
    return user != "" and user in allowed_users(channel)


def is_nameable(user: str) -> bool:
    """
    Tell whether a user id can stand in a channel name: "a,b" would open the channel of "a,b" to "a".
    """
    return user != "" and USER_SEPARATOR not in user and USER_BOUNDARY not in user


def personal(user: str, *, namespace: str = "") -> str:
    """
    Name the personal channel of a user: `#<user>` or `<namespace>:#<user>`.

    Raises:
        InvalidRequest: the id is empty or cannot stand in a channel name.
    """
    if not is_nameable(user):
        raise InvalidRequest(
            f"user id {user!r} cannot name a personal channel; use an id without ',' and '#'",
            code="invalid_user",
        )
    return f"{namespace}{NAMESPACE_BOUNDARY if namespace else ''}{USER_BOUNDARY}{user}"
