"""
Both WebSocket drivers, through a real uvicorn, against the `websockets` client.
"""

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio
import pytest
import websockets
from websockets.exceptions import ConnectionClosed, InvalidStatus

from avance.edge.drivers import SocketLimits
from avance.edge.link import Frame, Refused

Serve = Callable[..., AbstractAsyncContextManager[Any]]
Raw = Callable[..., AbstractAsyncContextManager[Any]]


@pytest.fixture(params=["/native", "/asgi", "/plain"])
def path(request: pytest.FixtureRequest) -> str:
    return request.param


async def closed(client: websockets.ClientConnection) -> tuple[int, str]:
    with anyio.fail_after(60):
        await client.wait_closed()
    assert client.close_code is not None
    return client.close_code, client.close_reason or ""


async def test_frames_take_the_shortcut_wherever_uvicorn_shows_its_transport(serve: Serve) -> None:
    async with (
        serve() as server,
        websockets.connect(server.url("/asgi")),
        websockets.connect(server.url("/plain"), compression=None),
    ):
        assert (await server.sessions.next()).link.shortcut is not None
        assert (await server.sessions.next()).link.shortcut is None


async def test_text_and_binary_go_both_ways(serve: Serve, path: str) -> None:
    async with serve() as server, websockets.connect(server.url(path)) as client:
        peer = await server.sessions.next()
        for size in (0, 1, 125, 126, 65_535, 65_536):
            await client.send("ñ" * (size // 2))
            assert await peer.next("receive") == "ñ".encode() * (size // 2)
            await client.send(b"\xff" * size)
            assert await peer.next("receive") == b"\xff" * size
            peer.send("ñ" * size)
            assert await client.recv() == "ñ" * size
            peer.link.write([Frame(b"\xff" * size, is_text=False)])
            assert await client.recv() == b"\xff" * size


async def test_fragments_arrive_as_one_message(serve: Serve, path: str) -> None:
    async with serve() as server, websockets.connect(server.url(path)) as client:
        peer = await server.sessions.next()
        await client.send(["a", "b", "", "c"])
        assert await peer.next("receive") == b"abc"


async def test_frames_keep_their_order(serve: Serve, path: str) -> None:
    async with serve() as server, websockets.connect(server.url(path)) as client:
        peer = await server.sessions.next()
        shared = (Frame(b"1"), Frame(b"2"))
        peer.send("0")
        peer.link.write(shared)
        peer.link.write(shared)
        peer.link.write([])
        peer.link.close(3000, "end")
        peer.send("late")
        assert [message async for message in _until_closed(client)] == ["0", "1", "2", "1", "2"]
        assert await closed(client) == (3000, "end")


async def test_a_ping_of_the_client_is_answered(serve: Serve, path: str) -> None:
    async with serve() as server, websockets.connect(server.url(path)) as client:
        with anyio.fail_after(60):
            await (await client.ping(b"payload"))


async def test_the_handshake_tells_the_session_what_it_needs(serve: Serve, path: str) -> None:
    async with serve() as server:
        server.sessions.options = {"subprotocol": "centrifuge-protobuf"}
        async with websockets.connect(
            server.url(path) + "?token=a&token=b&x=%C3%B1",
            subprotocols=["other", "centrifuge-protobuf"],
            origin="https://app.example",
            additional_headers={"Authorization": "Bearer t"},
        ) as client:
            peer = await server.sessions.next()
            assert client.subprotocol == "centrifuge-protobuf"
        handshake = peer.handshake
        assert handshake.transport == "websocket"
        assert handshake.path == path
        assert handshake.query == {"token": "b", "x": "ñ"}
        assert handshake.headers["origin"] == "https://app.example"
        assert handshake.headers["authorization"] == "Bearer t"
        assert handshake.subprotocols == ("other", "centrifuge-protobuf")
        assert handshake.address == "127.0.0.1"
        assert handshake.scheme == "ws"


async def test_address_and_scheme_are_those_that_a_trusted_proxy_names(
    serve: Serve, path: str
) -> None:
    forwarded = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
    async with serve() as server:
        async with websockets.connect(server.url(path), additional_headers=forwarded):
            handshake = (await server.sessions.next()).handshake
        assert (handshake.address, handshake.scheme) == ("203.0.113.7", "wss")
    async with serve(forwarded_allow_ips="10.0.0.1") as server:
        async with websockets.connect(server.url(path), additional_headers=forwarded):
            handshake = (await server.sessions.next()).handshake
        assert (handshake.address, handshake.scheme) == ("127.0.0.1", "ws")


async def test_the_path_is_without_the_root_path_of_the_server(serve: Serve, path: str) -> None:
    async with (
        serve(root_path="/behind/proxy") as server,
        websockets.connect(server.url(path)),
    ):
        assert (await server.sessions.next()).handshake.path == path


async def test_a_refused_handshake_gets_its_status_and_reason(serve: Serve, path: str) -> None:
    async with serve() as server:
        server.sessions.refused = Refused(status=429, detail="too many connections")
        with pytest.raises(InvalidStatus) as caught:
            await websockets.connect(server.url(path))
        response = caught.value.response
        assert response.status_code == 429
        assert response.headers["content-type"] == "application/problem+json"
        assert json.loads(response.body) == {"status": 429, "detail": "too many connections"}


async def test_what_is_written_while_opening_follows_the_handshake(serve: Serve, path: str) -> None:
    async with serve() as server:

        def greet(link: Any) -> None:
            link.write([Frame(b"hello")])
            link.close(4404, "unknown")
            link.write([Frame(b"late")])

        server.sessions.greet = greet
        async with websockets.connect(server.url(path)) as client:
            assert [message async for message in _until_closed(client)] == ["hello"]
            assert await closed(client) == (4404, "unknown")


@pytest.mark.parametrize(("code", "seen"), [(1000, 1000), (1001, 1001), (4321, 4321), (1005, 1005)])
async def test_the_code_of_a_closing_client_reaches_the_session(
    serve: Serve, path: str, code: int, seen: int
) -> None:
    async with serve() as server:
        client = await websockets.connect(server.url(path))
        peer = await server.sessions.next()
        if code == 1005:
            # A close frame without a code, which the client does not send by itself.
            client.protocol.send_close()
            client.transport.writelines(client.protocol.data_to_send())
        else:
            await client.close(code, "bye")
        assert await peer.next("lost") == seen
        assert (await closed(client))[0] == code


@pytest.mark.parametrize("code", [1000, 1013, 3001, 3500, 4999])
async def test_the_code_of_a_closing_session_reaches_the_client_and_comes_back(
    serve: Serve, path: str, code: int
) -> None:
    async with serve() as server, websockets.connect(server.url(path)) as client:
        peer = await server.sessions.next()
        peer.link.close(code, "porque sí")
        peer.link.close(3999, "the first stands")
        assert await closed(client) == (code, "porque sí")
        assert await peer.next("lost") == code


async def test_a_cut_connection_is_1006(serve: Serve, path: str) -> None:
    async with serve() as server:
        client = await websockets.connect(server.url(path))
        peer = await server.sessions.next()
        client.transport.abort()
        code = await peer.next("lost")
        # uvicorn itself tells an ASGI app 1005 when a connection ends without a close frame.
        assert code == (1006 if path == "/native" else 1005)


async def test_an_aborted_connection_ends_without_a_close_frame(serve: Serve, path: str) -> None:
    async with serve() as server:
        client = await websockets.connect(server.url(path))
        peer = await server.sessions.next()
        peer.link.abort()
        peer.link.abort()
        peer.send("late")
        peer.link.close(3000, "late")
        assert await peer.next("lost") == 1006
        assert (await closed(client))[0] == 1006


async def test_a_message_at_the_limit_passes_and_one_byte_more_closes_1009(
    serve: Serve, path: str
) -> None:
    async with serve() as server:
        server.sessions.options = {"inbound_bytes_max": 1000}
        client = await websockets.connect(server.url(path))
        peer = await server.sessions.next()
        await client.send("x" * 1000)
        assert len(await peer.next("receive")) == 1000
        await client.send("x" * 1001)
        assert (await closed(client))[0] == 1009
        assert await peer.next("lost") == 1009


async def test_a_close_frame_is_not_lost_while_the_client_still_sends(
    serve: Serve, raw_client: Raw
) -> None:
    async with serve() as server, raw_client(server) as (reader, writer):
        peer = await server.sessions.next()
        writer.write(b"\x82\xff" + (8_000_000).to_bytes(8, "big") + bytes(4))
        writer.write(bytes(8_000_000))
        with anyio.fail_after(60):
            assert await reader.read() == b"\x88\x26\x03\xf1a message is longer than 65536 bytes"
            await writer.drain()
        writer.close()
        assert await peer.next("lost") == 1009


async def test_a_client_that_breaks_the_protocol_and_stays_is_dropped(
    serve: Serve, raw_client: Raw
) -> None:
    async with (
        serve(SocketLimits(close_timeout_s=0.1)) as server,
        raw_client(server) as (reader, writer),
    ):
        peer = await server.sessions.next()
        writer.write(b"\x81\x01x")
        with anyio.fail_after(60):
            sent = await reader.read()
        assert sent == b"\x88\x27\x03\xeaa frame from the client is not masked"
        assert await peer.next("lost") == 1002


async def test_a_session_that_fails_closes_1011_and_is_logged(
    serve: Serve, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve() as server, websockets.connect(server.url(path)) as client:
        peer = await server.sessions.next()
        await client.send("raise")
        assert await closed(client) == (1011, "internal error")
        assert await peer.next("lost") == 1011
    assert "ZeroDivisionError: as told" in caplog.text


async def test_nothing_is_delivered_after_the_session_closed(serve: Serve, path: str) -> None:
    async with serve() as server, websockets.connect(server.url(path)) as client:
        peer = await server.sessions.next()
        peer.link.close(3000, "end")
        await client.send("crosses the close frame")
        assert await peer.next("lost") == 3000


async def test_a_client_that_does_not_answer_a_close_is_dropped(
    serve: Serve, path: str, raw_client: Raw
) -> None:
    async with (
        serve(SocketLimits(close_timeout_s=0.1)) as server,
        raw_client(server, path) as (reader, _),
    ):
        peer = await server.sessions.next()
        peer.link.close(3000, "end")
        # uvicorn reports its own close to an ASGI app at once, without waiting for the answer.
        assert await peer.next("lost") == (1006 if path == "/native" else 3000)
        with anyio.fail_after(60):
            assert await reader.readexactly(7) == b"\x88\x05\x0b\xb8end"


async def test_a_stopping_server_says_so(serve: Serve) -> None:
    async with serve() as server:
        client = await websockets.connect(server.url())
        peer = await server.sessions.next()
        server.stop()
        assert await closed(client) == (1001, "shutdown")
        assert await peer.next("lost") == 1001


async def test_a_stopping_server_leaves_a_close_with_another_code_alone(serve: Serve) -> None:
    async with serve() as server:
        client = await websockets.connect(server.url())
        peer = await server.sessions.next()
        peer.link.close(3001, "shutdown")
        server.stop()
        assert await closed(client) == (3001, "shutdown")
        assert await peer.next("lost") == 3001


async def test_a_stopping_server_does_not_wait_for_a_silent_client(
    serve: Serve, raw_client: Raw
) -> None:
    async with serve(SocketLimits(close_timeout_s=0.1)) as server, raw_client(server):
        peer = await server.sessions.next()
        server.stop()
        assert await peer.next("lost") == 1001


async def test_pings_go_out_and_their_answers_reach_the_session(serve: Serve) -> None:
    heard: list[str] = []
    async with serve() as server:
        server.sessions.options = {"ping_interval_s": 0.3, "ping_timeout_s": 0.25}
        # A machine that pauses for longer than the answer may take ends a connection rightly; it does not pause each time.
        for _ in range(5):
            async with websockets.connect(server.url()):
                peer = await server.sessions.next()
                heard = []
                while len(heard) < 3 and "lost" not in heard:
                    heard.append((await peer.notes.get())[0])
                if heard == ["pong"] * 3:
                    assert server.wheel.entry_count == 1
                    break
        assert heard == ["pong"] * 3
        await peer.next("lost")
        assert server.wheel.entry_count == 0


async def test_a_client_that_answers_no_ping_is_closed(serve: Serve, raw_client: Raw) -> None:
    async with serve() as server:
        server.sessions.options = {"ping_interval_s": 0.02, "ping_timeout_s": 0.02}
        async with raw_client(server) as (reader, writer):
            peer = await server.sessions.next()
            with anyio.fail_after(60):
                sent = await reader.read()
            assert sent == b"\x89\x00\x88\x1f\x03\xf3no answer to a ping in 0.02 s"
            writer.close()
            assert await peer.next("lost") == 1011


async def test_an_unexpected_pong_is_ignored(serve: Serve) -> None:
    async with serve() as server, websockets.connect(server.url()) as client:
        peer = await server.sessions.next()
        await client.pong()
        await client.send("x")
        assert await peer.notes.get() == ("receive", b"x")


async def test_nagle_is_off(serve: Serve) -> None:
    async with serve() as server, websockets.connect(server.url()):
        peer = await server.sessions.next()
        transport = peer.link._transport
        assert transport.get_extra_info("socket").getsockopt(6, 1) != 0


async def _until_closed(client: websockets.ClientConnection) -> Any:
    try:
        while True:
            yield await client.recv()
    except ConnectionClosed:
        return
