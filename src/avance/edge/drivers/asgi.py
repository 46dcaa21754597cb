import logging
from collections.abc import Sequence

from starlette.types import Receive, Scope, Send

from avance.edge.drivers.handshake import asgi_handshake, problem_body
from avance.edge.drivers.limits import SocketLimits
from avance.edge.drivers.rfc6455 import Code
from avance.edge.drivers.shortcut import find_shortcut
from avance.edge.drivers.writer import Writer, drop_transport
from avance.edge.link import Accepted, Frame, Open, Refused

logger = logging.getLogger("avance.edge")


async def serve_websocket(
    scope: Scope,
    receive: Receive,
    send: Send,
    open: Open,
    *,
    limits: SocketLimits | None = None,
) -> None:
    """
    Serve one WebSocket of any ASGI server, from its connect to its end.

    The server pings by its own settings; `Accepted.ping_interval_s` does not act here. Under uvicorn data frames go straight
    to its transport, uncompressed and past middleware that wraps `send`; elsewhere each is one `send`.
    """
    connect = await receive()
    if connect["type"] != "websocket.connect":
        return
    writer = Writer(limits or SocketLimits())
    answer = open(asgi_handshake(scope, "websocket"), writer)
    if isinstance(answer, Refused):
        await _refuse(scope, send, answer)
        return
    socket = _Socket(receive, send, answer, writer)
    try:
        await send({"type": "websocket.accept", "subprotocol": answer.subprotocol, "headers": []})
        writer.shortcut = find_shortcut(receive)
        await writer.run(answer.peer, read=socket.read, send=socket.send, end=socket.end)
    finally:
        if writer.is_aborted:
            drop_transport(receive)
        answer.peer.lost(socket.code)


class _Socket:
    """
    What goes over one connection, between the writer and the server.
    """

    __slots__ = ("_accepted", "_receive", "_send", "_writer", "code")

    def __init__(self, receive: Receive, send: Send, accepted: Accepted, writer: Writer) -> None:
        self._receive = receive
        self._send = send
        self._accepted = accepted
        self._writer = writer
        self.code: int = Code.ABNORMAL

    async def read(self) -> None:
        failure: int | None = None
        while (event := await self._receive())["type"] == "websocket.receive":
            if self._writer.is_over:
                continue
            text = event.get("text")
            data = event["bytes"] if text is None else text.encode()
            failure = self._take(data)
            if failure is not None:
                self.code = failure
        if failure is None:
            self.code = event.get("code", Code.NO_STATUS)

    def _take(self, data: bytes) -> int | None:
        limit = self._accepted.inbound_bytes_max
        if len(data) > limit:
            self._writer.close(Code.TOO_BIG, f"a message is longer than {limit} bytes")
            return Code.TOO_BIG
        try:
            self._accepted.peer.receive(data)
        except Exception:
            logger.exception("a session failed at a message; its connection is closed")
            self._writer.close(Code.INTERNAL_ERROR, "internal error")
            return Code.INTERNAL_ERROR
        return None

    async def send(self, frames: Sequence[Frame]) -> None:
        for frame in frames:
            if frame.is_text:
                await self._send({"type": "websocket.send", "text": frame.text})
            else:
                await self._send({"type": "websocket.send", "bytes": frame.payload})

    async def end(self, code: int, reason: str) -> None:
        await self._send({"type": "websocket.close", "code": code, "reason": reason})


async def _refuse(scope: Scope, send: Send, refused: Refused) -> None:
    if "websocket.http.response" not in scope.get("extensions", {}):
        # The server answers 403 by itself; without the extension nothing more can be said.
        await send({"type": "websocket.close", "code": 1008, "reason": refused.detail})
        return
    body = problem_body(refused.status, refused.detail)
    await send(
        {
            "type": "websocket.http.response.start",
            "status": refused.status,
            "headers": [
                (b"content-type", b"application/problem+json"),
                (b"content-length", str(len(body)).encode()),
            ],
        }
    )
    await send({"type": "websocket.http.response.body", "body": body})
