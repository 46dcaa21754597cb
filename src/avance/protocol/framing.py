"""
What a codec is. Bytes in, messages out, and back; it knows no connection and no order of messages.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from operator import attrgetter

from msgspec import structs

from avance.protocol import delta as fossil
from avance.protocol.codes import MalformedFrame
from avance.protocol.messages import (
    METHOD_OF_REQUEST,
    PONG,
    ClientInfo,
    Command,
    EmulationRequest,
    Pong,
    Publication,
    Reply,
)

COMMANDS_PER_FRAME_MAX = 1024
"""More messages in one frame are refused; a full set of 128 subscribes stays far below."""
INBOUND_BYTES_MAX = 65_536
"""What a driver accepts as one inbound frame, and the body of an emulation request."""


class Codec(ABC):
    """
    One of the two encodings of the protocol.

    Server side: `decode_commands`, `encode_reply`, `encode_publication`, `join`, `ping`, `decode_emulation`. Client side, for
    scripted clients: `encode_command`, `decode_replies`, `encode_emulation`.
    """

    name: str
    is_text: bool

    @abstractmethod
    def decode_commands(self, data: bytes) -> list[Command | Pong]:
        """
        Read a frame of one or more commands.

        Raises:
            MalformedFrame: empty, undecodable, a wrong type, too many commands, or a command without exactly one request.
        """

    @abstractmethod
    def encode_reply(self, reply: Reply) -> bytes:
        """
        Write one message as it stands in a frame; `join` puts several into one.
        """

    @abstractmethod
    def join(self, parts: Iterable[bytes]) -> bytes:
        """
        Make one frame of encoded messages.
        """

    @abstractmethod
    def ping(self) -> bytes:
        """
        The empty message, with which both sides ask and answer.
        """

    @abstractmethod
    def decode_emulation(self, body: bytes) -> EmulationRequest:
        """
        Read the body of POST /emulation; `data` of the result is a frame for `decode_commands`.

        Raises:
            MalformedFrame: not an emulation request.
        """

    @abstractmethod
    def encode_publication(
        self,
        channel: str,
        data: bytes,
        offset: int,
        *,
        info: ClientInfo | None = None,
        tags: Mapping[str, str] | None = None,
        epoch: str = "",
        delta: bool = False,
        as_string: bool = False,
    ) -> bytes:
        """
        Write the push of one publication; equal to `encode_reply` of it, without building structs.

        Args:
            delta: `data` is a patch, not a payload.
            as_string: the subscription negotiated delta: JSON then carries `data`, patch or payload, as a string.
        """

    @abstractmethod
    def payload(self, data: bytes) -> bytes:
        """
        The form in which a publication carries `data` on a subscription that negotiated delta.
        """

    @abstractmethod
    def encode_command(self, command: Command) -> bytes:
        """
        Write one command as it stands in a frame.
        """

    @abstractmethod
    def decode_replies(self, data: bytes) -> list[Reply]:
        """
        Read a frame of one or more replies.

        Raises:
            MalformedFrame: as in `decode_commands`.
        """

    @abstractmethod
    def encode_emulation(self, request: EmulationRequest) -> bytes:
        """
        Write the body of POST /emulation.
        """

    def recovered(self, publications: Iterable[Publication]) -> list[Publication]:
        """
        Rewrite recovered publications for a subscription that negotiated delta: the first is full, each next one a patch.
        """
        rewritten: list[Publication] = []
        base: bytes | None = None
        for publication in publications:
            patch = None if base is None else fossil.patch_for_text(base, publication.data)
            base = publication.data
            rewritten.append(
                structs.replace(
                    publication,
                    data=self.payload(base if patch is None else patch),
                    delta=patch is not None,
                )
            )
        return rewritten


def checked_command(command: Command) -> Command | Pong:
    """
    Let a command with exactly one request pass; the empty one is a pong.

    Raises:
        MalformedFrame: no request that we know, or several.
    """
    fields = _REQUESTS_OF(command)
    requests = len(fields) - fields.count(None)
    if requests == 1:
        return command
    if requests == 0 and command.id == 0:
        return PONG
    raise MalformedFrame(f"command {command.id} has {requests} requests, not one")


_REQUESTS_OF = attrgetter(*METHOD_OF_REQUEST.values())
