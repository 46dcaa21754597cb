"""
The routes system on a real server: HTTP and sockets through the network, jobs in worker processes.
"""

import json
import socket
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import anyio
import httpx2 as httpx
import msgspec
import pytest
import uvicorn
from anyio.from_thread import BlockingPortal, start_blocking_portal
from msgspec.structs import replace
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from avance import Avance
from avance.app.engine import Engine
from avance.apps.routes import app as routes_app
from avance.apps.routes.model import Route
from avance.apps.routes.settings import RoutesSettings
from avance.config import Settings, read_settings
from avance.edge.drivers.native import native_protocol

PATIENCE_S = 60.0
"""Nothing here waits that long unless it has failed; a busy machine is no failure."""


class Site:
    """
    A running server, and a client of its HTTP side.
    """

    def __init__(self, host: Avance, address: str, portal: BlockingPortal) -> None:
        self.host = host
        self.address = address
        self.portal = portal
        """Calls into the loop of the server."""

    @property
    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=f"http://{self.address}", timeout=30)

    def socket_url(self, job_id: str) -> str:
        return f"ws://{self.address}/ws/optimize/{job_id}"

    async def get(self, path: str, **query: str) -> httpx.Response:
        async with self.client as client:
            return await client.get(path, params=query)

    async def post(self, path: str, content: bytes, **query: str) -> httpx.Response:
        async with self.client as client:
            return await client.post(path, content=content, params=query)

    async def delete(self, path: str) -> httpx.Response:
        async with self.client as client:
            return await client.delete(path)

    async def start(self, routes: Sequence[Route], **query: str) -> dict[str, Any]:
        answer = await self.post("/optimize-async", msgspec.json.encode(routes), **query)
        assert answer.status_code == 200, answer.text
        started: dict[str, Any] = answer.json()
        return started

    async def ended(self, job_id: str) -> None:
        frames, code = await self.frames(job_id)
        assert frames
        assert code == 1000

    async def frames(self, job_id: str) -> tuple[list[dict[str, Any]], int]:
        async with connect(self.socket_url(job_id), max_size=None) as connection:
            return await read_all(connection)


async def read_all(connection: ClientConnection) -> tuple[list[dict[str, Any]], int]:
    frames: list[dict[str, Any]] = []
    with suppress(ConnectionClosed):
        while True:
            frames.append(json.loads(await connection.recv()))
    assert connection.close_code is not None
    return frames, connection.close_code


@contextmanager
def serving(folder: Path, *, env: Mapping[str, str] | None = None, **given: Any) -> Iterator[Site]:
    """
    A server in a thread with a loop of its own, so that many tests share one with warm workers.
    """
    read = read_settings(env=env or {}, sections={"routes": RoutesSettings})
    core = {name: given.pop(name) for name in list(given) if name in Settings.__struct_fields__}
    settings = replace(
        read,
        **{
            "processes": 1,
            "data": str(folder),
            "sections": {"routes": replace(read.section(RoutesSettings), **given)},
            **core,
        },
    )
    host = Avance(None if env else "sqlite://:memory:", settings=settings)
    host.include(routes_app)
    engine = host.build()
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(running(host, engine)) as address,
    ):
        yield Site(host, address, portal)


@asynccontextmanager
async def running(host: Avance, engine: Engine) -> AsyncIterator[str]:
    config = uvicorn.Config(
        engine.http(),
        ws=native_protocol(engine.open_by_path, wheel=engine.wheel),
        lifespan="off",
        log_config=None,
    )
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(config)
        # Signals belong to the main thread, which the test runner has.
        server.capture_signals = nullcontext  # type: ignore[method-assign]
        async with host.running(engine), anyio.create_task_group() as group:
            group.start_soon(server.serve, [listener])
            yield f"127.0.0.1:{listener.getsockname()[1]}"
            server.should_exit = True


@contextmanager
def unhurried() -> Iterator[None]:
    """
    Servers of this process answer the first word of a client before they tell of the past, however long the machine stands still between the
    greeting and that word.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("avance.apps.routes.dialect.FIRST_FRAME_S", PATIENCE_S)
        yield


@pytest.fixture(scope="package")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("routes")) as started:
        yield started


@pytest.fixture
def site(shared: Site) -> Site:
    """
    The server that most tests share. An app belongs to one host at a time, and another test may have served it since.
    """
    routes_app.join(shared.host)
    return shared
