"""
The messages of the Centrifugo client protocol, one struct each. Attribute names are the names on the wire.

A payload is `bytes` that already hold its encoding (JSON text) and pass through untouched: no codec looks into it. What a
struct holds never depends on the codec that read it.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import msgspec
from msgspec.structs import force_setattr

FILTER_DEPTH_MAX = 16
"""Levels of a FilterNode tree."""

if TYPE_CHECKING:
    Payload: TypeAlias = bytes
else:
    # msgspec reads `bytes` from base64; Raw takes the JSON value as it stands, and `_Carrier` turns it into bytes.
    Payload = msgspec.Raw

Uint32 = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
Uint64 = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""Without the highest bit, so that both codecs accept the same numbers."""
Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class Wire(msgspec.Struct, frozen=True, kw_only=True):
    """
    The base of every message.
    """


class _Carrier(Wire, frozen=True, kw_only=True):
    data: Payload = b""

    def __post_init__(self) -> None:
        if type(self.data) is not bytes:
            force_setattr(self, "data", bytes(self.data))


# Values that several messages hold


class Error(Wire, frozen=True, kw_only=True):
    code: Uint32 = 0
    message: str = ""
    temporary: bool = False


class ClientInfo(Wire, frozen=True, kw_only=True):
    user: str = ""
    client: str = ""
    conn_info: Payload = b""
    chan_info: Payload = b""

    def __post_init__(self) -> None:
        if type(self.conn_info) is not bytes:
            force_setattr(self, "conn_info", bytes(self.conn_info))
        if type(self.chan_info) is not bytes:
            force_setattr(self, "chan_info", bytes(self.chan_info))


class Publication(_Carrier, frozen=True, kw_only=True):
    info: ClientInfo | None = None
    offset: Uint64 = 0
    tags: dict[str, str] = {}
    delta: bool = False
    time: Int64 = 0
    channel: str = ""
    key: str = ""
    removed: bool = False
    score: Int64 = 0
    epoch: str = ""
    prev_data: Payload = b""
    version: Uint64 = 0

    def __post_init__(self) -> None:
        if type(self.data) is not bytes:
            force_setattr(self, "data", bytes(self.data))
        if type(self.prev_data) is not bytes:
            force_setattr(self, "prev_data", bytes(self.prev_data))


class StreamPosition(Wire, frozen=True, kw_only=True):
    offset: Uint64 = 0
    epoch: str = ""


class FilterNode(Wire, frozen=True, kw_only=True):
    op: str = ""
    key: str = ""
    cmp: str = ""
    val: str = ""
    vals: list[str] = []
    nodes: list["FilterNode"] = []


class KeyedItem(Wire, frozen=True, kw_only=True):
    key: str = ""
    version: Uint64 = 0


class TrackBatch(Wire, frozen=True, kw_only=True):
    signature: str = ""
    items: list[KeyedItem] = []


# Requests


class SubscribeRequest(_Carrier, frozen=True, kw_only=True):
    channel: str = ""
    token: str = ""
    recover: bool = False
    epoch: str = ""
    offset: Uint64 = 0
    positioned: bool = False
    recoverable: bool = False
    join_leave: bool = False
    delta: str = ""
    tf: FilterNode | None = None
    flag: Int64 = 0
    type: Int32 = 0
    phase: Int32 = 0
    cursor: str = ""
    limit: Int32 = 0
    asc: bool = False

    def __post_init__(self) -> None:
        if type(self.data) is not bytes:
            force_setattr(self, "data", bytes(self.data))
        if self.tf is not None and _is_deeper(self.tf, FILTER_DEPTH_MAX):
            raise ValueError(f"the tags filter is deeper than {FILTER_DEPTH_MAX} levels")


class ConnectRequest(_Carrier, frozen=True, kw_only=True):
    token: str = ""
    subs: dict[str, SubscribeRequest] = {}
    name: str = ""
    version: str = ""
    headers: dict[str, str] = {}
    flag: Int64 = 0


class UnsubscribeRequest(Wire, frozen=True, kw_only=True):
    channel: str = ""


class PublishRequest(_Carrier, frozen=True, kw_only=True):
    channel: str = ""
    type: Int32 = 0
    key: str = ""
    removed: bool = False


class PresenceRequest(Wire, frozen=True, kw_only=True):
    channel: str = ""


class PresenceStatsRequest(Wire, frozen=True, kw_only=True):
    channel: str = ""


class HistoryRequest(Wire, frozen=True, kw_only=True):
    channel: str = ""
    limit: Int32 = 0
    since: StreamPosition | None = None
    reverse: bool = False


class PingRequest(Wire, frozen=True, kw_only=True):
    pass


class SendRequest(_Carrier, frozen=True, kw_only=True):
    pass


class RPCRequest(_Carrier, frozen=True, kw_only=True):
    method: str = ""


class RefreshRequest(Wire, frozen=True, kw_only=True):
    token: str = ""


class SubRefreshRequest(Wire, frozen=True, kw_only=True):
    channel: str = ""
    token: str = ""
    type: Int32 = 0
    track: list[TrackBatch] = []
    untrack: list[str] = []


Request: TypeAlias = (
    ConnectRequest
    | SubscribeRequest
    | UnsubscribeRequest
    | PublishRequest
    | PresenceRequest
    | PresenceStatsRequest
    | HistoryRequest
    | PingRequest
    | SendRequest
    | RPCRequest
    | RefreshRequest
    | SubRefreshRequest
)


class Command(Wire, frozen=True, kw_only=True):
    """
    One request of a client, in the field named as its method.
    """

    id: Uint32 = 0
    connect: ConnectRequest | None = None
    subscribe: SubscribeRequest | None = None
    unsubscribe: UnsubscribeRequest | None = None
    publish: PublishRequest | None = None
    presence: PresenceRequest | None = None
    presence_stats: PresenceStatsRequest | None = None
    history: HistoryRequest | None = None
    ping: PingRequest | None = None
    send: SendRequest | None = None
    rpc: RPCRequest | None = None
    refresh: RefreshRequest | None = None
    sub_refresh: SubRefreshRequest | None = None

    @property
    def method(self) -> str:
        """
        The name of the request's field.
        """
        return METHOD_OF_REQUEST[type(self.request)]

    @property
    def request(self) -> Request:
        """
        The request; a decoder lets no command pass without exactly one.
        """
        request: Request | None = (
            self.subscribe
            or self.publish
            or self.rpc
            or self.unsubscribe
            or self.connect
            or self.history
            or self.presence
            or self.presence_stats
            or self.send
            or self.refresh
            or self.sub_refresh
            or self.ping
        )
        if request is None:
            raise ValueError(f"command {self.id} has no request")
        return request


class Pong(Wire, frozen=True, kw_only=True):
    """
    The empty message with which a client answers a ping.
    """


PONG = Pong()

METHOD_OF_REQUEST: Mapping[type[Wire], str] = {
    ConnectRequest: "connect",
    SubscribeRequest: "subscribe",
    UnsubscribeRequest: "unsubscribe",
    PublishRequest: "publish",
    PresenceRequest: "presence",
    PresenceStatsRequest: "presence_stats",
    HistoryRequest: "history",
    PingRequest: "ping",
    SendRequest: "send",
    RPCRequest: "rpc",
    RefreshRequest: "refresh",
    SubRefreshRequest: "sub_refresh",
}


class EmulationRequest(_Carrier, frozen=True, kw_only=True):
    """
    The body of POST /emulation; `data` is a frame of commands in the codec of the session.
    """

    node: str = ""
    session: str = ""


# Results


class SubscribeResult(_Carrier, frozen=True, kw_only=True):
    expires: bool = False
    ttl: Uint32 = 0
    recoverable: bool = False
    epoch: str = ""
    publications: list[Publication] = []
    recovered: bool = False
    offset: Uint64 = 0
    positioned: bool = False
    was_recovering: bool = False
    delta: bool = False
    id: Int64 = 0
    type: Int32 = 0
    phase: Int32 = 0
    cursor: str = ""
    state: list[Publication] = []
    publish_debounce: Uint32 = 0


class ConnectResult(_Carrier, frozen=True, kw_only=True):
    client: str = ""
    version: str = ""
    expires: bool = False
    ttl: Uint32 = 0
    subs: dict[str, SubscribeResult] = {}
    ping: Uint32 = 0
    pong: bool = False
    session: str = ""
    node: str = ""
    time: Int64 = 0
    flag: Int64 = 0


class UnsubscribeResult(Wire, frozen=True, kw_only=True):
    pass


class PublishResult(Wire, frozen=True, kw_only=True):
    pass


class PresenceResult(Wire, frozen=True, kw_only=True):
    presence: dict[str, ClientInfo] = {}


class PresenceStatsResult(Wire, frozen=True, kw_only=True):
    num_clients: Uint32 = 0
    num_users: Uint32 = 0


class HistoryResult(Wire, frozen=True, kw_only=True):
    publications: list[Publication] = []
    epoch: str = ""
    offset: Uint64 = 0


class PingResult(Wire, frozen=True, kw_only=True):
    pass


class RPCResult(_Carrier, frozen=True, kw_only=True):
    pass


class RefreshResult(Wire, frozen=True, kw_only=True):
    client: str = ""
    version: str = ""
    expires: bool = False
    ttl: Uint32 = 0


class SubRefreshResult(Wire, frozen=True, kw_only=True):
    expires: bool = False
    ttl: Uint32 = 0
    items: list[Publication] = []


Result: TypeAlias = (
    ConnectResult
    | SubscribeResult
    | UnsubscribeResult
    | PublishResult
    | PresenceResult
    | PresenceStatsResult
    | HistoryResult
    | PingResult
    | RPCResult
    | RefreshResult
    | SubRefreshResult
)


# Pushes


class Join(Wire, frozen=True, kw_only=True):
    info: ClientInfo | None = None


class Leave(Wire, frozen=True, kw_only=True):
    info: ClientInfo | None = None


class Unsubscribe(Wire, frozen=True, kw_only=True):
    code: Uint32 = 0
    reason: str = ""


class Message(_Carrier, frozen=True, kw_only=True):
    """
    The `message` push: a payload to one connection outside of any channel.
    """


class Subscribe(_Carrier, frozen=True, kw_only=True):
    recoverable: bool = False
    epoch: str = ""
    offset: Uint64 = 0
    positioned: bool = False


class Connect(_Carrier, frozen=True, kw_only=True):
    """
    The `connect` push, for unidirectional transports only.
    """

    client: str = ""
    version: str = ""
    subs: dict[str, SubscribeResult] = {}
    expires: bool = False
    ttl: Uint32 = 0
    ping: Uint32 = 0
    pong: bool = False
    session: str = ""
    node: str = ""
    time: Int64 = 0


class Disconnect(Wire, frozen=True, kw_only=True):
    code: Uint32 = 0
    reason: str = ""
    reconnect: bool = False


class Refresh(Wire, frozen=True, kw_only=True):
    expires: bool = False
    ttl: Uint32 = 0


class Push(Wire, frozen=True, kw_only=True):
    id: Int64 = 0
    channel: str = ""
    pub: Publication | None = None
    join: Join | None = None
    leave: Leave | None = None
    unsubscribe: Unsubscribe | None = None
    message: Message | None = None
    subscribe: Subscribe | None = None
    connect: Connect | None = None
    disconnect: Disconnect | None = None
    refresh: Refresh | None = None


class Reply(Wire, frozen=True, kw_only=True):
    """
    What a server sends: the answer to the command of that id, or a push, or nothing at all, which is a ping.
    """

    id: Uint32 = 0
    error: Error | None = None
    push: Push | None = None
    connect: ConnectResult | None = None
    subscribe: SubscribeResult | None = None
    unsubscribe: UnsubscribeResult | None = None
    publish: PublishResult | None = None
    presence: PresenceResult | None = None
    presence_stats: PresenceStatsResult | None = None
    history: HistoryResult | None = None
    ping: PingResult | None = None
    rpc: RPCResult | None = None
    refresh: RefreshResult | None = None
    sub_refresh: SubRefreshResult | None = None


FIELD_OF_RESULT: Mapping[type[Wire], str] = {
    ConnectResult: "connect",
    SubscribeResult: "subscribe",
    UnsubscribeResult: "unsubscribe",
    PublishResult: "publish",
    PresenceResult: "presence",
    PresenceStatsResult: "presence_stats",
    HistoryResult: "history",
    PingResult: "ping",
    RPCResult: "rpc",
    RefreshResult: "refresh",
    SubRefreshResult: "sub_refresh",
}


def reply_to(command_id: int, result: Result) -> Reply:
    """
    Build the reply that carries a result.
    """
    fields: dict[str, Any] = {"id": command_id, FIELD_OF_RESULT[type(result)]: result}
    return Reply(**fields)


def _is_deeper(node: FilterNode, levels: int) -> bool:
    level = [node]
    for _ in range(levels):
        level = [child for parent in level for child in parent.nodes]
        if not level:
            return False
    return True
