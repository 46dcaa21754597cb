"""
The Python client against a real server: submit, follow, result, cancel, over lost connections and restarts of the server.
"""

import asyncio
import io
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from node_service import Node

from avance.errors import (
    Conflict,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    TaskFailed,
    Unavailable,
    UnknownTask,
)
from avance.integrations.client import AsyncClient, Client
from avance.model.job import State

HERE = Path(__file__).parent
pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node("errands:app", HERE, tmp_path_factory.mktemp("pyclient") / "data") as node:
        yield node


@pytest.fixture
def client(node: Node) -> Iterator[Client]:
    with Client(node.url) as client:
        yield client


def test_a_result_comes_back_as_a_value(client: Client) -> None:
    assert client.result(client.submit("add", a=2, b=3)) == 5
    assert client.result(client.submit("add", 2, 5)) == 7


def test_a_failed_job_is_raised_with_what_it_told(client: Client) -> None:
    with pytest.raises(TaskFailed, match="a stone") as raised:
        client.result(client.submit("stumble"))
    assert raised.value.params["job"].state is State.FAILED


def test_options_go_beside_the_arguments(client: Client) -> None:
    job = client.submit_with({"title": "Sums", "tags": ["t1"]}, "add", a=1, b=1)
    client.wait(job)
    (found,) = client.jobs(tag="t1").jobs
    assert (found.id, found.title) == (job.id, "Sums")


def test_a_cancelled_job_is_cancelled_at_once(client: Client, tmp_path: Path) -> None:
    job = client.submit("walk", steps=1, gate=str(tmp_path / "never"))
    assert client.cancel(job).state is State.CANCELLED
    with pytest.raises(Conflict):
        client.cancel(job)
    with pytest.raises(TaskFailed, match="cancelled"):
        client.result(job)


def test_errors_of_the_server_are_the_same_classes_here(client: Client) -> None:
    with pytest.raises(UnknownTask):
        client.submit("nothing")
    with pytest.raises(InvalidRequest):
        client.submit("add", a="two", b=3)
    with pytest.raises(NotFound):
        client.get("4b2c9c1e-0000-0000-0000-000000000000")
    # Whether it is there is nobody's business who may not follow it.
    with pytest.raises(PermissionDenied):
        list(client.watch("4b2c9c1e-0000-0000-0000-000000000000"))


def test_nobody_there_is_unavailable() -> None:
    with Client("http://127.0.0.1:9") as client, pytest.raises(Unavailable, match="avance serve"):
        client.get("x")


def test_the_inbox_is_read_and_changed(client: Client) -> None:
    sent = client.notify("dev", "Ready", body="The file is there", kind="info")
    assert sent is not None
    page = client.inbox(limit=1)
    assert (page.notifications[0].id, page.notifications[0].title) == (sent.id, "Ready")
    assert page.counts.unread >= 1
    counts = client.change_inbox("read", sent.id)
    assert counts.unread == page.counts.unread - 1
    assert client.change_inbox("delete", up_to=sent.id).unread == 0


def test_watching_shows_each_event_once_and_in_order(client: Client, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    job = client.submit("walk", steps=5, gate=str(gate))
    seen = []
    for change in client.watch(job):
        seen.append(change)
        gate.touch()
    assert seen[0].type == "snapshot"
    assert_gapless([change.event for change in seen[1:]], seen[0].job.seq)
    assert seen[-1].job.state is State.COMPLETED
    stored = client.get(job)
    assert [phase["state"] for phase in seen[-1].job.phases] == ["done", "done"]
    assert (seen[-1].job.result, seen[-1].job.seq) == (stored.result, stored.seq)


def test_the_bar_draws_each_phase_and_the_end(client: Client, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    drawn = io.StringIO()
    ended = client.show(client.submit("walk", steps=2, gate=str(gate)), stream=drawn)
    assert ended.state is State.COMPLETED
    last = drawn.getvalue().splitlines()[-1]
    assert "completed" in last
    assert "100%" in last


async def test_watching_goes_on_over_a_restart_of_the_server(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    node = Node("errands:app", HERE, tmp_path / "data")
    node.start()
    try:
        async with AsyncClient(node.url) as client:
            job = await client.submit("walk", steps=5, gate=str(gate))
            seen: list[Any] = []
            async for change in client.watch(job):
                seen.append(change.event)
                if not gate.exists():
                    node.kill()
                    gate.touch()
                    node.start()
            snapshots = [n for n, event in enumerate(seen) if event["type"] == "snapshot"]
            assert snapshots == [0], "the position was recovered, so nothing had to begin anew"
            assert_gapless(seen[1:], seen[0]["seq"])
            assert await client.result(job) == "home"
    finally:
        node.kill()


async def test_behind_a_proxy_without_upgrade_it_asks_over_http(tmp_path: Path, node: Node) -> None:
    gate = tmp_path / "gate"
    async with a_proxy_without_upgrade(node.port) as url, AsyncClient(url) as client:
        job = await client.submit("walk", steps=3, gate=str(gate))
        seen = []
        async for change in client.watch(job):
            seen.append(change.event)
            gate.touch()
    assert_gapless(seen[1:], seen[0]["seq"])
    assert seen[-1]["to"] == "completed"


@asynccontextmanager
async def a_proxy_without_upgrade(port: int) -> AsyncIterator[str]:
    serving: set[asyncio.Task[object]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here = asyncio.current_task()
        assert here is not None
        serving.add(here)
        head = await reader.readuntil(b"\r\n\r\n")
        if b"upgrade: websocket" in head.lower():
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")
            writer.close()
            await writer.wait_closed()
            return
        there, back = await asyncio.open_connection("127.0.0.1", port)
        back.write(head)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(pump(reader, back))
            tasks.create_task(pump(there, writer))

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    await asyncio.gather(*serving)


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
    writer.close()
    await writer.wait_closed()


def assert_gapless(events: list[dict[str, Any]], since: int) -> None:
    numbers = [event["seq"] for event in events]
    assert numbers == list(range(since + 1, since + 1 + len(numbers)))


def test_the_program_of_the_how_to_runs(node: Node) -> None:
    program = Path(__file__).parents[3] / "docs/examples/follow.py"
    done = subprocess.run(
        [sys.executable, program, node.url], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "5"
    assert "completed" in done.stderr
