"""
The routes system on a real server: HTTP and sockets through the network, jobs in worker processes.
"""

import json
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import httpx2 as httpx
import msgspec
import pytest
import uvicorn
from msgspec.structs import replace
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from avance import Avance
from avance.app.engine import Engine
from avance.apps.routes import app as routes_app
from avance.apps.routes.model import Route
from avance.apps.routes.settings import RoutesSettings
from avance.config import AuthMode, read_settings
from avance.edge.drivers.native import native_protocol


class Site:
    """
    A running server and a client of its HTTP side.
    """

    def __init__(self, host: Avance, port: int, client: httpx.AsyncClient) -> None:
        self.host = host
        self.client = client
        self.address = f"127.0.0.1:{port}"

    def socket_url(self, job_id: str) -> str:
        return f"ws://{self.address}/ws/optimize/{job_id}"

    async def start(self, routes: Sequence[Route], **query: str) -> dict[str, Any]:
        answer = await self.client.post(
            "/optimize-async", params=query, content=msgspec.json.encode(routes)
        )
        assert answer.status_code == 200, answer.text
        started: dict[str, Any] = answer.json()
        return started

    async def ended(self, job_id: str) -> None:
        job = await self.host.jobs.ended(job_id)
        assert job.state.is_terminal

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


OpenSite = Callable[[], AbstractAsyncContextManager[Site]]


@pytest.fixture
def open_site(request: pytest.FixtureRequest, tmp_path: Path) -> OpenSite:
    """
    Put together before the loop runs, because imports block. A test names settings by `@pytest.mark.parametrize("open_site", [{...}], indirect=True)`.
    """
    given: dict[str, Any] = getattr(request, "param", {})
    auth = given.pop("auth", AuthMode.OPEN) if given else AuthMode.OPEN
    core = {name: given[name] for name in ("ping_interval_s", "ping_timeout_s") if name in given}
    own = {name: value for name, value in given.items() if name not in core}
    settings = replace(
        read_settings(env={}),
        auth=auth,
        processes=1,
        data=str(tmp_path),
        sections={"routes": RoutesSettings(**own)},
        **core,
    )
    host = Avance("sqlite://:memory:", settings=settings)
    host.include(routes_app)
    engine = host.build()
    return lambda: serving(host, engine)


@asynccontextmanager
async def serving(host: Avance, engine: Engine) -> AsyncIterator[Site]:
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
        port = listener.getsockname()[1]
        async with (
            host.running(engine),
            anyio.create_task_group() as group,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
        ):
            group.start_soon(server.serve, [listener])
            yield Site(host, port, client)
            server.should_exit = True
