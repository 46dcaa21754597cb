"""
A whole server of the protocol for tests: a store, a bus, the hub, the session layer, over real sockets.

Run as a program it serves a database file until it is killed, and prints its port.
"""

import argparse
import asyncio
import hashlib
import secrets
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette

from avance.backends.memory import MemoryBus, MemoryPresence
from avance.backends.sqlite import SqliteDatabase, SqliteStore
from avance.backends.system import SystemClock
from avance.backends.tokens import MemoryRevocations, OpenAuth, TokenAuth, jws
from avance.edge.drivers import SocketLimits, native_protocol
from avance.edge.http.origin import OriginRules
from avance.edge.session.commands import Rpc
from avance.edge.session.gateway import Gateway
from avance.edge.session.routes import Endpoints
from avance.edge.session.settings import SessionSettings
from avance.hub.hub import Hub
from avance.hub.limits import HubLimits
from avance.hub.namespaces import INBOX, JOB, JOBS, TOPIC, Allow, Namespace, Namespaces
from avance.hub.publish import Publisher
from avance.hub.snapshots import JobListSnapshots, JobSnapshots
from avance.ports.auth import ApiKey, Auth, Role, TokenRules
from avance.ports.bus import Bus
from avance.ports.clock import Clock
from avance.ports.store import Durability, Store

SECRET = b"a secret of at least thirty-two bytes"
ADMIN_KEY = "key-admin"

PLAIN = Namespace(
    name="",
    history_size=100,
    history_ttl_s=300.0,
    presence=True,
    join_leave=True,
    force_push_join_leave=True,
    force_recovery=True,
    delta=True,
    allow_subscribe=Allow.AUTHENTICATED,
    allow_publish=Allow.SUBSCRIBERS,
    allow_presence=Allow.SUBSCRIBERS,
    allow_history=Allow.SUBSCRIBERS,
)
SMALL = msgspec.structs.replace(PLAIN, name="small", history_size=2)
LIVE = msgspec.structs.replace(
    PLAIN, name="live", history_size=0, history_ttl_s=None, force_recovery=False, delta=False
)
NAMESPACES = (JOB, JOBS, INBOX, TOPIC, PLAIN, SMALL, LIVE)


def token(user: str, **claims: Any) -> str:
    """
    Sign a connection or subscription token as the app in front would.
    """
    return jws.sign(msgspec.json.encode({"sub": user, **claims}), SECRET)


def key_of(name: str, user: str, role: Role) -> ApiKey:
    return ApiKey(digest=hashlib.sha256(name.encode()).digest(), user=user, role=role)


@dataclass(kw_only=True)
class Options:
    """
    What differs from the defaults.
    """

    path: str = ":memory:"
    is_open: bool = False
    namespaces: tuple[Namespace, ...] = NAMESPACES
    settings: SessionSettings = field(default_factory=SessionSettings)
    limits: HubLimits = field(default_factory=HubLimits)
    socket_limits: SocketLimits = field(default_factory=SocketLimits)
    is_native: bool = False
    rpc: Mapping[str, Rpc] = field(default_factory=dict)
    origins: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = 0
    auth: Auth | None = None
    bus: Bus | None = None
    node: str = ""


@dataclass(kw_only=True)
class Served:
    """
    The parts of a running server.
    """

    port: int
    clock: Clock
    store: Store
    bus: Bus
    hub: Hub
    gateway: Gateway
    publisher: Publisher
    server: uvicorn.Server

    @property
    def websocket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/connection/websocket"

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class _Server(uvicorn.Server):
    """
    Tells when it serves.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


@asynccontextmanager
async def serve(options: Options) -> AsyncIterator[Served]:
    clock = SystemClock()
    bus = options.bus or MemoryBus()
    database = SqliteDatabase(options.path, clock=clock)
    store = SqliteStore(database)
    namespaces = Namespaces(options.namespaces)
    auth = options.auth or _auth(clock, is_open=options.is_open)
    async with (
        store,
        bus,
        Hub(
            store,
            bus,
            clock,
            namespaces,
            MemoryPresence(clock),
            options.limits,
            node=options.node or f"node-{secrets.token_hex(4)}",
            snapshots={
                "job": JobSnapshots(store, clock),
                "jobs": JobListSnapshots(store),
            },
        ) as hub,
        Gateway(
            hub,
            auth,
            Publisher(store, bus, clock, namespaces, options.limits, durability=Durability.NORMAL),
            origins=OriginRules(is_open=options.is_open, origins=options.origins),
            settings=options.settings,
            rpc=options.rpc,
        ) as gateway,
    ):
        endpoints = Endpoints(gateway, limits=options.socket_limits)
        config = uvicorn.Config(
            Starlette(routes=endpoints.routes()),
            host=options.host,
            port=options.port,
            log_config=None,
            lifespan="off",
            ws=native_protocol(
                endpoints.open_by_path, wheel=gateway.wheel, limits=options.socket_limits
            )
            if options.is_native
            else "websockets-sansio",
            timeout_graceful_shutdown=1,
        )
        server = _Server(config)
        # With the protocol named: asyncio sets TCP_NODELAY only then, and small frames wait 40 ms for an ACK without it.
        listening = socket.socket(proto=socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((options.host, options.port))
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(server.serve(sockets=[listening]))
            await server.up.wait()
            try:
                yield Served(
                    port=listening.getsockname()[1],
                    clock=clock,
                    store=store,
                    bus=bus,
                    hub=hub,
                    gateway=gateway,
                    publisher=gateway.publisher,
                    server=server,
                )
            finally:
                await hub.drain(0.0)
                server.should_exit = True
                await serving


def _auth(clock: Clock, *, is_open: bool) -> Auth:
    tokens = TokenAuth(
        TokenRules(secrets=(SECRET,)),
        clock,
        MemoryRevocations(),
        api_keys=(key_of(ADMIN_KEY, "0", Role.ADMIN), key_of("key-1", "1", Role.USER)),
    )
    return OpenAuth(tokens) if is_open else tokens


async def _serve_forever(options: Options) -> None:
    async with serve(options) as served:
        print(served.port, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--native", action="store_true")
    given = parser.parse_args()
    asyncio.run(_serve_forever(Options(path=given.path, port=given.port, is_native=given.native)))
