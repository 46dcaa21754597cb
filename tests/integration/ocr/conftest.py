"""
The OCR system on a real server, with real sockets, engines and files.
"""

import json
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import httpx2 as httpx
import pytest
from node_service import Node
from websockets.asyncio.client import ClientConnection, connect

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PATIENCE_S = 50.0
ALONE = {"AVANCE_APPS": "ocr"}
"""The other systems are not asked for, and a server starts sooner."""
TOKEN_MODE = ALONE | {
    "AVANCE_AUTH": "token",
    "AVANCE_TOKEN_SECRET": "a secret of thirty-two characters!",
    "AVANCE_API_KEYS": "ana-key=ana,ben-key=ben,sender-key=eva:sender,root-key=root:admin",
}
Frame = dict[str, Any]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(90))


class Tab:
    """
    One connection, as a page has it.
    """

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.seen: list[Frame] = []

    async def say(self, **frame: Any) -> None:
        await self.connection.send(json.dumps(frame))

    async def next(self) -> Frame:
        with anyio.fail_after(PATIENCE_S):
            frame: Frame = json.loads(await self.connection.recv())
        self.seen.append(frame)
        return frame

    async def until(self, **wanted: Any) -> Frame:
        while True:
            frame = await self.next()
            if wanted.items() <= frame.items():
                return frame

    async def subscribe(self) -> None:
        await self.say(type="subscribe_documents")
        await self.until(type="subscription_confirmed")

    async def answered(self) -> list[Frame]:
        """
        All that came before the answer to a ping: the server answers in order.
        """
        await self.say(type="ping")
        frames = []
        while (frame := await self.next())["type"] != "pong":
            frames.append(frame)
        return frames


@asynccontextmanager
async def tab(node: Node, path: str = "/dev", **headers: str) -> AsyncIterator[Tab]:
    url = f"{node.url.replace('http', 'ws', 1)}{path}"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with connect(url, additional_headers=named, max_size=None) as connection:
        yield Tab(connection)


@pytest.fixture(scope="package")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """
    One server in open mode for tests that do not harm it.
    """
    directory = tmp_path_factory.mktemp("ocr")
    with Node("", directory, directory / "data", env=ALONE | {"AVANCE_OCR_READERS": "2"}) as node:
        yield node


@pytest.fixture(scope="package")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """
    One server in token mode.
    """
    directory = tmp_path_factory.mktemp("guarded")
    with Node("", directory, directory / "data", env=TOKEN_MODE) as node:
        yield node


@pytest.fixture
async def http(node: Node) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=node.url, timeout=60) as client:
        yield client


def _one_at_a_time(app: "WSGIApplication") -> "WSGIApplication":
    """
    moto looks at a condition and writes in two steps, with nothing between its threads; in DynamoDB that is one step.
    """
    lock = threading.Lock()

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        with lock:
            return list(app(environ, start_response))

    return answer


@pytest.fixture(scope="package")
def aws() -> Iterator[str]:
    """
    DynamoDB and S3 by moto: the address of both.
    """
    # Only the tests of the adapter wait for its import.
    from moto.server import ThreadedMotoServer  # noqa: PLC0415

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        server = ThreadedMotoServer("127.0.0.1", port=0)
        server.start()
        assert server._server is not None
        server._server.app = _one_at_a_time(server._server.app)
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
        server.stop()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Node]]:
    with ExitStack() as stack:

        def start(*, data: str = "data", **env: str) -> Node:
            return stack.enter_context(Node("", tmp_path, tmp_path / data, env=ALONE | env))

        yield start


async def uploaded(
    http: httpx.AsyncClient, *files: tuple[str, bytes], key: str | None = None, **fields: str
) -> list[str]:
    """
    The ids of documents that were taken.
    """
    answer = await http.post(
        "/api/ocr/upload",
        files=[("files[]", (name, body)) for name, body in files],
        data=fields,
        headers={} if key is None else {"X-API-Key": key},
    )
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["data"]["documents"]]


async def ended(http: httpx.AsyncClient, document_id: str, **headers: str) -> dict[str, Any]:
    with anyio.fail_after(PATIENCE_S):
        while True:
            answer = await http.get(f"/api/ocr/document/{document_id}", headers=headers)
            assert answer.status_code == 200, answer.text
            document: dict[str, Any] = answer.json()["data"]
            if document["status"] in ("completed", "failed"):
                return document
            await anyio.sleep(0.05)
