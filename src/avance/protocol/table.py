"""
Where each field of each message stands on the wire: its Protobuf number and its kind. Both codecs read this table.
"""

from collections.abc import Mapping
from enum import Enum, auto

import msgspec

from avance.protocol import messages as m


class Kind(Enum):
    """
    How the value of a field is written.
    """

    STRING = auto()
    PAYLOAD = auto()
    BOOL = auto()
    UINT32 = auto()
    UINT64 = auto()
    INT32 = auto()
    INT64 = auto()
    SINT64 = auto()
    MESSAGE = auto()
    STRINGS = auto()
    MESSAGES = auto()
    STRING_MAP = auto()
    MESSAGE_MAP = auto()


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """
    One field of a message.
    """

    number: int
    name: str
    kind: Kind
    message: type[m.Wire] | None = None
    is_always_present: bool = False
    """JSON clients read it without a default."""


def _field(
    number: int, name: str, kind: Kind, message: type[m.Wire] | None = None, *, always: bool = False
) -> Field:
    return Field(number=number, name=name, kind=kind, message=message, is_always_present=always)


S, P, B = Kind.STRING, Kind.PAYLOAD, Kind.BOOL
U32, U64, I32, I64, S64 = Kind.UINT32, Kind.UINT64, Kind.INT32, Kind.INT64, Kind.SINT64
ONE, MANY, MAP = Kind.MESSAGE, Kind.MESSAGES, Kind.MESSAGE_MAP

TABLE: Mapping[type[m.Wire], tuple[Field, ...]] = {
    m.Command: (
        _field(1, "id", U32),
        _field(4, "connect", ONE, m.ConnectRequest),
        _field(5, "subscribe", ONE, m.SubscribeRequest),
        _field(6, "unsubscribe", ONE, m.UnsubscribeRequest),
        _field(7, "publish", ONE, m.PublishRequest),
        _field(8, "presence", ONE, m.PresenceRequest),
        _field(9, "presence_stats", ONE, m.PresenceStatsRequest),
        _field(10, "history", ONE, m.HistoryRequest),
        _field(11, "ping", ONE, m.PingRequest),
        _field(12, "send", ONE, m.SendRequest),
        _field(13, "rpc", ONE, m.RPCRequest),
        _field(14, "refresh", ONE, m.RefreshRequest),
        _field(15, "sub_refresh", ONE, m.SubRefreshRequest),
    ),
    m.Reply: (
        _field(1, "id", U32),
        _field(2, "error", ONE, m.Error),
        _field(4, "push", ONE, m.Push),
        _field(5, "connect", ONE, m.ConnectResult),
        _field(6, "subscribe", ONE, m.SubscribeResult),
        _field(7, "unsubscribe", ONE, m.UnsubscribeResult),
        _field(8, "publish", ONE, m.PublishResult),
        _field(9, "presence", ONE, m.PresenceResult),
        _field(10, "presence_stats", ONE, m.PresenceStatsResult),
        _field(11, "history", ONE, m.HistoryResult),
        _field(12, "ping", ONE, m.PingResult),
        _field(13, "rpc", ONE, m.RPCResult),
        _field(14, "refresh", ONE, m.RefreshResult),
        _field(15, "sub_refresh", ONE, m.SubRefreshResult),
    ),
    m.Push: (
        _field(1, "id", I64),
        _field(2, "channel", S),
        _field(4, "pub", ONE, m.Publication),
        _field(5, "join", ONE, m.Join),
        _field(6, "leave", ONE, m.Leave),
        _field(7, "unsubscribe", ONE, m.Unsubscribe),
        _field(8, "message", ONE, m.Message),
        _field(9, "subscribe", ONE, m.Subscribe),
        _field(10, "connect", ONE, m.Connect),
        _field(11, "disconnect", ONE, m.Disconnect),
        _field(12, "refresh", ONE, m.Refresh),
    ),
    m.Error: (
        _field(1, "code", U32),
        _field(2, "message", S),
        _field(3, "temporary", B),
    ),
    m.ClientInfo: (
        _field(1, "user", S, always=True),
        _field(2, "client", S, always=True),
        _field(3, "conn_info", P),
        _field(4, "chan_info", P),
    ),
    m.Publication: (
        _field(4, "data", P),
        _field(5, "info", ONE, m.ClientInfo),
        _field(6, "offset", U64),
        _field(7, "tags", Kind.STRING_MAP),
        _field(8, "delta", B),
        _field(9, "time", I64),
        _field(10, "channel", S),
        _field(11, "key", S),
        _field(12, "removed", B),
        _field(13, "score", S64),
        _field(14, "epoch", S),
        _field(15, "prev_data", P),
        _field(16, "version", U64),
    ),
    m.StreamPosition: (
        _field(1, "offset", U64),
        _field(2, "epoch", S),
    ),
    m.FilterNode: (
        _field(1, "op", S),
        _field(2, "key", S),
        _field(3, "cmp", S),
        _field(4, "val", S),
        _field(5, "vals", Kind.STRINGS),
        _field(6, "nodes", MANY, m.FilterNode),
    ),
    m.KeyedItem: (
        _field(1, "key", S),
        _field(2, "version", U64),
    ),
    m.TrackBatch: (
        _field(1, "signature", S),
        _field(2, "items", MANY, m.KeyedItem),
    ),
    m.ConnectRequest: (
        _field(1, "token", S),
        _field(2, "data", P),
        _field(3, "subs", MAP, m.SubscribeRequest),
        _field(4, "name", S),
        _field(5, "version", S),
        _field(6, "headers", Kind.STRING_MAP),
        _field(7, "flag", I64),
    ),
    m.ConnectResult: (
        _field(1, "client", S),
        _field(2, "version", S),
        _field(3, "expires", B),
        _field(4, "ttl", U32),
        _field(5, "data", P),
        _field(6, "subs", MAP, m.SubscribeResult),
        _field(7, "ping", U32),
        _field(8, "pong", B),
        _field(9, "session", S),
        _field(10, "node", S),
        _field(11, "time", I64),
        _field(12, "flag", I64),
    ),
    m.SubscribeRequest: (
        _field(1, "channel", S),
        _field(2, "token", S),
        _field(3, "recover", B),
        _field(6, "epoch", S),
        _field(7, "offset", U64),
        _field(8, "data", P),
        _field(9, "positioned", B),
        _field(10, "recoverable", B),
        _field(11, "join_leave", B),
        _field(12, "delta", S),
        _field(13, "tf", ONE, m.FilterNode),
        _field(14, "flag", I64),
        _field(15, "type", I32),
        _field(16, "phase", I32),
        _field(17, "cursor", S),
        _field(18, "limit", I32),
        _field(19, "asc", B),
    ),
    m.SubscribeResult: (
        _field(1, "expires", B),
        _field(2, "ttl", U32),
        _field(3, "recoverable", B),
        _field(6, "epoch", S),
        _field(7, "publications", MANY, m.Publication),
        _field(8, "recovered", B),
        _field(9, "offset", U64),
        _field(10, "positioned", B),
        _field(11, "data", P),
        _field(12, "was_recovering", B),
        _field(13, "delta", B),
        _field(14, "id", I64),
        _field(15, "type", I32),
        _field(16, "phase", I32),
        _field(17, "cursor", S),
        _field(18, "state", MANY, m.Publication),
        _field(19, "publish_debounce", U32),
    ),
    m.UnsubscribeRequest: (_field(1, "channel", S),),
    m.UnsubscribeResult: (),
    m.PublishRequest: (
        _field(1, "channel", S),
        _field(2, "data", P),
        _field(3, "type", I32),
        _field(4, "key", S),
        _field(5, "removed", B),
    ),
    m.PublishResult: (),
    m.PresenceRequest: (_field(1, "channel", S),),
    m.PresenceResult: (_field(1, "presence", MAP, m.ClientInfo, always=True),),
    m.PresenceStatsRequest: (_field(1, "channel", S),),
    m.PresenceStatsResult: (
        _field(1, "num_clients", U32, always=True),
        _field(2, "num_users", U32, always=True),
    ),
    m.HistoryRequest: (
        _field(1, "channel", S),
        _field(7, "limit", I32),
        _field(8, "since", ONE, m.StreamPosition),
        _field(9, "reverse", B),
    ),
    m.HistoryResult: (
        _field(1, "publications", MANY, m.Publication, always=True),
        _field(2, "epoch", S, always=True),
        _field(3, "offset", U64, always=True),
    ),
    m.PingRequest: (),
    m.PingResult: (),
    m.RPCRequest: (
        _field(1, "data", P),
        _field(2, "method", S),
    ),
    m.RPCResult: (_field(1, "data", P),),
    m.SendRequest: (_field(1, "data", P),),
    m.RefreshRequest: (_field(1, "token", S),),
    m.RefreshResult: (
        _field(1, "client", S),
        _field(2, "version", S),
        _field(3, "expires", B),
        _field(4, "ttl", U32),
    ),
    m.SubRefreshRequest: (
        _field(1, "channel", S),
        _field(2, "token", S),
        _field(3, "type", I32),
        _field(4, "track", MANY, m.TrackBatch),
        _field(5, "untrack", Kind.STRINGS),
    ),
    m.SubRefreshResult: (
        _field(1, "expires", B),
        _field(2, "ttl", U32),
        _field(3, "items", MANY, m.Publication),
    ),
    m.Join: (_field(1, "info", ONE, m.ClientInfo),),
    m.Leave: (_field(1, "info", ONE, m.ClientInfo),),
    m.Unsubscribe: (
        _field(2, "code", U32),
        _field(3, "reason", S),
    ),
    m.Message: (_field(1, "data", P),),
    m.Subscribe: (
        _field(1, "recoverable", B),
        _field(4, "epoch", S),
        _field(5, "offset", U64),
        _field(6, "positioned", B),
        _field(7, "data", P),
    ),
    m.Connect: (
        _field(1, "client", S),
        _field(2, "version", S),
        _field(3, "data", P),
        _field(4, "subs", MAP, m.SubscribeResult),
        _field(5, "expires", B),
        _field(6, "ttl", U32),
        _field(7, "ping", U32),
        _field(8, "pong", B),
        _field(9, "session", S),
        _field(10, "node", S),
        _field(11, "time", I64),
    ),
    m.Disconnect: (
        _field(1, "code", U32),
        _field(2, "reason", S),
        _field(3, "reconnect", B),
    ),
    m.Refresh: (
        _field(1, "expires", B),
        _field(2, "ttl", U32),
    ),
    m.EmulationRequest: (
        _field(1, "node", S),
        _field(2, "session", S),
        _field(3, "data", P),
    ),
}
"""Unsubscribe starts at 2 and Push skips 3: numbers of fields that the protocol retired."""
