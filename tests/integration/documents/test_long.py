"""
An upload of twenty minutes, with the time of the connections in the hands of the test. docs/contract/uploads.md, section 4.
"""

import asyncio
import json
import socket as sockets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, nullcontext
from itertools import groupby
from pathlib import Path
from typing import Any

import anyio
import httpx2 as httpx
import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.frames import Frame, Opcode

# Before the loop runs, because imports block.
from avance import Avance
from avance.app.engine import Engine
from avance.app.sections import all_sections
from avance.apps.documents import app
from avance.config import read_settings
from avance.edge.drivers import Wheel, native_protocol
from avance.testing.clock import FakeClock

from .models import Models, serving
from .test_uploads import STAGES, upload

MINUTES = 20
PING_S, ANSWER_S = 30.0, 10.0


@pytest.fixture
def models() -> Iterator[Models]:
    with serving() as models:
        yield models
        models.gate.set()


@pytest.fixture
def site(tmp_path: Path, models: Models) -> tuple[Avance, Engine, Any]:
    env = {
        "AVANCE_DATA": str(tmp_path),
        "AVANCE_PROCESSES": "0",
        "AVANCE_DOCUMENTS_EMBEDDINGS_URL": models.url,
    }
    host = Avance(settings=read_settings(env=env, sections=all_sections()))
    host.include(app)
    engine = host.build()
    return host, engine, engine.http()


@asynccontextmanager
async def served(site: tuple[Avance, Engine, Any], wheel: Wheel) -> AsyncIterator[str]:
    host, engine, http = site
    ws = native_protocol(engine.open_by_path, wheel=wheel)
    server = uvicorn.Server(uvicorn.Config(http, ws=ws, lifespan="off", log_config=None))
    server.capture_signals = nullcontext
    with sockets.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        async with host.running(engine), wheel, anyio.create_task_group() as group:
            group.start_soon(server.serve, [listener])
            yield f"127.0.0.1:{listener.getsockname()[1]}"
            server.should_exit = True


class Pinged(ClientConnection):
    """
    Counts the pings of the server, which the library answers by itself.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.pings = asyncio.Semaphore(0)

    def process_event(self, event: Any) -> None:
        super().process_event(event)
        if isinstance(event, Frame) and event.opcode is Opcode.PING:
            self.pings.release()


async def _silent(place: str, upload_id: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """
    A peer that opens a socket and never says a word again, not even to close.
    """
    host, _, port = place.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"GET /ws/{upload_id} HTTP/1.1\r\nHost: {place}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101")
    return reader, writer


async def test_a_job_of_twenty_minutes_keeps_its_socket_and_its_end_arrives(
    site: tuple[Avance, Engine, Any], models: Models
) -> None:
    """
    003-T5, 003-T6, 003-15, 003-16, 003-17: the client says nothing but the answers to pings that its library gives. Another does not even
    give those, and is gone ten seconds after the first.
    """
    models.gate.clear()
    clock = FakeClock()
    wheel = Wheel(monotonic_s=clock.monotonic_s)

    def pass_(seconds: float) -> None:
        clock.advance(seconds)
        wheel.turn()

    async with (
        served(site, wheel) as place,
        httpx.AsyncClient(base_url=f"http://{place}", timeout=60) as http,
    ):
        upload_id = await upload(http, "una frase", collection_name="long")
        address = f"ws://{place}/ws/{upload_id}"
        async with connect(
            address, create_connection=Pinged, ping_interval=None, open_timeout=60
        ) as socket:
            assert isinstance(socket, Pinged)
            said = [json.loads(await socket.recv())]
            while said[-1]["status"] != "indexing":
                said.append(json.loads(await socket.recv()))
            silent, line = await _silent(place, upload_id)
            pass_(PING_S)
            while clock.monotonic_s() < MINUTES * 60:
                await socket.pings.acquire()
                # The answer was sent before this question, so it has come when this one is answered.
                job = (await http.get(f"/v1/jobs/{upload_id}")).json()
                pass_(ANSWER_S)
                pass_(PING_S - ANSWER_S)
            # What was sent to it, and then the end.
            assert await silent.read()
            line.close()
            models.gate.set()
            said += [json.loads(text) async for text in socket]
    # Neither the attempt nor the job has a moment at which it would be ended.
    assert (job["state"], job.get("expires_at"), job.get("deadline_at")) == ("running", None, None)
    assert [stage for stage, _ in groupby(one["status"] for one in said)] == STAGES
    assert socket.close_code == 1000
