"""
`POST /ingest` on a real worker of RQ, with the queue that the development stack has. docs/contract/ingest.md, decision 9.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2 as httpx
import pytest
from node_service import Node
from redis import Redis
from redis_service import RedisServer
from websockets.asyncio.client import connect

from avance.apps.documents.beside_rq import KIND, QUEUE

from .conftest import pdf
from .following import bare, frames
from .test_ingest import course

STACK = Path(__file__).parents[3] / "deploy/docker"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("ingestion-redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def node(server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """
    It runs nothing itself, so that whatever is read was read by a worker of RQ.
    """
    folder = tmp_path_factory.mktemp("ingestion")
    env = {
        "REDIS_URL": server.url,
        "AVANCE_DOCUMENTS_RQ_QUEUE": "ingestion:queue",
        "AVANCE_COROUTINES": "0",
        "PYTHONPATH": str(STACK),
    }
    with Node("", folder, folder / "data", env=env) as node:
        yield node


class Worker:
    """
    The program of the stack, with a directory of its own for temporary files.
    """

    def __init__(self, url: str, data: Path, folder: Path) -> None:
        self._log = folder / "worker.log"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, STACK / "ingestion.py"],
                cwd=folder,
                env={
                    **os.environ,
                    "REDIS_URL": url,
                    "AVANCE_DATA": str(data),
                    "TMPDIR": str(folder),
                },
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@pytest.fixture(scope="module")
def worker(
    server: RedisServer, node: Node, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Worker]]:
    """
    Started by the first test that asks for it.
    """
    started: list[Worker] = []

    def start() -> Worker:
        if not started:
            started.append(Worker(server.url, node.data, tmp_path_factory.mktemp("worker")))
        return started[0]

    yield start
    for one in started:
        one.kill()


async def test_a_file_waits_in_the_one_queue_until_its_worker_comes(
    node: Node, server: RedisServer, worker: Callable[[], Worker]
) -> None:
    """
    000-T9, 000-13, 000-T2, 000-09, 000-T10: the same course as without RQ, and no temporary directory in common.
    """
    async with httpx.AsyncClient(base_url=node.url, timeout=60) as http:
        files = {"file": ("tren.txt", b"El tren a Vigo sale a las siete.")}
        answer = await http.post("/ingest", files=files)
        assert answer.status_code == 200, answer.text
        job_id = answer.json()["job_id"]
        with Redis.from_url(server.url) as redis:
            waiting = redis.lrange(f"rq:queue:{QUEUE}", 0, -1)
        assert (QUEUE, waiting) == ("ingestion", [job_id.encode()])
        url = f"{node.url.replace('http', 'ws', 1)}/ws/jobs/{job_id}"
        async with connect(url, open_timeout=60) as socket:
            said = [json.loads(await socket.recv()) for _ in range(2)]
            assert said[-1]["status"] == "queued"
            started = worker()
            said += [json.loads(text) async for text in socket]
        last = {"status": "completed", "chunks": 1}
        assert [bare(one) for one in said] == course(job_id, last), started.log()
        late, code = await frames(node.url, f"/ws/jobs/{job_id}")
        assert (late, code) == (said, 1000)
        job = (await http.get(f"/v1/jobs/{job_id}")).json()
        assert (job["kind"], job["title"], job["progress"]["percent"]) == (KIND, "tren.txt", 100.0)
        status = (await http.get(f"/ingest/status/{job_id}")).json()
        assert status["result"] == {"file": "tren.txt", "chunks": 1, "status": "completed"}
        found = (await http.post("/query", json={"query": "¿Cuándo sale el tren?"})).json()
        assert [one["source"] for one in found["sources"]] == ["tren.txt"]


async def test_a_failure_a_duplicate_and_an_answer_at_once_are_as_without_rq(
    node: Node, worker: Callable[[], Worker]
) -> None:
    """
    000-14, 000-T8
    """
    worker()
    async with httpx.AsyncClient(base_url=node.url, timeout=60) as http:

        async def ask(name: str, data: bytes) -> httpx.Response:
            form = {"file": (name, data)}
            sync = {"async": "false"}
            more = {"collection": "rq"}
            return await http.post("/ingest", params=sync, files=form, data=more)

        broken = await ask("broken.pdf", pdf("page")[:-400])
        assert (broken.status_code, broken.json()["code"]) == (400, "document_damaged")
        first = await ask("a.txt", b"lemons from Murcia")
        assert first.json() == {
            "file": "a.txt",
            "chunks": 1,
            "chunk_count": 1,
            "status": "completed",
        }
        again = (await ask("b.txt", b"lemons from Murcia")).json()
        assert (again["status"], again["duplicate"], again["chunks"]) == ("completed", True, 0)


async def test_a_queue_whose_redis_is_away_is_said_and_keeps_no_file(
    node: Node, server: RedisServer
) -> None:
    """
    docs/contract/ingest.md, decision 12: 503, and the client may try again.
    """
    kept = _files(node)
    server.stop()
    async with httpx.AsyncClient(base_url=node.url, timeout=60) as http:
        refused = await http.post("/ingest", files={"file": ("c.txt", b"x")})
    assert (refused.status_code, refused.json()["code"]) == (503, "queue_unavailable")
    assert _files(node) == kept


def _files(node: Node) -> set[Path]:
    return {path for path in (node.data / "blobs").rglob("*") if path.is_file()}
