"""
The order of a connection: what may come when. Bytes in, commands out; who drives it owns the socket and the clock.
"""

from enum import Enum, auto

from avance.protocol.codec import Codec
from avance.protocol.codes import (
    DISCONNECT_BAD_REQUEST,
    DISCONNECT_NOT_AVAILABLE,
    ErrorCode,
    ProtocolDisconnect,
)
from avance.protocol.messages import Command, Pong, Push, Reply, Result, reply_to


class State(Enum):
    """
    Where a connection stands.
    """

    NEW = auto()
    CONNECTING = auto()
    CONNECTED = auto()
    CLOSED = auto()


class Event(Enum):
    """
    What moves it.
    """

    CONNECT_CAME = auto()
    COMMAND_CAME = auto()
    CONNECT_ACCEPTED = auto()
    CONNECT_REFUSED = auto()
    RULE_BROKEN = auto()


TRANSITIONS = {
    (State.NEW, Event.CONNECT_CAME): State.CONNECTING,
    (State.CONNECTING, Event.COMMAND_CAME): State.CONNECTING,
    (State.CONNECTING, Event.CONNECT_ACCEPTED): State.CONNECTED,
    (State.CONNECTING, Event.CONNECT_REFUSED): State.CLOSED,
    (State.CONNECTED, Event.COMMAND_CAME): State.CONNECTED,
    (State.NEW, Event.RULE_BROKEN): State.CLOSED,
    (State.CONNECTING, Event.RULE_BROKEN): State.CLOSED,
    (State.CONNECTED, Event.RULE_BROKEN): State.CLOSED,
    (State.CLOSED, Event.RULE_BROKEN): State.CLOSED,
}
"""What is missing here is a broken rule of the protocol."""

_NEEDS_CHANNEL = frozenset(
    (
        "subscribe",
        "unsubscribe",
        "publish",
        "presence",
        "presence_stats",
        "history",
        "sub_refresh",
    )
)


class Session:
    """
    The server's side of one connection.

    `receive` gives the commands of a frame; execute them in that order, one after the other, and pass each to `admit` first: a
    command that came behind a refused connect fails there. The outcome of connect is told by `connected` or `refused`.
    """

    __slots__ = ("_codec", "_is_pong_due", "_takes_send", "state")

    def __init__(self, codec: Codec, *, takes_send: bool = False) -> None:
        self._codec = codec
        self._takes_send = takes_send
        self._is_pong_due = False
        self.state = State.NEW

    @property
    def codec(self) -> Codec:
        """
        The codec of the connection.
        """
        return self._codec

    @property
    def pong_is_due(self) -> bool:
        """
        Whether a ping was sent and not yet answered.
        """
        return self._is_pong_due

    def receive(self, data: bytes) -> list[Command]:
        """
        Read a frame.

        Raises:
            ProtocolDisconnect: close the connection with its code; no command of this frame is to be executed.
        """
        commands: list[Command] = []
        try:
            for message in self._codec.decode_commands(data):
                if isinstance(message, Pong):
                    self._take_pong()
                else:
                    self._check(message)
                    commands.append(message)
        except ProtocolDisconnect:
            self._move(Event.RULE_BROKEN)
            raise
        return commands

    def admit(self, command: Command) -> None:
        """
        Check, just before a command is executed, that the connection still stands.

        Raises:
            ProtocolDisconnect: connect was refused, or the connection is closed (3501).
        """
        if self.state is State.CLOSED:
            raise ProtocolDisconnect(
                DISCONNECT_BAD_REQUEST, f"command {command.id} came after a refused connect"
            )

    def connected(self) -> None:
        """
        Connect was accepted.
        """
        self._move(Event.CONNECT_ACCEPTED)

    def refused(self) -> None:
        """
        Connect was answered with an error; nothing may follow.
        """
        self._move(Event.CONNECT_REFUSED)

    def ping_sent(self) -> None:
        """
        A ping went out, so a pong may come in.
        """
        self._is_pong_due = True

    def reply(self, command_id: int, result: Result) -> bytes:
        """
        Write the answer to a command.
        """
        return self._codec.encode_reply(reply_to(command_id, result))

    def error(self, command_id: int, error: ErrorCode) -> bytes:
        """
        Write the refusal of a command.
        """
        return self._codec.encode_reply(Reply(id=command_id, error=error.as_error()))

    def push(self, push: Push) -> bytes:
        """
        Write a push.
        """
        return self._codec.encode_reply(Reply(push=push))

    def _take_pong(self) -> None:
        if not self._is_pong_due:
            raise _broken("a pong came without a ping")
        self._is_pong_due = False

    def _check(self, command: Command) -> None:
        method = command.method
        self._move(Event.CONNECT_CAME if method == "connect" else Event.COMMAND_CAME, method)
        if method == "send":
            if not self._takes_send:
                raise ProtocolDisconnect(DISCONNECT_NOT_AVAILABLE, "there is no handler of send")
        elif command.id == 0:
            raise _broken(f"{method} came without an id")
        elif method == "ping":
            raise _broken("ping is not a command of clients")
        elif method in _NEEDS_CHANNEL and not getattr(command.request, "channel", ""):
            raise _broken(f"{method} came without a channel")

    def _move(self, event: Event, method: str = "") -> None:
        target = TRANSITIONS.get((self.state, event))
        if target is None:
            raise _broken(
                f"{method or event.name} is not allowed on a connection that is {self.state.name}"
            )
        self.state = target


def _broken(detail: str) -> ProtocolDisconnect:
    return ProtocolDisconnect(DISCONNECT_BAD_REQUEST, detail)
