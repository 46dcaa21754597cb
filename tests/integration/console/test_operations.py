"""
What the console shows an operator, asked of a real engine.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
import uvicorn
from fastapi import FastAPI
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from avance import Avance
from avance.app.engine import Engine
from avance.config import read_settings
from avance.edge.drivers import native_protocol

pytestmark = pytest.mark.timeout(60)


class Desk:
    """
    A server with three tasks, and somebody who asks it.
    """

    def __init__(
        self, app: Avance, engine: Engine, http: FastAPI, client: httpx.AsyncClient
    ) -> None:
        self.app = app
        self.engine = engine
        self.http = http
        self.client = client

    async def get(self, path: str, key: str = "key-of-root-001") -> Any:
        answer = await self.client.get(path, headers={"x-api-key": key})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: object, key: str = "key-of-root-001") -> httpx.Response:
        return await self.client.post(path, json=body, headers={"x-api-key": key})


async def good() -> int:
    return 1


async def bad() -> int:
    raise ValueError("no")


def build(folder: Path, environment: Mapping[str, str]) -> tuple[Avance, Engine, FastAPI]:
    given = {
        "AVANCE_DATA": str(folder),
        "AVANCE_AUTH": "token",
        "AVANCE_API_KEYS": "key-of-root-001=root:admin,key-of-ana-0001=ana",
        **environment,
    }
    app = Avance(settings=read_settings(env=given))
    app.task(name="good")(good)
    app.task(name="bad")(bad)
    engine = app.build()
    return app, engine, engine.http()


@asynccontextmanager
async def opened(folder: Path, **environment: str) -> AsyncIterator[Desk]:
    # Reads settings and modules from the disk, for which a loop may not wait.
    app, engine, http = await asyncio.to_thread(build, folder, environment)
    async with app.running(engine):
        transport = httpx.ASGITransport(app=http)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1:8030"
        ) as client:
            yield Desk(app, engine, http, client)


@asynccontextmanager
async def serving(desk: Desk) -> AsyncIterator[str]:
    """
    The same engine on a port, for sockets.
    """
    engine = desk.engine
    config = uvicorn.Config(
        desk.http,
        ws=native_protocol(engine.open_by_path, wheel=engine.wheel, limits=engine.settings.sockets),
        lifespan="off",
        log_config=None,
    )
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve(sockets=[listener]))
        try:
            yield f"ws://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True


async def end(desk: Desk, task: str, owner: str) -> None:
    handle = await desk.app.tasks[task].using(owner=owner).submit()
    async for job in handle.changes():
        last = job
    assert last.state.is_terminal


async def test_jobs_are_counted_for_their_user_and_all_of_them_for_an_admin(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as desk:
        await end(desk, "good", "ana")
        await end(desk, "bad", "ana")
        await end(desk, "good", "root")
        everybody = await desk.get("/v1/stats")
        assert (everybody["completed"], everybody["failed"]) == (2, 1)
        assert (everybody["queued"], everybody["running"]) == (0, 0)
        assert len(everybody["completed_by_minute"]) == 60
        assert sum(everybody["completed_by_minute"]) == 2
        own = await desk.get("/v1/stats", "key-of-ana-0001")
        assert (own["completed"], own["failed"]) == (1, 1)


async def test_a_worker_tells_its_places_and_takes_nothing_while_it_is_paused(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as desk:
        await end(desk, "good", "ana")
        (worker,) = (await desk.get("/v1/workers"))["workers"]
        assert worker["is_here"]
        assert (worker["completed"], worker["failed"], worker["running"]) == (1, 0, 0)
        assert worker["free"]["async"] > 0
        body = {"worker": worker["name"], "is_paused": True}
        answer = await desk.post("/v1/workers/pause", body)
        assert answer.json()["workers"][0]["is_paused"]
        handle = await desk.app.tasks["good"].using(owner="ana").submit()
        assert (await desk.get("/v1/stats"))["queued"] == 1
        await desk.post("/v1/workers/pause", {**body, "is_paused": False})
        assert await handle.result() == 1


async def test_a_worker_of_another_server_cannot_be_paused_here(tmp_path: Path) -> None:
    async with opened(tmp_path) as desk:
        answer = await desk.post("/v1/workers/pause", {"worker": "elsewhere", "is_paused": True})
    assert answer.status_code == 404
    assert answer.json()["code"] == "worker_not_found"


@pytest.mark.parametrize("path", ["/v1/workers", "/v1/connections"])
async def test_only_an_admin_looks_at_workers_and_connections(tmp_path: Path, path: str) -> None:
    async with opened(tmp_path) as desk:
        answer = await desk.client.get(path, headers={"x-api-key": "key-of-ana-0001"})
        assert answer.status_code == 403
        assert (await desk.client.get(path)).status_code == 401
        kick = await desk.post("/v1/connections/kick", {"client": "c"}, "key-of-ana-0001")
    assert kick.status_code == 403


async def test_a_connection_is_listed_and_can_be_closed(tmp_path: Path) -> None:
    async with opened(tmp_path) as desk, serving(desk) as url:
        token = desk.engine.token("ana", channels=(), ttl_s=60, claims={})
        async with connect(url + "/connection/websocket") as socket:
            await socket.send(json.dumps({"id": 1, "connect": {"token": token, "name": "test"}}))
            await socket.recv()
            told = await desk.get("/v1/connections")
            (one,) = told["connections"]
            assert (one["user"], one["transport"], one["name"]) == ("ana", "websocket", "test")
            assert (told["total"], told["nodes"][0]["connections"]) == (1, 1)
            answer = await desk.post("/v1/connections/kick", {"client": one["client"]})
            assert answer.status_code == 204
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 3503
        assert (await desk.get("/v1/connections"))["total"] == 0
