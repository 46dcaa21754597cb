"""
The codecs, and how a connection chooses one.
"""

from collections.abc import Iterable, Mapping

from avance.protocol.framing import COMMANDS_PER_FRAME_MAX, INBOUND_BYTES_MAX, Codec
from avance.protocol.json_codec import AsciiJsonCodec, JsonCodec
from avance.protocol.protobuf_codec import ProtobufCodec

__all__ = [
    "COMMANDS_PER_FRAME_MAX",
    "INBOUND_BYTES_MAX",
    "JSON",
    "JSON_ASCII",
    "PROTOBUF",
    "SUBPROTOCOL_JSON",
    "SUBPROTOCOL_PROTOBUF",
    "Codec",
    "codec_for",
    "codec_for_content_type",
]

JSON: Codec = JsonCodec()
JSON_ASCII: Codec = AsciiJsonCodec()
PROTOBUF: Codec = ProtobufCodec()

SUBPROTOCOL_JSON = "centrifuge-json"
SUBPROTOCOL_PROTOBUF = "centrifuge-protobuf"


def codec_for(
    subprotocols: Iterable[str] = (), query: Mapping[str, str] | None = None
) -> tuple[Codec, str | None]:
    """
    Choose by the offered WebSocket subprotocols, else by the query, else JSON; also return the subprotocol to echo.
    """
    for offered in subprotocols:
        if offered == SUBPROTOCOL_PROTOBUF:
            return PROTOBUF, offered
        if offered == SUBPROTOCOL_JSON:
            return JSON, offered
    query = query or {}
    if "protobuf" in (query.get("format"), query.get("cf_protocol")):
        return PROTOBUF, None
    return JSON, None


def codec_for_content_type(content_type: str) -> Codec:
    """
    Choose for http_stream and /emulation.
    """
    essence = content_type.partition(";")[0].strip().lower()
    return PROTOBUF if essence == "application/octet-stream" else JSON_ASCII
