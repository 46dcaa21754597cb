"""
Uploads that wait for something long, here for a model that does not answer until it is let, or that fail because it is away: what their
sockets do meanwhile, and how they are tried again.
docs/contract/uploads.md and docs/contract/ingest.md.
"""

import asyncio
import json
import socket as sockets
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import httpx2 as httpx
import pytest
from node_service import Node
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from .following import Frame, frames
from .models import Models, serving
from .test_batches import create, send
from .test_uploads import document, upload

UPLOADS = 50


@pytest.fixture(scope="module")
def models() -> Iterator[Models]:
    with serving() as models:
        yield models
        models.gate.set()


@pytest.fixture(scope="module")
def node(models: Models, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("waiting")
    env = {"AVANCE_DOCUMENTS_EMBEDDINGS_URL": models.url}
    with Node("", folder, folder / "data", env=env) as node:
        yield node


@pytest.fixture
async def http(node: Node) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=node.url, timeout=60) as client:
        yield client


def address(node: Node, path: str) -> str:
    return f"{node.url.replace('http', 'ws', 1)}{path}"


async def until(socket: ClientConnection, key: str, value: object) -> list[Frame]:
    said: list[Frame] = []
    while not said or said[-1].get(key) != value:
        said.append(json.loads(await socket.recv()))
    return said


async def test_an_update_is_pushed_when_it_is_stored_and_nobody_asks_for_it(
    node: Node, http: httpx.AsyncClient, models: Models
) -> None:
    """
    000-27: while the work stands still in a step, its client has been told of that step already; the client itself has said nothing.
    How long a push takes is measured by `python -m benchmarks documents`.
    """
    models.gate.clear()
    files = {"file": ("a.txt", b"El tren a Vigo sale a las siete.")}
    job_id = (await http.post("/ingest", files=files)).json()["job_id"]
    async with connect(address(node, f"/ws/jobs/{job_id}")) as socket:
        before = await until(socket, "step", "indexing")
        stored = (await http.get(f"/v1/jobs/{job_id}/events")).json()["events"]
        models.gate.set()
        (last,) = [json.loads(text) async for text in socket]
    told = [(one.get("status"), one.get("step")) for one in before[1:]]
    assert told == [
        *(("queued", None), ("processing", None)),
        *(("processing", "parsing"), ("processing", "indexing")),
    ]
    moments = [one["ts"] for one in stored if one["type"] in ("state", "phase")]
    assert {one["timestamp"] for one in before[1:]} <= set(moments)
    assert (last["status"], last["chunks"]) == ("completed", 1)


async def test_the_state_of_each_upload_is_kept_and_whoever_asked_is_called_back(
    node: Node, http: httpx.AsyncClient, models: Models
) -> None:
    """
    003-07, 003-T7: two at once, each with a state of its own; their followers are called with every change and are gone with the end.
    """
    models.gate.clear()
    sizes = {await upload(http, document(n), collection_name=f"kept{n}"): n for n in (2, 3)}
    heard: dict[str, list[Frame]] = {upload_id: [] for upload_id in sizes}
    waiting = {upload_id: asyncio.Event() for upload_id in sizes}

    async def called(frame: Frame) -> None:
        heard[frame["upload_id"]].append(frame)
        if frame["status"] == "indexing":
            waiting[frame["upload_id"]].set()

    async def follow(upload_id: str) -> None:
        async with connect(address(node, f"/ws/{upload_id}")) as socket:
            async for text in socket:
                await called(json.loads(text))

    async with asyncio.TaskGroup() as group:
        for upload_id in sizes:
            group.create_task(follow(upload_id))
        for upload_id, size in sizes.items():
            await waiting[upload_id].wait()
            state = (await http.get(f"/upload/{upload_id}")).json()
            assert state == heard[upload_id][-1]
            assert (state["status"], state["current_chunk"]) == ("indexing", 0)
            assert (state["total_chunks"], state["progress_percent"]) == (size, 70.0)
        models.gate.set()
    for upload_id, size in sizes.items():
        last = heard[upload_id][-1]
        assert (last["status"], last["total_chunks"]) == ("completed", size)
    while await _followers(http):  # noqa: ASYNC110 - the server counts them after the socket has closed
        await asyncio.sleep(0.02)


async def test_work_begun_under_the_old_name_of_a_collection_goes_where_its_documents_went(
    node: Node, http: httpx.AsyncClient, models: Models
) -> None:
    """
    Its job fails, the collection is renamed, another one takes the old name, and the job is tried again.
    """
    models.is_away = True
    files, form = {"file": ("a.txt", b"El tren a Vigo sale a las siete.")}, {"collection": "trains"}
    job_id = (await http.post("/ingest", files=files, data=form)).json()["job_id"]
    said, _ = await frames(node.url, f"/ws/jobs/{job_id}")
    assert said[-1]["status"] == "failed"
    models.is_away = False
    renamed = await http.patch("/collections/trains", json={"name": "trenes"})
    assert renamed.status_code == 200
    await http.post("/collections", json={"name": "trains"})
    again = (await http.post(f"/v1/jobs/{job_id}/retry")).json()
    said, _ = await frames(node.url, f"/ws/jobs/{again['id']}")
    assert said[-1]["status"] == "completed"
    shelves = (await http.get("/collections")).json()["collections"]
    counts = {one["name"]: one["documents"] for one in shelves}
    assert (counts["trenes"], counts["trains"]) == (1, 0)


async def test_a_file_that_is_tried_again_stays_in_its_batch_and_counts_once(
    node: Node, http: httpx.AsyncClient, models: Models
) -> None:
    models.gate.clear()
    models.asked.clear()
    batch_id = await create(http, "tried", collection_name="tried")
    await send(http, batch_id, ("waits.txt", b"El tren a Vigo sale a las siete."))
    while not models.asked:  # noqa: ASYNC110 - the endpoint is asked in its own time
        await asyncio.sleep(0.02)
    models.is_away = True
    (told,) = await send(http, batch_id, ("fails.txt", b"El tren a Lugo sale a las ocho."))
    said, _ = await frames(node.url, f"/ws/jobs/{told['job_id']}")
    assert said[-1]["status"] == "failed"
    models.is_away = False
    before = (await http.get(f"/batch/{batch_id}/status")).json()
    assert (before["statistics"]["failed"], before["statistics"]["processing"]) == (1, 1)
    parent = (await http.get(f"/v1/jobs/{before['batch']['job_id']}")).json()
    assert (parent["children"]["total"], parent["children"]["failed"]) == (2, 1)
    again = (await http.post(f"/v1/jobs/{told['job_id']}/retry")).json()
    job = (await http.get(f"/v1/jobs/{again['id']}")).json()
    assert (job["parent_id"], job["retry_of"]) == (before["batch"]["job_id"], told["job_id"])
    parent = (await http.get(f"/v1/jobs/{before['batch']['job_id']}")).json()
    assert (parent["children"]["total"], parent["children"]["failed"]) == (2, 0)
    during = (await http.get(f"/batch/{batch_id}/status")).json()
    assert during["progress_percentage"] >= before["progress_percentage"]
    models.gate.set()
    said, _ = await frames(node.url, f"/batch/{batch_id}/stream")
    assert said[-1]["status"] == "completed"
    ended = (await http.get(f"/v1/jobs/{before['batch']['job_id']}")).json()
    assert (ended["state"], ended["children"]) == (
        "completed",
        {"total": 2, "completed": 2, "failed": 0, "percent": 100.0},
    )
    assert said[-1]["statistics"] == {
        "total": 2,
        "pending": 0,
        "processing": 0,
        "completed": 2,
        "failed": 0,
    }
    after = (await http.get(f"/batch/{batch_id}/status")).json()
    (file,) = [one for one in after["documents"] if one["filename"] == "fails.txt"]
    assert (file["job_id"], file["error_message"], file["chunk_count"]) == (again["id"], None, 1)
    assert after["batch"]["job_id"] == before["batch"]["job_id"]


async def test_a_batch_that_has_ended_is_tried_again_as_a_whole_or_file_by_file(
    node: Node, http: httpx.AsyncClient, models: Models
) -> None:
    """
    By itself a job of an ended parent has none and its file counts all the same; the batch begins another parent.
    """
    models.is_away = True
    batch_id = await create(http, "ended", collection_name="ended")
    names = ("one.txt", "two.txt", "three.txt")
    files = await send(http, batch_id, *((name, f"El tren {name}".encode()) for name in names))
    said, _ = await frames(node.url, f"/batch/{batch_id}/stream")
    assert (said[-1]["status"], said[-1]["statistics"]["failed"]) == ("failed", 3)
    first = (await http.get(f"/batch/{batch_id}/status")).json()["batch"]["job_id"]
    models.is_away = False
    alone = (await http.post(f"/v1/jobs/{files[0]['job_id']}/retry")).json()
    await frames(node.url, f"/ws/jobs/{alone['id']}")
    assert (await http.get(f"/v1/jobs/{alone['id']}")).json().get("parent_id") is None
    counted = (await http.get(f"/batch/{batch_id}/status")).json()
    assert (counted["batch"]["status"], counted["statistics"]["failed"]) == ("partial", 2)
    wanted = {"document_ids": [files[1]["document_id"]]}
    (again,) = (await http.post(f"/batch/{batch_id}/retry", json=wanted)).json()
    assert (again["filename"], again["status"]) == ("two.txt", "queued")
    await frames(node.url, f"/ws/jobs/{again['job_id']}")
    (last,) = (await http.post(f"/batch/{batch_id}/retry")).json()
    assert last["filename"] == "three.txt"
    said, _ = await frames(node.url, f"/batch/{batch_id}/stream")
    assert (said[-1]["status"], said[-1]["statistics"]["completed"]) == ("completed", 3)
    parent = (await http.get(f"/v1/jobs/{last['job_id']}")).json()["parent_id"]
    assert parent == (await http.get(f"/batch/{batch_id}/status")).json()["batch"]["job_id"]
    assert parent != first
    nothing = await http.post(f"/batch/{batch_id}/retry")
    assert (nothing.status_code, nothing.json()["code"]) == (409, "job_state")


async def _followers(http: httpx.AsyncClient) -> int:
    lines = (await http.get("/metrics")).text.splitlines()
    return sum(
        round(float(line.rpartition(" ")[2]))
        for line in lines
        if line.startswith("avance_subscriptions")
    )


def slow_line(node: Node) -> sockets.socket:
    """
    A connection that takes little at a time, so that what its client does not read stays with the server. A small buffer to receive into
    would do the same, but once full it also drops what confirms to the client that it was heard.
    """
    line = sockets.socket()
    line.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_MAXSEG, 536)
    line.connect(("127.0.0.1", node.port))
    line.setblocking(False)
    return line


async def test_a_client_that_does_not_read_is_dropped_and_fifty_uploads_go_on(
    node: Node, http: httpx.AsyncClient, models: Models
) -> None:
    """
    003-T14: it asks and never listens, until more waits for it than is kept for anybody; the others hear everything meanwhile.
    """
    models.gate.clear()
    stalled, *others = await asyncio.gather(
        *(upload(http, f"texto {n}", collection_name="beside") for n in range(UPLOADS + 1))
    )
    slow = await connect(
        address(node, f"/ws/{stalled}"),
        sock=slow_line(node),
        max_queue=1,
        ping_interval=None,
        open_timeout=60,
    )
    async with asyncio.TaskGroup() as group:
        ends = [group.create_task(frames(node.url, f"/ws/{one}")) for one in others]
        while await _followers(http) <= UPLOADS:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.02)
        while await _followers(http) > UPLOADS:
            # It may be dropped between two of them.
            with suppress(ConnectionClosed):
                for _ in range(1_000):
                    await slow.send("ping")
        # At once: the longer a connection was stuck, the longer the system waits before it tries again to send what is left.
        with suppress(ConnectionClosed):
            while True:
                await slow.recv()
        models.gate.set()
    for end in ends:
        said, code = end.result()
        ends_with = (said[-1].get("error"), said[-1]["status"], code)
        assert ends_with == (None, "completed", 1000)
    # Where words of it were not read yet, the system resets the connection before the code has come.
    assert slow.close_code in (1013, 1006)


async def test_of_many_who_try_a_batch_again_at_the_same_moment_each_file_is_tried_once(
    node: Node, http: httpx.AsyncClient, models: Models
) -> None:
    models.is_away = True
    batch_id = await create(http, "crowd", collection_name="crowd")
    names = [f"{number}.txt" for number in range(4)]
    await send(http, batch_id, *((name, f"El barco {name}".encode()) for name in names))
    said, _ = await frames(node.url, f"/batch/{batch_id}/stream")
    assert said[-1]["statistics"]["failed"] == len(names)
    models.is_away = False
    answers = await asyncio.gather(*(http.post(f"/batch/{batch_id}/retry") for _ in range(6)))
    tried = [one for answer in answers if answer.status_code == 200 for one in answer.json()]
    assert sorted(one["filename"] for one in tried) == names
    assert all(
        answer.json()["code"] == "job_state" for answer in answers if answer.status_code != 200
    )
    said, _ = await frames(node.url, f"/batch/{batch_id}/stream")
    assert (said[-1]["status"], said[-1]["statistics"]["completed"]) == ("completed", len(names))
    parents = {(await http.get(f"/v1/jobs/{one['job_id']}")).json()["parent_id"] for one in tried}
    for parent in parents:
        assert (await http.get(f"/v1/jobs/{parent}")).json()["state"] == "completed"
