import io
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2 as httpx
import pytest
from archive_service import Archives, serving
from node_service import Node
from reportlab.pdfgen import canvas

from avance import Avance
from avance.app.engine import Engine
from avance.apps.documents import app
from avance.config import read_settings

SECRET = "a secret of thirty-two characters!"
ALONE = {"AVANCE_APPS": "documents"}
"""The other systems are tested elsewhere, and a server without them starts sooner."""
TOKEN_MODE = {
    "AVANCE_AUTH": "token",
    "AVANCE_TOKEN_SECRET": SECRET,
    "AVANCE_API_KEYS": "ana-key=ana,ben-key=ben,root-key=root:admin",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(120))


@pytest.fixture(scope="session")
def github() -> Iterator[Archives]:
    with serving() as server:
        yield server


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory, github: Archives) -> Iterator[Node]:
    """
    One server in open mode for tests that do not harm it; each has collections of its own there.
    """
    directory = tmp_path_factory.mktemp("documents")
    env = {
        **ALONE,
        "AVANCE_DOCUMENTS_GITHUB_URL": github.url,
        "AVANCE_DOCUMENTS_GITHUB_BYTES_MAX": "200000",
    }
    with Node("", directory, directory / "data", env=env) as node:
        yield node


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """
    One in token mode, with little room for resumable uploads.
    """
    directory = tmp_path_factory.mktemp("guarded")
    env = {**ALONE, **TOKEN_MODE, "AVANCE_DOCUMENTS_ARRIVING_BYTES_MAX": "100"}
    with Node("", directory, directory / "data", env=env) as node:
        yield node


@pytest.fixture(scope="session")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """
    One that takes small files and reads none of them.
    """
    directory = tmp_path_factory.mktemp("idle")
    env = {**ALONE, "AVANCE_COROUTINES": "0", "AVANCE_DOCUMENTS_FILE_BYTES_MAX": "1000"}
    with Node("", directory, directory / "data", env=env) as node:
        yield node


@pytest.fixture
async def http(node: Node) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=node.url, timeout=60) as client:
        yield client


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Node]]:
    """
    Start a server of one's own with settings from the environment; again on the same data with the same `data`.
    """
    with ExitStack() as stack:

        def start(*, data: str = "data", **env: str) -> Node:
            return stack.enter_context(Node("", tmp_path, tmp_path / data, env=ALONE | env))

        yield start


def files_of(node: Node) -> set[Path]:
    """
    What its store of files has.
    """
    return {path for path in (node.data / "blobs").rglob("*") if path.is_file()}


@pytest.fixture
def host(tmp_path: Path) -> tuple[Avance, Engine]:
    """
    Put together before the loop runs, because imports block.
    """
    settings = read_settings(env={"AVANCE_DATA": str(tmp_path), "AVANCE_PROCESSES": "0"})
    site = Avance(settings=settings)
    site.include(app)
    return site, site.build()


def pdf(*pages: str) -> bytes:
    buffer = io.BytesIO()
    drawn = canvas.Canvas(buffer)
    for page in pages:
        for number, line in enumerate(page.split("\n")):
            drawn.drawString(72, 720 - 14 * number, line)
        drawn.showPage()
    drawn.save()
    return buffer.getvalue()
