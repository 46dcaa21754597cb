"""
The codes of the Centrifugo client protocol. A code never changes its meaning; clients translate by the code.
"""

import msgspec

from avance.protocol import messages

REASON_BYTES_MAX = 123
"""What a WebSocket close frame holds beside its code (RFC 6455 section 5.5)."""


class ErrorCode(msgspec.Struct, frozen=True, kw_only=True):
    """
    An error in a reply; the connection goes on.
    """

    code: int
    message: str
    temporary: bool = False

    def as_error(self) -> messages.Error:
        """
        The wire form.
        """
        return messages.Error(code=self.code, message=self.message, temporary=self.temporary)


class DisconnectCode(msgspec.Struct, frozen=True, kw_only=True):
    """
    The end of a connection; the code tells a client whether to come back.
    """

    code: int
    reason: str

    def __post_init__(self) -> None:
        size = len(self.reason.encode())
        if size > REASON_BYTES_MAX:
            raise ValueError(
                f"the reason of disconnect {self.code} has {size} bytes; a close frame takes {REASON_BYTES_MAX}"
            )
        if _is_json(self.reason):
            # centrifuge-js reads a reason that parses as the advice of an older protocol.
            raise ValueError(
                f"the reason {self.reason!r} of disconnect {self.code} reads as JSON; use words"
            )

    @property
    def is_reconnect(self) -> bool:
        """
        Whether clients come back by themselves.
        """
        code = self.code
        return code < 3500 or 4000 <= code < 4500 or code >= 5000

    def as_push(self) -> messages.Disconnect:
        """
        The wire form on transports without close frames.
        """
        return messages.Disconnect(code=self.code, reason=self.reason)


class UnsubscribeCode(msgspec.Struct, frozen=True, kw_only=True):
    """
    The end of a subscription by the server; from 2500 on clients subscribe again.
    """

    code: int
    reason: str

    @property
    def is_resubscribe(self) -> bool:
        """
        Whether clients subscribe again by themselves.
        """
        return self.code >= 2500

    def as_push(self) -> messages.Unsubscribe:
        """
        The wire form.
        """
        return messages.Unsubscribe(code=self.code, reason=self.reason)


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except msgspec.DecodeError:
        return False
    return True


ERROR_INTERNAL = ErrorCode(code=100, message="internal server error", temporary=True)
ERROR_UNAUTHORIZED = ErrorCode(code=101, message="unauthorized")
ERROR_UNKNOWN_CHANNEL = ErrorCode(code=102, message="unknown channel")
ERROR_PERMISSION_DENIED = ErrorCode(code=103, message="permission denied")
ERROR_METHOD_NOT_FOUND = ErrorCode(code=104, message="method not found")
ERROR_ALREADY_SUBSCRIBED = ErrorCode(code=105, message="already subscribed")
ERROR_LIMIT_EXCEEDED = ErrorCode(code=106, message="limit exceeded")
ERROR_BAD_REQUEST = ErrorCode(code=107, message="bad request")
ERROR_NOT_AVAILABLE = ErrorCode(code=108, message="not available")
ERROR_TOKEN_EXPIRED = ErrorCode(code=109, message="token expired")
ERROR_EXPIRED = ErrorCode(code=110, message="expired")
ERROR_TOO_MANY_REQUESTS = ErrorCode(code=111, message="too many requests", temporary=True)
ERROR_UNRECOVERABLE_POSITION = ErrorCode(code=112, message="unrecoverable position")
ERROR_CONCURRENT_PAGINATION = ErrorCode(code=113, message="concurrent pagination", temporary=True)

DISCONNECT_CONNECTION_CLOSED = DisconnectCode(code=3000, reason="connection closed")
DISCONNECT_SHUTDOWN = DisconnectCode(code=3001, reason="shutdown")
DISCONNECT_SERVER_ERROR = DisconnectCode(code=3004, reason="internal server error")
DISCONNECT_EXPIRED = DisconnectCode(code=3005, reason="connection expired")
DISCONNECT_SUB_EXPIRED = DisconnectCode(code=3006, reason="subscription expired")
DISCONNECT_SLOW = DisconnectCode(code=3008, reason="slow")
DISCONNECT_WRITE_ERROR = DisconnectCode(code=3009, reason="write error")
DISCONNECT_INSUFFICIENT_STATE = DisconnectCode(code=3010, reason="insufficient state")
DISCONNECT_FORCE_RECONNECT = DisconnectCode(code=3011, reason="force reconnect")
DISCONNECT_NO_PONG = DisconnectCode(code=3012, reason="no pong")
DISCONNECT_TOO_MANY_REQUESTS = DisconnectCode(code=3013, reason="too many requests")
DISCONNECT_STATE_INVALIDATED = DisconnectCode(code=3014, reason="state invalidated")
DISCONNECT_INVALID_TOKEN = DisconnectCode(code=3500, reason="invalid token")
DISCONNECT_BAD_REQUEST = DisconnectCode(code=3501, reason="bad request")
DISCONNECT_STALE = DisconnectCode(code=3502, reason="stale")
DISCONNECT_FORCE = DisconnectCode(code=3503, reason="force disconnect")
DISCONNECT_CONNECTION_LIMIT = DisconnectCode(code=3504, reason="connection limit")
DISCONNECT_CHANNEL_LIMIT = DisconnectCode(code=3505, reason="channel limit")
DISCONNECT_INAPPROPRIATE_PROTOCOL = DisconnectCode(code=3506, reason="inappropriate protocol")
DISCONNECT_PERMISSION_DENIED = DisconnectCode(code=3507, reason="permission denied")
DISCONNECT_NOT_AVAILABLE = DisconnectCode(code=3508, reason="not available")
DISCONNECT_TOO_MANY_ERRORS = DisconnectCode(code=3509, reason="too many errors")

UNSUBSCRIBE_SERVER = UnsubscribeCode(code=2000, reason="server unsubscribe")
UNSUBSCRIBE_INSUFFICIENT = UnsubscribeCode(code=2500, reason="insufficient state")
UNSUBSCRIBE_EXPIRED = UnsubscribeCode(code=2501, reason="subscription expired")
UNSUBSCRIBE_STATE_INVALIDATED = UnsubscribeCode(code=2502, reason="state invalidated")


class ProtocolDisconnect(Exception):
    """
    The connection must be closed with this code. The detail is for the log and never goes on the wire.
    """

    def __init__(self, disconnect: DisconnectCode, detail: str = "") -> None:
        super().__init__(
            f"{disconnect.code} {disconnect.reason}" + (f": {detail}" if detail else "")
        )
        self.disconnect = disconnect
        self.detail = detail


class MalformedFrame(ProtocolDisconnect):
    """
    What came is not a frame of this codec.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(DISCONNECT_BAD_REQUEST, detail)


class ReplyError(Exception):
    """
    The command is answered with this error and the connection goes on.
    """

    def __init__(self, error: ErrorCode, detail: str = "") -> None:
        super().__init__(f"{error.code} {error.message}" + (f": {detail}" if detail else ""))
        self.error = error
        self.detail = detail
