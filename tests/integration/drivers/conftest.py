import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import anyio
import pytest
import uvicorn

from avance.edge.drivers import (
    SocketLimits,
    Wheel,
    native_protocol,
    serve_stream,
    serve_websocket,
)
from avance.edge.link import Accepted, Frame, Handshake, Link, Refused


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(("asyncio", {"use_uvloop": False}), id="asyncio"),
        pytest.param(("asyncio", {"use_uvloop": True}), id="uvloop"),
    ],
)
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


class Recorder:
    """
    A session that notes what its driver tells it.
    """

    def __init__(self, handshake: Handshake, link: Link) -> None:
        self.handshake = handshake
        self.link = link
        self.notes: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    def receive(self, data: bytes) -> None:
        self.notes.put_nowait(("receive", data))
        if data == b"raise":
            raise ZeroDivisionError("as told")

    def pong(self) -> None:
        self.notes.put_nowait(("pong", None))

    def resume(self) -> None:
        self.notes.put_nowait(("resume", self.link.is_writable))

    def lost(self, code: int) -> None:
        self.notes.put_nowait(("lost", code))

    def send(self, *texts: str) -> None:
        self.link.write([Frame(text.encode()) for text in texts])

    async def next(self, kind: str) -> Any:
        """
        Wait for a note of this kind, passing over others.
        """
        with anyio.fail_after(60):
            while True:
                noted, value = await self.notes.get()
                if noted == kind:
                    return value
                assert noted != "lost", f"lost with {value} before {kind}"


class Sessions:
    """
    The sessions of a test server, in the order of their handshakes. `options` go into `Accepted`.
    """

    def __init__(self) -> None:
        self.options: dict[str, Any] = {}
        self.refused: Refused | None = None
        self.greet: Callable[[Link], None] | None = None
        self._opened: asyncio.Queue[Recorder] = asyncio.Queue()

    def open(self, handshake: Handshake, link: Link) -> Accepted | Refused:
        if self.refused is not None:
            return self.refused
        peer = Recorder(handshake, link)
        if self.greet is not None:
            self.greet(link)
        self._opened.put_nowait(peer)
        return Accepted(peer=peer, **self.options)

    async def next(self) -> Recorder:
        with anyio.fail_after(60):
            return await self._opened.get()


class Running:
    def __init__(
        self, server: uvicorn.Server, address: tuple[str, int], sessions: Sessions, wheel: Wheel
    ) -> None:
        self.server = server
        self.wheel = wheel
        self.host, self.port = address
        self.sessions = sessions

    def url(self, path: str = "/native") -> str:
        return f"ws://{self.host}:{self.port}{path}"

    def stop(self) -> None:
        self.server.should_exit = True


Serve = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture
def raw_client() -> Callable[..., AbstractAsyncContextManager[Any]]:
    """
    A WebSocket client that answers nothing by itself; its read buffer is as small as wanted.
    """

    @asynccontextmanager
    async def connect(
        server: Running, path: str = "/native", *, receive_buffer_bytes: int | None = None
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        sock = socket.socket()
        if receive_buffer_bytes is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, (server.host, server.port))
        reader, writer = await asyncio.open_connection(sock=sock, limit=4096)
        try:
            writer.write(
                f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                "Sec-WebSocket-Version: 13\r\n\r\n".encode()
            )
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
            yield reader, writer
        finally:
            writer.transport.abort()

    return connect


@pytest.fixture
def serve() -> Serve:
    """
    A real uvicorn: `/native` by the protocol class, `/asgi` by the ASGI function, `/plain` by the same without sight of the
    server, `/http_stream` and `/sse`.
    """

    @asynccontextmanager
    async def run(limits: SocketLimits | None = None, **config: Any) -> AsyncIterator[Running]:
        sessions = Sessions()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["path"] == "/plain":
                uvicorn_receive = receive

                async def receive() -> Any:
                    return await uvicorn_receive()

            if scope["type"] == "websocket":
                await serve_websocket(scope, receive, send, sessions.open, limits=limits)
            else:
                await serve_stream(
                    scope,
                    receive,
                    send,
                    sessions.open,
                    kind=scope["path"].strip("/"),
                    body_bytes_max=1000,
                    headers=[(b"x-added", b"1")],
                    limits=limits,
                )

        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
            listener.bind(("127.0.0.1", 0))
            # From here on connections wait in the backlog, so nobody has to wait for the server to start.
            listener.listen()
            async with Wheel(tick_s=0.02) as wheel, anyio.create_task_group() as group:
                claimed = {"/native": sessions.open}
                server = uvicorn.Server(
                    uvicorn.Config(
                        app,
                        ws=native_protocol(claimed.get, wheel=wheel, limits=limits),
                        lifespan="off",
                        log_config=None,
                        timeout_graceful_shutdown=10,
                        **config,
                    )
                )
                group.start_soon(lambda: server.serve(sockets=[listener]))
                running = Running(server, listener.getsockname(), sessions, wheel)
                try:
                    yield running
                finally:
                    running.stop()

    return run
