import math
from collections.abc import Coroutine, Mapping
from functools import partial
from random import Random
from types import TracebackType
from typing import Self

from avance.edge.drivers.wheel import Wheel
from avance.edge.http.limits import HttpLimits
from avance.edge.http.origin import OriginRules
from avance.edge.link import Accepted, Frame, Handshake, Link, Refused
from avance.edge.session.access import Access
from avance.edge.session.commands import Rpc
from avance.edge.session.connection import NEVER, Connection
from avance.edge.session.cross_origin import is_foreign
from avance.edge.session.histories import Histories
from avance.edge.session.rate import Bucket
from avance.edge.session.settings import SessionSettings
from avance.hub.hub import Hub
from avance.hub.publish import Publisher
from avance.hub.tasks import Tasks
from avance.ports.auth import Auth
from avance.protocol import messages as m
from avance.protocol.codec import Codec, codec_for, codec_for_content_type
from avance.protocol.codes import DISCONNECT_SHUTDOWN

WEBSOCKET, HTTP_STREAM, SSE = "websocket", "http_stream", "sse"


class Gateway:
    """
    Opens sessions of the Centrifugo protocol, and holds what all of them share.

    An async context manager: open it after the hub, close it before it.
    """

    def __init__(
        self,
        hub: Hub,
        auth: Auth,
        publisher: Publisher,
        *,
        origins: OriginRules,
        settings: SessionSettings | None = None,
        http_limits: HttpLimits | None = None,
        wheel: Wheel | None = None,
        rpc: Mapping[str, Rpc] | None = None,
        random: Random | None = None,
    ) -> None:
        """
        Args:
            origins: Which pages may connect.
            wheel: The timer shared with the drivers; whoever makes it closes it.
            rpc: What clients may call, by name.
        """
        self.hub = hub
        self.auth = auth
        self.publisher = publisher
        self.clock = hub.clock
        self.settings = settings or SessionSettings()
        self.http_limits = http_limits or HttpLimits()
        self.access = Access(hub.store)
        self.histories = Histories(hub.store, hub.clock)
        self.rpc = dict(rpc or {})
        self.random = random or Random()
        self.wheel = wheel or Wheel(monotonic_s=self.clock.monotonic_s)
        self._has_own_wheel = wheel is None
        self.origins = origins
        self._tasks = Tasks("client sessions")
        self._connections: set[Connection] = set()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for connection in tuple(self._connections):
            connection.disconnect(DISCONNECT_SHUTDOWN)
        await self._tasks.__aexit__(kind, error, traceback)
        if self._has_own_wheel:
            await self.wheel.__aexit__(kind, error, traceback)

    def open(self, handshake: Handshake, link: Link) -> Accepted | Refused:
        """
        Begin a session.
        """
        why = is_foreign(self.origins, handshake.headers, handshake.address)
        if why is not None:
            return Refused(status=403, detail=why)
        codec, subprotocol = self._codec(handshake)
        connection = Connection(self, handshake, link, codec)
        self._connections.add(connection)
        return Accepted(
            peer=connection,
            subprotocol=subprotocol,
            farewell=None if handshake.transport == WEBSOCKET else partial(_last_frame, codec),
        )

    # For connections

    def gone(self, connection: Connection) -> None:
        self._connections.discard(connection)

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        self._tasks.spawn(work)

    def bucket(self) -> Bucket | None:
        settings = self.settings
        if settings.inbound_per_s is None:
            return None
        return Bucket(settings.inbound_per_s, settings.inbound_burst, self.clock)

    def term(self, expires_at_s: int | None) -> tuple[int | None, float]:
        """
        The seconds until a moment of wall time, and when the grace after it ends on the monotonic clock.
        """
        if expires_at_s is None:
            return None, NEVER
        ttl_s = expires_at_s - self.clock.now_ms() / 1000
        return math.ceil(ttl_s), self.clock.monotonic_s() + ttl_s + self.settings.expiry_grace_s

    def _codec(self, handshake: Handshake) -> tuple[Codec, str | None]:
        if handshake.transport == WEBSOCKET:
            return codec_for(handshake.subprotocols, handshake.query)
        if handshake.transport == SSE:
            return codec_for_content_type("application/json"), None
        return codec_for_content_type(handshake.headers.get("content-type", "")), None


def _last_frame(codec: Codec, code: int, reason: str) -> Frame:
    push = m.Push(disconnect=m.Disconnect(code=code, reason=reason))
    return Frame(codec.encode_reply(m.Reply(push=push)), is_text=codec.is_text)
