"""
A client that stops reading: its link turns unwritable, its memory is bounded, and nobody else waits.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio
import pytest
import websockets

from avance.edge.drivers import SocketLimits
from avance.edge.drivers.writer import Writer
from avance.edge.link import Frame

Serve = Callable[..., AbstractAsyncContextManager[Any]]
Raw = Callable[..., AbstractAsyncContextManager[Any]]

LIMITS = SocketLimits(write_high_bytes=65_536, write_low_bytes=16_384, write_bytes_max=262_144)
FRAME = Frame(b"x" * 16_000)
# What the kernels of both sides may hold, and our limit, are far below this.
FRAMES_MAX = 2_000


@pytest.fixture(params=["/native", "/asgi", "/plain"])
def path(request: pytest.FixtureRequest) -> str:
    return request.param


async def fill(peer: Any) -> int:
    """
    Write as a well-behaved session does, until the link says no.
    """
    for written in range(FRAMES_MAX):
        if not peer.link.is_writable:
            return written
        peer.link.write((FRAME,))
        await anyio.lowlevel.checkpoint()
    raise AssertionError(f"still writable after {FRAMES_MAX} frames that nobody read")


def unsent_bytes(peer: Any) -> int:
    link = peer.link
    if isinstance(link, Writer):
        return link._size + (link.shortcut.unsent_bytes if link.shortcut else 0)
    return link._transport.get_write_buffer_size()


async def test_the_link_turns_unwritable_and_its_buffer_is_bounded(
    serve: Serve, path: str, raw_client: Raw
) -> None:
    async with (
        serve(LIMITS) as server,
        raw_client(server, path, receive_buffer_bytes=4096),
    ):
        peer = await server.sessions.next()
        await fill(peer)
        assert unsent_bytes(peer) <= LIMITS.write_high_bytes + len(FRAME.websocket)


async def test_others_get_everything_meanwhile(serve: Serve, path: str, raw_client: Raw) -> None:
    async with (
        serve(LIMITS) as server,
        raw_client(server, path, receive_buffer_bytes=4096),
    ):
        stalled = await server.sessions.next()
        await fill(stalled)
        async with websockets.connect(server.url(path)) as client:
            reading = await server.sessions.next()
            for number in range(200):
                frame = Frame(str(number).encode())
                for peer in (stalled, reading):
                    if peer.link.is_writable:
                        peer.link.write((frame,))
                assert await client.recv() == str(number)
        assert not stalled.link.is_writable


async def test_the_session_is_told_when_the_client_reads_again(
    serve: Serve, path: str, raw_client: Raw
) -> None:
    async with (
        serve(LIMITS) as server,
        raw_client(server, path, receive_buffer_bytes=4096) as (reader, _),
    ):
        peer = await server.sessions.next()
        written = await fill(peer)
        with anyio.fail_after(60):
            for _ in range(written):
                received = await reader.readexactly(len(FRAME.websocket))
                assert received == FRAME.websocket
        assert await peer.next("resume") is True
        peer.send("after")
        with anyio.fail_after(60):
            assert await reader.readexactly(7) == b"\x81\x05after"


async def test_a_session_that_writes_on_is_dropped_at_the_limit(
    serve: Serve, path: str, raw_client: Raw
) -> None:
    async with (
        serve(LIMITS) as server,
        raw_client(server, path, receive_buffer_bytes=4096),
    ):
        peer = await server.sessions.next()
        await fill(peer)
        for _ in range(LIMITS.write_bytes_max // len(FRAME.websocket) + 1):
            peer.link.write((FRAME,))
            assert unsent_bytes(peer) <= LIMITS.write_bytes_max
        assert await peer.next("lost") == 1006


async def test_pings_of_a_client_that_does_not_read_fill_nothing(
    serve: Serve, raw_client: Raw
) -> None:
    async with (
        serve(LIMITS) as server,
        raw_client(server, receive_buffer_bytes=4096) as (reader, writer),
    ):
        peer = await server.sessions.next()
        written = await fill(peer)
        before = unsent_bytes(peer)
        for number in range(100):
            payload = b"%03d" % number * 40
            writer.write(b"\x89" + bytes((0x80 | len(payload),)) + bytes(4) + payload)
        writer.write(b"\x81\x84" + bytes(4) + b"done")
        assert await peer.next("receive") == b"done"
        assert unsent_bytes(peer) == before
        with anyio.fail_after(60):
            await reader.readexactly(written * len(FRAME.websocket))
            assert await reader.readexactly(122) == b"\x8a\x78" + b"099" * 40


async def test_closing_a_client_that_does_not_read_is_bounded(
    serve: Serve, path: str, raw_client: Raw
) -> None:
    async with (
        serve(SocketLimits(close_timeout_s=0.1)) as server,
        raw_client(server, path, receive_buffer_bytes=4096),
    ):
        peer = await server.sessions.next()
        await fill(peer)
        peer.link.close(3008, "slow")
        assert await peer.next("lost") == 1006
