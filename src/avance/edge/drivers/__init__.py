"""
Socket drivers: bytes and transports on one side, `Link` and `Peer` on the other.

- `native_protocol`: the WebSocket class for uvicorn's `Config(ws=...)`; claims its own paths, leaves the rest to uvicorn.
- `serve_websocket`: the same sessions inside any ASGI app.
- `serve_stream`: HTTP streams and server-sent events inside any ASGI app.
"""

from avance.edge.drivers.asgi import serve_websocket
from avance.edge.drivers.limits import SocketLimits
from avance.edge.drivers.native import native_protocol
from avance.edge.drivers.stream import serve_stream
from avance.edge.drivers.wheel import Wheel

__all__ = ["SocketLimits", "Wheel", "native_protocol", "serve_stream", "serve_websocket"]
