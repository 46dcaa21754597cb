import logging
from collections.abc import Iterable, Sequence
from typing import Literal

from starlette.types import Receive, Scope, Send

from avance.edge.drivers.handshake import asgi_handshake, problem_body
from avance.edge.drivers.limits import SocketLimits
from avance.edge.drivers.rfc6455 import Code
from avance.edge.drivers.writer import Writer, drop_transport
from avance.edge.link import Accepted, Frame, Handshake, Open, Refused

logger = logging.getLogger("avance.edge")

_METHODS = {"http_stream": ("POST",), "sse": ("GET", "POST")}


async def serve_stream(
    scope: Scope,
    receive: Receive,
    send: Send,
    open: Open,
    *,
    kind: Literal["http_stream", "sse"],
    body_bytes_max: int,
    headers: Iterable[tuple[bytes, bytes]] = (),
    limits: SocketLimits | None = None,
) -> None:
    """
    Serve one HTTP stream or one stream of server-sent events, from its request to its end.

    The commands in the body (or in `cf_connect`) are the first and only message that the peer receives here; later ones
    come by another request, which whoever wires this hands to the session.

    Args:
        open: Makes the session; `Handshake.headers["content-type"]` names the codec.
        kind: What the request asks for.
        body_bytes_max: A longer body is answered 413.
        headers: Added to every answer, such as those of CORS.
        limits: What one connection may hold.
    """
    answer = _Answer(send, tuple(headers))
    if scope["method"] not in _METHODS[kind]:
        allowed = ", ".join(_METHODS[kind])
        detail = f"{kind} is opened with {allowed}, not {scope['method']}"
        await answer.refuse(405, detail, ((b"allow", allowed.encode()),))
        return
    handshake = asgi_handshake(scope, kind)
    commands = await _read_commands(scope, receive, handshake, body_bytes_max)
    if commands is None:
        return
    if len(commands) > body_bytes_max:
        await answer.refuse(413, f"the commands are longer than {body_bytes_max} bytes")
        return
    if not commands:
        where = "the body" if scope["method"] == "POST" else "cf_connect"
        await answer.refuse(400, f"{where} is empty; it must hold a connect command")
        return
    writer = Writer(limits or SocketLimits())
    accepted = open(handshake, writer)
    if isinstance(accepted, Refused):
        await answer.refuse(accepted.status, accepted.detail)
        return
    stream = _Stream(receive, answer, accepted, writer, is_sse=kind == "sse")
    try:
        await answer.start(_content_type(kind, handshake), is_sse=kind == "sse")
        stream.take(commands)
        await writer.run(accepted.peer, read=stream.read, send=stream.send, end=stream.end)
    finally:
        if writer.is_aborted:
            drop_transport(receive)
        accepted.peer.lost(stream.code)


class _Answer:
    """
    The HTTP answer: a stream, or a problem.
    """

    __slots__ = ("_headers", "_send")

    def __init__(self, send: Send, headers: tuple[tuple[bytes, bytes], ...]) -> None:
        self._send = send
        self._headers = headers

    async def start(self, content_type: bytes, *, is_sse: bool) -> None:
        await self._start(
            200,
            (
                (b"content-type", content_type),
                (b"x-accel-buffering", b"no"),
                (
                    b"cache-control",
                    b"private, no-cache, no-store, must-revalidate, max-age=0",
                ),
            ),
        )
        # Nothing of the head leaves before a first piece of body; SSE begins with an empty line by its protocol.
        await self.write(b"\r\n" if is_sse else b"")

    async def write(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def refuse(
        self, status: int, detail: str, headers: tuple[tuple[bytes, bytes], ...] = ()
    ) -> None:
        body = problem_body(status, detail)
        await self._start(
            status,
            (
                (b"content-type", b"application/problem+json"),
                (b"content-length", str(len(body)).encode()),
                *headers,
            ),
        )
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def _start(self, status: int, headers: tuple[tuple[bytes, bytes], ...]) -> None:
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [*headers, *self._headers],
            }
        )


class _Stream:
    """
    What goes over one stream, between the writer and the server.
    """

    __slots__ = ("_accepted", "_answer", "_is_sse", "_receive", "_writer", "code")

    def __init__(
        self,
        receive: Receive,
        answer: _Answer,
        accepted: Accepted,
        writer: Writer,
        *,
        is_sse: bool,
    ) -> None:
        self._receive = receive
        self._answer = answer
        self._accepted = accepted
        self._writer = writer
        self._is_sse = is_sse
        self.code: int = Code.ABNORMAL

    def take(self, commands: bytes) -> None:
        try:
            self._accepted.peer.receive(commands)
        except Exception:
            logger.exception("a session failed at its first commands; its stream is ended")
            self._writer.close(Code.INTERNAL_ERROR, "internal error")

    async def read(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def send(self, frames: Sequence[Frame]) -> None:
        await self._answer.write(
            b"".join([frame.event if self._is_sse else frame.line for frame in frames])
        )

    async def end(self, code: int, reason: str) -> None:
        if self._accepted.farewell is not None:
            await self.send([self._accepted.farewell(code, reason)])
        await self._answer.finish()
        self.code = code


def _content_type(kind: str, handshake: Handshake) -> bytes:
    if kind == "sse":
        return b"text/event-stream"
    named = handshake.headers.get("content-type", "").partition(";")[0].strip().lower()
    return (
        b"application/octet-stream" if named == "application/octet-stream" else b"application/json"
    )


async def _read_commands(
    scope: Scope, receive: Receive, handshake: Handshake, bytes_max: int
) -> bytes | None:
    """
    The commands, at most one byte more than allowed of them; None if the client left.
    """
    if scope["method"] == "GET":
        return handshake.query.get("cf_connect", "").encode()
    body = bytearray()
    more = True
    while more and len(body) <= bytes_max:
        event = await receive()
        if event["type"] == "http.disconnect":
            return None
        body += event.get("body", b"")
        more = event.get("more_body", False)
    return bytes(body)
