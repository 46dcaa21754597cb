"""
A publication on its way to subscribers, with what the channel adds to the event itself.

The store and the bus carry bytes. What does not fit into them as they are (the publisher, tags, the time, that somebody joined) stands
in a head in front: a record separator, which no JSON text starts with, a JSON object, a newline, then the payload.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from avance.model.stream import Publication
from avance.protocol import delta
from avance.protocol.messages import ClientInfo

_MARK = b"\x1e"
_UNSET = b"\x00"


class Kind(StrEnum):
    PUBLICATION = "publication"
    JOIN = "join"
    LEAVE = "leave"


class _Info(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    user: str = ""
    client: str = ""
    conn_info: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    chan_info: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Head(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    kind: Kind = Kind.PUBLICATION
    info: _Info | None = None
    tags: dict[str, str] = {}
    time_ms: int = 0


_heads = msgspec.json.Decoder(_Head)
_encode = msgspec.json.Encoder().encode


class Item:
    """
    One publication, join or leave as the hub delivers it; shared by all subscribers.
    """

    __slots__ = (
        "_base",
        "_patch",
        "channel",
        "conflate",
        "data",
        "epoch",
        "info",
        "kind",
        "offset",
        "tags",
        "time_ms",
    )

    def __init__(
        self,
        channel: str,
        epoch: str,
        offset: int,
        data: bytes,
        *,
        conflate: str | None = None,
        kind: Kind = Kind.PUBLICATION,
        info: ClientInfo | None = None,
        tags: Mapping[str, str] | None = None,
        time_ms: int = 0,
    ) -> None:
        self.channel = channel
        self.epoch = epoch
        self.offset = offset
        self.data = data
        self.conflate = None if conflate is None else f"{channel} {conflate}"
        """Unlike the key of a publication it is good over all channels of a connection."""
        self.kind = kind
        self.info = info
        self.tags = tags
        self.time_ms = time_ms
        self._base = _UNSET
        self._patch: bytes | None = None

    def patch_from(self, base: bytes) -> bytes | None:
        """
        The patch that makes this payload of the one before, or None where the payload itself is not larger. Made once.
        """
        if self._base is not base:
            self._base = base
            self._patch = delta.patch_for_text(base, self.data)
        return self._patch


def wrap(
    data: bytes,
    *,
    kind: Kind = Kind.PUBLICATION,
    info: ClientInfo | None = None,
    tags: Mapping[str, str] | None = None,
    time_ms: int = 0,
) -> bytes:
    """
    Put a head in front of a payload where one is needed.
    """
    if info is None and not tags and not time_ms and kind is Kind.PUBLICATION:
        return data
    head = _encode(
        _Head(
            kind=kind,
            info=None if info is None else _packed(info),
            tags=dict(tags) if tags else {},
            time_ms=time_ms,
        )
    )
    return b"%b%b\n%b" % (_MARK, head, data)


def unwrap(publication: Publication) -> Item:
    """
    Read a publication as the store and the bus carry it.

    Raises:
        ValueError: The head is not ours.
    """
    data = publication.data
    head = _EMPTY_HEAD
    if data.startswith(_MARK):
        encoded, _, data = data[1:].partition(b"\n")
        head = _heads.decode(encoded)
    return Item(
        publication.channel,
        publication.epoch,
        publication.offset,
        data,
        conflate=publication.conflate,
        kind=head.kind,
        info=None if head.info is None else _unpacked(head.info),
        tags=head.tags or None,
        time_ms=head.time_ms,
    )


_EMPTY_HEAD = _Head()


def _packed(info: ClientInfo) -> _Info:
    return _Info(
        user=info.user,
        client=info.client,
        conn_info=msgspec.Raw(info.conn_info) if info.conn_info else msgspec.UNSET,
        chan_info=msgspec.Raw(info.chan_info) if info.chan_info else msgspec.UNSET,
    )


def _unpacked(info: _Info) -> ClientInfo:
    return ClientInfo(
        user=info.user,
        client=info.client,
        conn_info=_bytes(info.conn_info),
        chan_info=_bytes(info.chan_info),
    )


def _bytes(raw: msgspec.Raw | msgspec.UnsetType) -> bytes:
    return b"" if isinstance(raw, msgspec.UnsetType) else bytes(raw)
