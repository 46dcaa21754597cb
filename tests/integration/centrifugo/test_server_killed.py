"""
The server is killed without a warning and started again on the same file.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cent import AsyncClient, PublishRequest
from serving import ADMIN_KEY, token
from stock import js_client

SERVING = Path(__file__).parent / "serving.py"


@asynccontextmanager
async def process(
    path: Path, port: int = 0
) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        str(SERVING),
        str(path),
        "--native",
        f"--port={port}",
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert running.stdout is not None
        yield running, int(await running.stdout.readline())
    finally:
        if running.returncode is None:
            running.send_signal(signal.SIGKILL)
        await running.wait()


async def publish(port: int, *numbers: int) -> None:
    async with AsyncClient(f"http://127.0.0.1:{port}/api", api_key=ADMIN_KEY) as api:
        for number in numbers:
            await api.publish(PublishRequest(channel="news", data={"n": number}))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("transport", ["websocket", "http_stream", "sse"])
async def test_a_client_goes_on_where_it_was_when_the_server_was_killed(
    tmp_path: Path, transport: str
) -> None:
    path = tmp_path / "avance.db"
    async with (
        process(path) as (first, port),
        js_client(f"http://127.0.0.1:{port}", transport=transport, token=token("42")) as client,
    ):
        await client.call("connect")
        await client.call("subscribe", channel="news")
        await client.next("sub_subscribed")
        await publish(port, 1, 2)
        assert [one["data"]["n"] for one in await client.publications(2)] == [1, 2]
        first.send_signal(signal.SIGKILL)
        await first.wait()
        await client.next("connecting")
        async with process(path, port):
            await publish(port, 3)
            back = await client.next("sub_subscribed")
            assert back["recovered"]
            await publish(port, 4, 5)
            seen = await client.publications(3)
            assert [one["data"]["n"] for one in seen] == [3, 4, 5]
            assert [one["offset"] for one in seen] == [3, 4, 5]
