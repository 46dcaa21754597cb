"""
HTTP streams and server-sent events through a real uvicorn, read byte by byte.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from urllib.parse import quote

import anyio
import pytest

from avance.edge.drivers import SocketLimits
from avance.edge.link import Frame, Refused

Serve = Callable[..., AbstractAsyncContextManager[Any]]

CONNECT = b'{"id":1,"connect":{}}'


class Answer:
    def __init__(self, reader: asyncio.StreamReader, head: str) -> None:
        self._reader = reader
        status, *lines = head.strip().split("\r\n")
        self.status = int(status.split()[1])
        self.headers = dict(line.lower().split(": ", 1) for line in lines)

    async def chunk(self) -> bytes:
        """
        One chunk of the body as the server flushed it; b"" at the end.
        """
        with anyio.fail_after(60):
            size = int(await self._reader.readline(), 16)
            data = await self._reader.readexactly(size + 2)
        return data[:-2]

    async def body(self) -> Any:
        with anyio.fail_after(60):
            return json.loads(await self._reader.readexactly(int(self.headers["content-length"])))


@asynccontextmanager
async def request(
    server: Any,
    target: str,
    *,
    method: str = "POST",
    body: bytes = b"",
    content_type: str = "application/json",
) -> AsyncIterator[Answer]:
    reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        writer.write(
            f"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        with anyio.fail_after(60):
            head = await reader.readuntil(b"\r\n\r\n")
        yield Answer(reader, head.decode())
    finally:
        writer.transport.abort()


@asynccontextmanager
async def open_stream(server: Any, kind: str) -> AsyncIterator[tuple[Any, Answer]]:
    async with request(server, f"/{kind}", body=CONNECT) as answer:
        peer = await server.sessions.next()
        assert await peer.next("receive") == CONNECT
        if kind == "sse":
            assert await answer.chunk() == b"\r\n"
        yield peer, answer


@pytest.mark.parametrize("content_type", ["application/json", "application/octet-stream"])
async def test_the_headers_of_an_http_stream(serve: Serve, content_type: str) -> None:
    async with serve() as server:
        commands = b"\x00\xff" if content_type.endswith("stream") else CONNECT
        async with request(
            server, "/http_stream", body=commands, content_type=content_type
        ) as answer:
            peer = await server.sessions.next()
            assert answer.status == 200
            assert answer.headers["content-type"] == content_type
            assert answer.headers["x-accel-buffering"] == "no"
            assert answer.headers["cache-control"] == (
                "private, no-cache, no-store, must-revalidate, max-age=0"
            )
            assert answer.headers["transfer-encoding"] == "chunked"
            assert answer.headers["x-added"] == "1"
            assert await peer.next("receive") == commands
            assert peer.handshake.transport == "http_stream"
            assert peer.handshake.headers["content-type"] == content_type
            assert peer.handshake.scheme == "http"


async def test_each_write_of_an_http_stream_is_flushed(serve: Serve) -> None:
    async with serve() as server, open_stream(server, "http_stream") as (peer, answer):
        peer.send('{"id":1}')
        assert await answer.chunk() == b'{"id":1}\n'
        peer.send('{"a":1}', '{"b":2}')
        assert await answer.chunk() == b'{"a":1}\n{"b":2}\n'
        peer.link.write([Frame(b"\x02\x08\x01", is_text=False)])
        assert await answer.chunk() == b"\x02\x08\x01"


async def test_server_sent_events_take_the_commands_from_the_query(serve: Serve) -> None:
    async with serve() as server:
        target = f"/sse?cf_connect={quote(CONNECT)}"
        async with request(server, target, method="GET") as answer:
            peer = await server.sessions.next()
            assert await peer.next("receive") == CONNECT
            assert peer.handshake.transport == "sse"
            assert answer.status == 200
            assert answer.headers["content-type"] == "text/event-stream"
            assert answer.headers["x-accel-buffering"] == "no"
            assert await answer.chunk() == b"\r\n"
            peer.send('{"id":1}', "{}")
            assert await answer.chunk() == b'data: {"id":1}\n\ndata: {}\n\n'


async def test_server_sent_events_may_be_posted(serve: Serve) -> None:
    async with serve() as server, open_stream(server, "sse") as (peer, answer):
        peer.send("{}")
        assert await answer.chunk() == b"data: {}\n\n"


@pytest.mark.parametrize(
    ("kind", "last"),
    [
        ("http_stream", b'{"code":3001,"reason":"shutdown"}\n'),
        ("sse", b'data: {"code":3001,"reason":"shutdown"}\n\n'),
    ],
)
async def test_a_close_sends_what_was_written_then_the_farewell_then_ends(
    serve: Serve, kind: str, last: bytes
) -> None:
    async with serve() as server:
        server.sessions.options = {
            "farewell": lambda code, reason: Frame(
                b'{"code":%d,"reason":"%s"}' % (code, reason.encode())
            )
        }
        async with open_stream(server, kind) as (peer, answer):
            peer.send("{}")
            peer.link.close(3001, "shutdown")
            peer.send("late")
            peer.link.close(3000, "the first stands")
            assert b"{}" in await answer.chunk()
            assert await answer.chunk() == last
            assert await answer.chunk() == b""
            assert await peer.next("lost") == 3001


async def test_without_a_farewell_a_close_only_ends(serve: Serve) -> None:
    async with serve() as server, open_stream(server, "http_stream") as (peer, answer):
        peer.link.close(3000, "")
        assert await answer.chunk() == b""
        assert await peer.next("lost") == 3000


@pytest.mark.parametrize("kind", ["http_stream", "sse"])
async def test_an_abandoned_stream_is_noticed(serve: Serve, kind: str) -> None:
    async with serve() as server:
        async with open_stream(server, kind) as (peer, _):
            pass
        assert await peer.next("lost") == 1006


async def test_an_aborted_stream_ends_without_another_byte(serve: Serve) -> None:
    async with serve() as server, open_stream(server, "http_stream") as (peer, answer):
        peer.link.abort()
        assert await peer.next("lost") == 1006
        with pytest.raises((ValueError, ConnectionResetError)):
            await answer.chunk()


async def test_a_session_that_fails_at_its_commands_ends_the_stream_and_is_logged(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve() as server, request(server, "/http_stream", body=b"raise") as answer:
        assert await answer.chunk() == b""
    assert "ZeroDivisionError: as told" in caplog.text


@pytest.mark.parametrize(
    ("target", "method", "size", "status"),
    [
        ("/http_stream", "POST", 1000, 200),
        ("/http_stream", "POST", 1001, 413),
        ("/http_stream", "POST", 300_000, 413),
        ("/http_stream", "POST", 0, 400),
        ("/http_stream", "GET", 0, 405),
        ("/sse", "POST", 0, 400),
        ("/sse", "GET", 0, 400),
        ("/sse", "PUT", 0, 405),
        ("/sse?cf_connect=" + "x" * 1000, "GET", 0, 200),
        ("/sse?cf_connect=" + "x" * 1001, "GET", 0, 413),
    ],
)
async def test_a_request_that_opens_no_stream_is_told_why(
    serve: Serve, target: str, method: str, size: int, status: int
) -> None:
    async with (
        serve() as server,
        request(server, target, method=method, body=b"x" * size) as answer,
    ):
        assert answer.status == status
        if status != 200:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["x-added"] == "1"
            assert (await answer.body())["status"] == status


async def test_a_refused_session_is_answered_by_its_status(serve: Serve) -> None:
    async with serve() as server:
        server.sessions.refused = Refused(status=403, detail="origin not allowed")
        async with request(server, "/http_stream", body=CONNECT) as answer:
            assert answer.status == 403
            assert await answer.body() == {"status": 403, "detail": "origin not allowed"}


async def test_a_stream_that_nobody_reads_turns_unwritable_and_is_bounded(serve: Serve) -> None:
    limits = SocketLimits(write_high_bytes=65_536, write_bytes_max=262_144)
    frame = Frame(b"x" * 16_000)
    async with serve(limits) as server, open_stream(server, "http_stream") as (peer, _):
        for _ in range(2_000):
            if not peer.link.is_writable:
                break
            peer.link.write((frame,))
            await anyio.lowlevel.checkpoint()
        assert not peer.link.is_writable
        for _ in range(20):
            peer.link.write((frame,))
        assert await peer.next("lost") == 1006
