"""
A connection that stops reading, over real sockets.
"""

import asyncio
import json
from collections.abc import AsyncIterator

import anyio
import pytest
from raw import Raw, raw
from serving import Options, Served, serve, token
from stock import PATIENCE_S

from avance.edge.drivers import SocketLimits
from avance.hub.limits import HubLimits

# Small, so that the buffers of the kernel do not hide that nobody reads.
SOCKETS = SocketLimits(write_high_bytes=4_096, write_low_bytes=1_024, close_timeout_s=0.5)
BULK = "x" * 30_000


@pytest.fixture(params=[False, True], ids=["asgi", "native"])
async def served(request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    options = Options(
        is_native=request.param,
        socket_limits=SOCKETS,
        limits=HubLimits(outbox_frames_max=50),
    )
    async with serve(options) as running:
        yield running


async def subscribed(client: Raw) -> None:
    await client.ask(connect={"token": token("42")})
    await client.ask(subscribe={"channel": "news"})


async def fill(served: Served, *, conflate: str | None) -> int:
    """
    Publish until the reader that stands still has something waiting for it; the last number.
    """
    number = 0
    with anyio.fail_after(PATIENCE_S):
        while not any(one.describe().is_waiting for one in served.hub.roster):
            number += 1
            data = json.dumps({"n": number, "bulk": BULK}).encode()
            await served.publisher.publish("news", data, conflate=conflate)
    return number


async def test_progress_is_conflated_for_a_reader_that_stops_and_all_ends_are_equal(
    served: Served,
) -> None:
    async with (
        raw(served.websocket_url, max_queue=1, close_timeout=0.2) as slow,
        raw(served.websocket_url) as quick,
    ):
        await subscribed(slow)
        await subscribed(quick)
        seen: list[int] = []

        async def read(client: Raw, seen: list[int], last: int) -> None:
            while not seen or seen[-1] != last:
                seen.append((await client.push("pub"))["pub"]["data"]["n"])

        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(read(quick, seen, -1))
            number = await fill(served, conflate="progress")
            for further in range(number + 1, number + 101):
                data = json.dumps({"n": further, "bulk": BULK}).encode()
                await served.publisher.publish("news", data, conflate="progress")
            await served.publisher.publish("news", b'{"n":-1}')
            with anyio.fail_after(PATIENCE_S):
                await reading
        assert seen == [*range(1, number + 101), -1]
        late: list[int] = []
        with anyio.fail_after(PATIENCE_S):
            await read(slow, late, -1)
        assert late[-2:] == [number + 100, -1]
        assert len(late) < len(seen)
        assert late[:-1] == sorted(late[:-1])


async def test_a_reader_that_lets_too_much_wait_is_closed_and_the_others_go_on(
    served: Served,
) -> None:
    async with (
        raw(served.websocket_url, max_queue=1, close_timeout=0.2) as slow,
        raw(served.websocket_url) as quick,
    ):
        await subscribed(slow)
        await subscribed(quick)

        async def drain() -> None:
            while (await quick.push("pub"))["pub"]["data"]["n"] != -1:
                pass

        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(drain())
            await fill(served, conflate=None)
            for _ in range(60):
                await served.publisher.publish("news", b'{"n":0}')
            with anyio.fail_after(PATIENCE_S):
                while len(served.hub.roster) == 2:
                    await served.publisher.publish("news", b'{"n":0}')
            await served.publisher.publish("news", b'{"n":-1}')
            with anyio.fail_after(PATIENCE_S):
                await reading
        assert len(served.hub.roster) == 1
