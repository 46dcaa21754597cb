"""
The settings of the heartbeat act on this socket. docs/contract/routes.md, 2.1 and 4.
"""

import base64
import os
from collections.abc import Iterator

import anyio
import pytest

from .conftest import PATIENCE_S, Site, serving

pytestmark = pytest.mark.timeout(90)


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("heartbeat")
    with serving(
        folder, socket_ping_interval_s=1.0, socket_ping_timeout_s=1.0, processes=0
    ) as started:
        yield started


async def test_a_peer_that_answers_no_ping_is_dropped(quick: Site) -> None:
    """001-03 001-33 001-35 001-T18"""
    host, _, port = quick.address.partition(":")
    key = base64.b64encode(os.urandom(16)).decode()
    async with await anyio.connect_tcp(host, int(port)) as stream:
        await stream.send(
            f"GET /ws/optimize/mute HTTP/1.1\r\nHost: {quick.address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        told = b""
        with anyio.fail_after(PATIENCE_S):
            try:
                while True:
                    told += await stream.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                pass
    assert b"101 Switching Protocols" in told
    assert b'"status":"unknown"' in told
    # The ping that it did not answer: an empty one, or with a payload.
    assert b"\x89" in told
