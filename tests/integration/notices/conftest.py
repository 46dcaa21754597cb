"""
The notices system on a real server, with real sockets.
"""

import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import httpx2 as httpx
import pytest
import uvicorn
from msgspec.structs import replace
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from avance import Avance
from avance.app.engine import Engine
from avance.app.notices import NotifySettings
from avance.apps.retail import app as retail
from avance.apps.retail.settings import RetailSettings
from avance.config import AuthMode, read_settings
from avance.config.values import read_api_keys
from avance.edge.drivers.native import native_protocol
from avance.notify.limits import NotifyLimits

KEYS = "key-1=1,key-2=2,key-mail=mail:sender,key-root=root:admin"
SECTIONS = {"retail": RetailSettings, "notify": NotifySettings, "inbox": NotifyLimits}
UNHURRIED = {"retail__send_wait_s": 30.0}
"""What an answer tells of other channels does not depend on how fast this machine is."""
EXAMPLE = {
    "user_id": 1,
    "notification_type": "stock_alert",
    "subject": "Stock bajo",
    "message": "Producto A stock es bajo",
    "priority": "high",
}


class Tab:
    """
    One connection, as a browser tab has it.
    """

    def __init__(self, connection: ClientConnection, patience_s: float) -> None:
        self.connection = connection
        self._patience_s = patience_s

    async def send(self, **frame: Any) -> None:
        await self.connection.send(json.dumps(frame))

    async def next(self) -> dict[str, Any]:
        with anyio.fail_after(self._patience_s):
            frame: dict[str, Any] = json.loads(await self.connection.recv())
            return frame

    async def until(self, kind: str, **wanted: Any) -> dict[str, Any]:
        """
        Read on to the first frame like this.
        """
        while True:
            frame = await self.next()
            if frame["type"] == kind and wanted.items() <= frame.items():
                return frame

    async def greeted(self) -> int:
        """
        Read the greeting and answer the unread count.
        """
        first = await self.next()
        assert first["type"] == "auth_success", first
        count = await self.next()
        assert count["type"] == "unread_count", count
        return int(count["count"])

    async def nothing_more(self) -> None:
        """
        Everything that was sent before has come: the server answers in order.
        """
        await self.send(type="ping")
        assert await self.next() == {"type": "pong"}

    async def closed(self) -> tuple[list[dict[str, Any]], int]:
        """
        Read to the end, and answer the frames and the code.
        """
        frames = []
        with anyio.fail_after(self._patience_s):
            try:
                while True:
                    frames.append(json.loads(await self.connection.recv()))
            except ConnectionClosed:
                pass
        assert self.connection.close_code is not None
        return frames, self.connection.close_code


class Site:
    def __init__(
        self, host: Avance, port: int, client: httpx.AsyncClient, patience_s: float
    ) -> None:
        self.host = host
        self.port = port
        self.client = client
        self._patience_s = patience_s

    @asynccontextmanager
    async def tab(
        self, query: str = "", *, headers: dict[str, str] | None = None
    ) -> AsyncIterator[Tab]:
        url = f"ws://127.0.0.1:{self.port}/ws/notifications{query}"
        async with connect(url, additional_headers=headers, ping_interval=None) as connection:
            yield Tab(connection, self._patience_s)

    def tab_of(self, user: str) -> AbstractAsyncContextManager[Tab]:
        """
        A tab of a user: with the key in token mode, with the name in open mode.
        """
        query = f"?user_id={user}" if self.host.is_open_to_all else f"?api_key=key-{user}"
        return self.tab(query)

    async def call(self, method: str, path: str, *, key: str = "key-1", **more: Any) -> Any:
        answer = await self.client.request(method, path, headers={"X-API-Key": key}, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def notify(self, **fields: Any) -> dict[str, Any]:
        """
        Send the example of the contract, or what is given.
        """
        answer: dict[str, Any] = await self.call(
            "POST", "/api/notifications/send", key="key-mail", json={**EXAMPLE, **fields}
        )
        return answer

    async def until(self, condition: Callable[[], Any]) -> Any:
        """
        Ask again until something awaited is true, and answer it.
        """
        with anyio.fail_after(self._patience_s):
            while True:
                found = await condition()
                if found:
                    return found
                await anyio.sleep(0.02)

    async def delivery(self, user: str, notice_id: int, channel: str = "in_app") -> Any:
        found = await self.host.inbox(user).deliveries(notice_id)
        return next(one for one in found if one.channel == channel)


class Built:
    def __init__(self, host: Avance, engine: Engine) -> None:
        self.host = host
        self.engine = engine


Build: TypeAlias = Callable[..., Built]
Serving: TypeAlias = Callable[[Built], AbstractAsyncContextManager[Site]]


@pytest.fixture
def build() -> Build:
    """
    Put together before the loop runs, because imports block.
    """

    def make(
        *, mode: AuthMode = AuthMode.TOKEN, store: str = "sqlite://:memory:", **overrides: Any
    ) -> Built:
        settings = read_settings(
            env={},
            sections=SECTIONS,
            overrides={k.replace("__", "."): v for k, v in (UNHURRIED | overrides).items()},
        )
        host = Avance(
            store,
            settings=replace(
                settings,
                auth=mode,
                processes=1,
                api_keys=read_api_keys("api_keys", "test", KEYS),
            ),
        )
        host.include(retail)
        return Built(host, host.build(executes=False))

    return make


@pytest.fixture
def token_mode(build: Build) -> Built:
    return build()


@pytest.fixture
def open_mode(build: Build) -> Built:
    return build(mode=AuthMode.OPEN)


@pytest.fixture
def serving(
    patience: Callable[[float], float],
) -> Callable[[Built], AbstractAsyncContextManager[Site]]:
    @asynccontextmanager
    async def serve(built: Built) -> AsyncIterator[Site]:
        engine = built.engine
        protocol: Any = native_protocol(engine.open_by_path, wheel=engine.wheel)
        config = uvicorn.Config(engine.http(), ws=protocol, lifespan="off", log_config=None)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            server = uvicorn.Server(config)
            port = listener.getsockname()[1]
            async with built.host.running(engine), anyio.create_task_group() as group:
                group.start_soon(server.serve, [listener])
                async with httpx.AsyncClient(
                    base_url=f"http://127.0.0.1:{port}", timeout=60
                ) as client:
                    yield Site(built.host, port, client, patience(10))
                server.should_exit = True

    return serve


@pytest.fixture
def two_starts(build: Build, tmp_path: Path) -> tuple[Built, Built]:
    """
    The same store, opened by one process after the other.
    """
    store = f"sqlite:///{tmp_path}/avance.db"
    first, second = (build(store=store, data=str(tmp_path)) for _ in range(2))
    return first, second
