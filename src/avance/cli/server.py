"""
`avance serve` around uvicorn: our WebSocket protocol class, our order of stopping.
"""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio
import uvicorn
from fastapi import FastAPI

from avance.app import Avance
from avance.app.engine import Engine
from avance.cli.signals import stop_signals
from avance.config import Settings
from avance.edge.drivers.native import native_protocol
from avance.errors import ConfigError, Unavailable

BACKLOG = 2_048
START_TIMEOUT_S = 30.0


class _Uvicorn(uvicorn.Server):
    """
    Tells when it listens; leaves the signals to us.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()


def bind(host: str, port: int) -> socket.socket:
    """
    Take the port.

    Raises:
        ConfigError: The address is not of this machine, or somebody else listens there.
    """
    try:
        (family, kind, protocol, _, address) = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ConfigError(
            f"host is {host!r}, which is no address here: {error.strerror}", setting="host"
        ) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another --port or --host",
            setting="port",
            value=str(port),
        ) from error
    return listener


async def serve_until_stopped(
    app: Avance, settings: Settings, listener: socket.socket, announce: Callable[[str], None]
) -> None:
    """
    Serve, say where once it is healthy, and stop in order at the first signal: no new connections, sockets sent away, tasks
    drained, everything closed.
    """
    engine = app.build()
    http = engine.http()
    server = _Uvicorn(_config(http, engine, settings))
    with stop_signals() as asked:
        async with app.running(engine), asyncio.TaskGroup() as tasks:
            stopping = tasks.create_task(_stop_when_asked(asked, server, http, engine, settings))
            tasks.create_task(_announce(server, listener, announce))
            await server.serve(sockets=[listener])
            stopping.cancel()


def _config(http: FastAPI, engine: Engine, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        http,
        loop="none",
        http="httptools",
        ws=native_protocol(engine.open_by_path, wheel=engine.wheel, limits=settings.sockets),
        lifespan="off",
        log_config=None,
        access_log=settings.access_log,
        proxy_headers=True,
        forwarded_allow_ips=list(settings.proxies),
        root_path=settings.root_path,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=max(1, round(settings.drain_s)),
    )


async def _stop_when_asked(
    asked: asyncio.Event, server: _Uvicorn, http: FastAPI, engine: Engine, settings: Settings
) -> None:
    await asked.wait()
    for listening in server.servers if server.started else ():
        listening.close()
    http.state.stop_waiting()
    connections = len(list(engine.hub.roster))
    # A handful of browsers may come back at once; thousands are spread.
    await engine.hub.drain(min(settings.spread_s, connections / 1_000))
    server.should_exit = True


async def _announce(
    server: _Uvicorn, listener: socket.socket, announce: Callable[[str], None]
) -> None:
    await server.listens.wait()
    url = url_of(listener)
    await _check_health(listener)
    announce(url)


def url_of(listener: socket.socket) -> str:
    """
    Where a browser on this machine finds the server.
    """
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _check_health(listener: socket.socket) -> None:
    """
    Ask over the network, as everybody else will.
    """
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    with anyio.fail_after(START_TIMEOUT_S):
        async with await anyio.connect_tcp(host, port) as stream:
            await stream.send(
                b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            )
            head = await stream.receive()
    if not head.startswith(b"HTTP/1.1 200"):
        raise Unavailable(f"the server is not healthy: {head.partition(bytes([13]))[0]!r}")
