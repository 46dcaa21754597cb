"""
Every server that is measured: how it starts, what it speaks, how an event is published to it.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.harness.load import Load
from benchmarks.harness.places import (
    BENCHMARKS,
    BIN,
    DATA,
    PEERS,
    PEERS_NODE,
    PEERS_VENV,
    REPOSITORY,
)
from benchmarks.harness.process import Process, free_port

API_KEY = "bench-key"
LIVE_CHANNEL = "bench:live"
"""Goes to who listens now; nothing of it is kept."""
STORED_CHANNEL = "stored:bench"
"""Keeps a thousand publications, on disk with avance, and can be recovered."""


@dataclass(frozen=True, kw_only=True)
class Server:
    name: str
    title: str
    command: Callable[[int, int, Path], list[str]]
    """Called with the port, the port for publishing and a directory for data."""
    environment: Mapping[str, str] = field(default_factory=dict)
    dialect: str = "plain"
    path: str = "/connection/websocket"
    publish_path: str = "/publish"
    publish_header: str = ""
    body: str = "$event"
    broadcast_body: str = ""
    """The body of one publish to many channels, for servers that have channels."""
    broadcast_path: str = ""
    has_publish_port: bool = False
    has_data_setting: bool = False
    """The data directory is told by the environment, not on the command line."""
    cores: set[int] | None = None
    """Default: the core of servers."""

    @property
    def has_channels(self) -> bool:
        return self.dialect == "centrifugo"


class Running:
    """
    A server that listens, with its data directory and the load generators that it was given.
    """

    def __init__(self, server: Server, *, data: Path | None = None) -> None:
        self.server = server
        self.port = free_port()
        self.publish_port = free_port() if server.has_publish_port else self.port
        DATA.mkdir(parents=True, exist_ok=True)
        self._owns_data = data is None
        self.data = data or Path(tempfile.mkdtemp(prefix=f"{server.name}-", dir=DATA))
        self.process = Process(
            server.name,
            server.command(self.port, self.publish_port, self.data),
            environment={
                **server.environment,
                **({"AVANCE_DATA": str(self.data)} if server.has_data_setting else {}),
                # This checkout, wherever the environment's own copy is.
                "PYTHONPATH": f"{REPOSITORY / 'src'}:{REPOSITORY}",
            },
            cores=server.cores,
            directory=BENCHMARKS.parent if server.name.startswith("avance") else PEERS,
        )

    def start(self) -> None:
        self.process.start(sorted({self.port, self.publish_port}))

    def restart_after_kill(self) -> None:
        self.process.kill()
        self.process.stop()
        self.start()

    def load(self, connections: int, **options: str | int) -> Load:
        """
        A generator for this server; an option given here wins over the server's own.
        """
        own: dict[str, str | int] = {
            "port": self.port,
            "publish_port": self.publish_port,
            "path": self.server.path,
            "dialect": self.server.dialect,
            "publish_path": self.server.publish_path,
            "body": self.server.body,
            "connections": connections,
            "channel": LIVE_CHANNEL,
        }
        if self.server.publish_header:
            own["publish_header"] = self.server.publish_header
        return Load(**{**own, **options})

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.stop()
        if self._owns_data:
            shutil.rmtree(self.data, ignore_errors=True)


def _peer(script: str, *extra: str) -> Callable[[int, int, Path], list[str]]:
    def command(port: int, publish_port: int, data: Path) -> list[str]:
        return [
            str(PEERS_VENV / "bin" / "python"),
            str(PEERS / script),
            str(port),
            str(publish_port),
            *extra,
        ]

    return command


def avance_command(*arguments: str) -> Callable[[int, int, Path], list[str]]:
    def command(port: int, publish_port: int, data: Path) -> list[str]:
        executable = str(Path(sys.executable).parent / "avance")
        return [
            executable,
            "serve",
            *arguments,
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--data",
            str(data),
        ]

    return command


def avance_server(name: str = "avance", title: str = "avance serve", **changes: Any) -> Server:
    settings: dict[str, Any] = {
        "name": name,
        "title": title,
        "command": avance_command(),
        "environment": {
            "AVANCE_API_KEYS": f"{API_KEY}=0:admin",
            "AVANCE_CONFIG": str(BENCHMARKS / "avance.toml"),
        },
        "dialect": "centrifugo",
        "publish_path": "/api/publish",
        "publish_header": f"X-API-Key: {API_KEY}",
        "body": '{"channel":"$channel","data":$event}',
        "broadcast_path": "/api/broadcast",
        "broadcast_body": '{"channels":$channels,"data":$event}',
    }
    return Server(**{**settings, **changes})


def centrifuge_server(history: int = 0) -> Server:
    return Server(
        name="centrifuge-go",
        title="Go centrifuge library",
        command=lambda port, publish_port, data: [
            str(BIN / "centrifuge_go"),
            str(port),
            str(history),
        ],
        environment={"GOMAXPROCS": "1"},
        dialect="centrifugo",
        body='{"channel":"$channel","data":$event}',
        broadcast_path="/publish",
        broadcast_body='{"channels":$channels,"data":$event}',
    )


AVANCE = avance_server()
CENTRIFUGE = centrifuge_server()
BROADCASTER = Server(
    name="c",
    title="C, one send per message",
    command=lambda port, publish_port, data: [str(BIN / "broadcaster"), str(port)],
)
FASTAPI = Server(
    name="fastapi",
    title="FastAPI connection manager",
    command=_peer("fastapi_manager.py"),
)
GRANIAN = Server(name="granian", title="the same on granian", command=_peer("granian_manager.py"))
WEBSOCKETS = Server(
    name="websockets",
    title="websockets broadcast",
    command=_peer("websockets_broadcast.py"),
    has_publish_port=True,
)
AIOHTTP = Server(name="aiohttp", title="aiohttp", command=_peer("aiohttp_broadcast.py"))
PICOWS = Server(
    name="picows", title="picows", command=_peer("picows_broadcast.py"), has_publish_port=True
)
SOCKETIFY = Server(
    name="socketify", title="socketify (uWebSockets)", command=_peer("socketify_broadcast.py")
)
SOCKETIO = Server(
    name="socketio",
    title="python-socketio",
    command=_peer("socketio_broadcast.py"),
    dialect="socketio",
    path="/socket.io/?EIO=4&transport=websocket",
)
NODE_WS = Server(
    name="ws",
    title="Node ws",
    command=lambda port, publish_port, data: ["node", str(PEERS / "ws_broadcast.mjs"), str(port)],
    environment={"PEERS_NODE": str(PEERS_NODE)},
)
BUN = Server(
    name="bun",
    title="Bun publish",
    command=lambda port, publish_port, data: [
        str(PEERS_NODE / "node_modules" / ".bin" / "bun"),
        str(PEERS / "bun_publish.mjs"),
        str(port),
    ],
)

CORE = (BROADCASTER, AVANCE, CENTRIFUGE, FASTAPI)
OTHERS = (PICOWS, SOCKETIFY, BUN, NODE_WS, AIOHTTP, WEBSOCKETS, SOCKETIO, GRANIAN)
