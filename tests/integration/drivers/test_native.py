"""
How the protocol class stands in uvicorn: which paths it takes, what it leaves, how it refuses.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio
import pytest
import uvicorn
import websockets
from websockets.exceptions import InvalidStatus

from avance.edge.drivers import SocketLimits, native_protocol
from avance.edge.link import Accepted, Frame

Serve = Callable[..., AbstractAsyncContextManager[Any]]

HEAD = {
    "Host": "x",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


async def ask(server: Any, method: str = "GET", **changes: str) -> str:
    """
    Send a request head, give the whole answer.
    """
    headers = HEAD | {name.replace("_", "-"): value for name, value in changes.items()}
    reader, writer = await asyncio.open_connection(server.host, server.port)
    lines = [f"{method} /native HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    with anyio.fail_after(60):
        answer = await reader.read()
    writer.close()
    return answer.decode()


@pytest.mark.parametrize("http", ["h11", "httptools"])
async def test_both_http_protocols_of_uvicorn_hand_over(serve: Serve, http: str) -> None:
    async with serve(http=http) as server, websockets.connect(server.url()) as client:
        peer = await server.sessions.next()
        await client.send("in")
        assert await peer.next("receive") == b"in"
        peer.send("out")
        assert await client.recv() == "out"


@pytest.mark.parametrize("http", ["h11", "httptools"])
async def test_a_path_that_is_not_claimed_is_left_to_uvicorn(serve: Serve, http: str) -> None:
    async with serve(http=http) as server:
        async with websockets.connect(server.url("/asgi")) as client:
            await server.sessions.next()
            # uvicorn's own class negotiates compression, ours never does.
            assert client.protocol.extensions
            await client.send("x")
        async with websockets.connect(server.url("/%6eative")) as client:
            assert (await server.sessions.next()).handshake.path == "/native"
            assert not client.protocol.extensions


async def test_without_a_fallback_an_unknown_path_is_404() -> None:
    def refuse(*_: object) -> Accepted:
        raise AssertionError

    async def app(scope: object, receive: object, send: object) -> None:
        raise AssertionError

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        ws = native_protocol({"/native": refuse}.get, fallback=None)
        server = uvicorn.Server(uvicorn.Config(app, ws=ws, lifespan="off", log_config=None))
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: server.serve(sockets=[listener]))
            host, port = listener.getsockname()
            with pytest.raises(InvalidStatus, match="404"):
                await websockets.connect(f"ws://{host}:{port}/other")
            server.should_exit = True


async def test_http_goes_on_as_before(serve: Serve) -> None:
    async with serve() as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(b"GET /http_stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        with anyio.fail_after(60):
            assert (await reader.read()).startswith(b"HTTP/1.1 405 ")
        writer.close()


async def test_an_old_version_is_answered_426_with_the_one_that_is_served(serve: Serve) -> None:
    async with serve() as server:
        answer = await ask(server, Sec_WebSocket_Version="8")
        assert answer.startswith("HTTP/1.1 426 Upgrade Required\r\n")
        assert "\r\nsec-websocket-version: 13\r\n" in answer
        assert "\r\nserver: uvicorn\r\n" in answer


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"Sec_WebSocket_Key": "short"}, 400),
        ({"Sec_WebSocket_Protocol": "a b"}, 400),
        ({"X_Long": "x" * 2000}, 431),
        ({"method": "POST"}, 405),
    ],
)
async def test_a_bad_handshake_is_refused_and_opens_no_session(
    serve: Serve, changes: dict[str, str], status: int
) -> None:
    async with serve(SocketLimits(head_bytes_max=1000)) as server:
        answer = await ask(server, **changes)
        assert answer.startswith(f"HTTP/1.1 {status} ")
        assert "content-type: application/problem+json" in answer
        async with websockets.connect(server.url()):
            # The first session ever opened is that of the good handshake.
            assert "user-agent" in (await server.sessions.next()).handshake.headers


async def test_a_session_that_cannot_be_opened_is_500_and_logged(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve() as server:

        def fail(link: Any) -> None:
            raise ZeroDivisionError("as told")

        server.sessions.greet = fail
        answer = await ask(server)
        assert answer.startswith("HTTP/1.1 500 ")
        assert "as told" not in answer
    assert "ZeroDivisionError: as told" in caplog.text


async def test_a_session_with_a_subprotocol_that_was_not_offered_is_lost(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve() as server:
        server.sessions.options = {"subprotocol": "unasked"}
        answer = await ask(server)
        assert answer.startswith("HTTP/1.1 500 ")
        peer = await server.sessions.next()
        assert await peer.next("lost") == 1006
    assert "'unasked' was not offered" in caplog.text


async def test_a_session_that_aborts_while_it_is_opened_is_lost(serve: Serve) -> None:
    async with serve() as server:
        server.sessions.greet = lambda link: link.abort()
        assert await ask(server) == ""
        peer = await server.sessions.next()
        assert await peer.next("lost") == 1006


async def test_the_log_names_the_path_but_not_the_token(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    # Whichever server ran before in this process may have set the level of its own.
    caplog.set_level("INFO", logger="uvicorn.error")
    async with serve() as server, websockets.connect(server.url() + "?token=secret"):
        await server.sessions.next()
    assert '127.0.0.1 - "WebSocket /native" [accepted]' in caplog.text
    assert "secret" not in caplog.text


async def test_frames_that_come_right_behind_the_handshake_answer_are_read(serve: Serve) -> None:
    async with serve() as server:
        async with websockets.connect(server.url()) as client:
            peer = await server.sessions.next()
            for number in range(100):
                await client.send(str(number))
        for number in range(100):
            assert await peer.next("receive") == str(number).encode()
        assert await peer.next("lost") == 1000


async def test_a_hundred_connections_share_a_broadcast(serve: Serve) -> None:
    async with serve() as server:
        clients = [await websockets.connect(server.url()) for _ in range(100)]
        frames = (Frame(b"a"), Frame(b"b"))
        for _ in clients:
            (await server.sessions.next()).link.write(frames)
        for client in clients:
            assert [await client.recv(), await client.recv()] == ["a", "b"]
            await client.close()
