"""
Batches: many files as one, each a job of its own below a parent that is their weighted sum. docs/contract/ingest.md, 3.4.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import anyio.to_thread
import httpx2 as httpx
import pytest
from archive_service import Archives, archive
from node_service import Node

from avance import Avance, State
from avance.app.engine import Engine
from avance.apps.documents import app as documents
from avance.apps.documents import batch_recovery
from avance.apps.documents.batch_work import again, cancel, close, parent_of, standing
from avance.apps.documents.batches import Batch, Batches, BatchFile, BatchStatus
from avance.apps.documents.tasks import ingest
from avance.config import read_settings
from avance.errors import Conflict

from .conftest import pdf
from .following import Frame, frames

A_BATCH = Batch(
    id="late",
    owner="dev",
    tenant=None,
    name="late",
    description="",
    collection="late",
    job_id=None,
    created_ms=1,
)
A_FILE = BatchFile(
    id="one",
    batch_id="late",
    job_id="5f0c7d52-6d0c-4a53-9c37-1d4c8f0a2b11",
    filename="a.txt",
    file_size=1,
    created_ms=1,
)
Serve = Callable[..., Node]
FILES = 60


async def create(http: httpx.AsyncClient, name: str = "leases", **more: str) -> str:
    told = (await http.post("/batch/create", json={"name": name, **more})).json()
    assert told["status"] == "pending"
    return str(told["batch_id"])


async def send(http: httpx.AsyncClient, batch_id: str, *files: tuple[str, bytes]) -> list[Frame]:
    form = [("files", one) for one in files]
    answer = await http.post(f"/batch/{batch_id}/upload", files=form)
    assert answer.status_code == 200, answer.text
    told: list[Frame] = answer.json()
    return told


async def test_each_file_is_a_job_and_a_broken_one_leaves_the_others_alone(
    node: Node, http: httpx.AsyncClient
) -> None:
    """
    003-22: refused at once, failed while it is read, a duplicate, and two that are read; the batch is partial and says which.
    """
    batch_id = await create(http, collection_name="batch")
    told = await send(
        http,
        batch_id,
        ("a.pdf", pdf("the harbour tax")),
        ("b.txt", b"lemons from Murcia"),
        ("c.txt", b"lemons from Murcia"),
        ("d.pdf", pdf("page")[:-400]),
        ("e.exe", b"MZ"),
    )
    assert [one["status"] for one in told] == ["queued"] * 4 + ["failed"]
    said, code = await frames(node.url, f"/batch/{batch_id}/stream")
    assert code == 1000
    assert said[-1] == {
        "type": "batch_update",
        "batch_id": batch_id,
        "status": "partial",
        "statistics": {"total": 5, "pending": 0, "processing": 0, "completed": 3, "failed": 2},
        "progress_percentage": 100.0,
    }
    status = (await http.get(f"/batch/{batch_id}/status")).json()
    batch, documents = status["batch"], {one["filename"]: one for one in status["documents"]}
    assert (batch["total_files"], batch["processed_files"], batch["failed_files"]) == (5, 3, 2)
    assert batch["error_summary"] == "2 of 5 files failed"
    assert batch["completed_at"].endswith("Z")
    assert "damaged" in documents["d.pdf"]["error_message"]
    assert "allowed" in documents["e.exe"]["error_message"]
    assert documents["a.pdf"]["chunk_count"] == 1
    # The same bytes twice are one document, whichever of the two was faster.
    assert documents["b.txt"]["chunk_count"] + documents["c.txt"]["chunk_count"] == 1
    document = (await http.get(f"/documents/{told[0]['document_id']}")).json()
    assert document["filename"] == "a.pdf"
    parent = (await http.get(f"/v1/jobs/{batch['job_id']}")).json()
    assert (parent["state"], parent["children"]["total"]) == ("completed", 4)


async def test_files_come_in_several_calls_and_after_an_end_as_well(
    node: Node, http: httpx.AsyncClient
) -> None:
    batch_id = await create(http, collection_name="calls")
    for number in range(3):
        await send(http, batch_id, (f"{number}.txt", b"text number %d" % number))
        said, _ = await frames(node.url, f"/batch/{batch_id}/stream")
        counted = said[-1]["statistics"]
        assert (said[-1]["status"], counted["completed"]) == ("completed", number + 1)
    listed = (await http.get("/batch/list", params={"limit": 1})).json()
    assert listed["batches"][0]["id"] == batch_id
    assert listed["total"] >= 1
    assert (await http.delete(f"/batch/{batch_id}")).json()["success"] is True
    assert (await http.get(f"/batch/{batch_id}/status")).status_code == 404
    history = (await http.get("/ingest/history", params={"collection": "calls"})).json()
    assert history["total"] == 3


async def test_a_cancelled_batch_ends_at_once_and_keeps_what_is_done(idle: Node) -> None:
    async with httpx.AsyncClient(base_url=idle.url, timeout=30) as http:
        batch_id = await create(http)
        await send(http, batch_id, ("a.txt", b"one"), ("b.txt", b"two"))
        before = (await http.get(f"/batch/{batch_id}/status")).json()
        assert (before["batch"]["status"], before["statistics"]["pending"]) == ("processing", 2)
        assert before["progress_percentage"] == 0.0
        await http.post(f"/batch/{batch_id}/cancel")
        said, code = await frames(idle.url, f"/batch/{batch_id}/stream")
        assert (said[-1]["status"], said[-1]["statistics"]["failed"], code) == ("failed", 2, 1000)
        status = (await http.get(f"/batch/{batch_id}/status")).json()
        assert {one["error_message"] for one in status["documents"]} == {"cancelled"}


async def test_calls_that_come_together_are_files_of_one_job(idle: Node) -> None:
    async with httpx.AsyncClient(base_url=idle.url, timeout=30) as http:
        batch_id = await create(http, "together")
        names = [f"{number}.txt" for number in range(8)]
        await asyncio.gather(*(send(http, batch_id, (name, name.encode())) for name in names))
        batch = (await http.get(f"/batch/{batch_id}/status")).json()["batch"]
        parent = (await http.get(f"/v1/jobs/{batch['job_id']}")).json()
        assert parent["children"]["total"] == len(names)


@pytest.fixture
def host(tmp_path: Path) -> Avance:
    settings = read_settings(env={}, overrides={"data": str(tmp_path)})
    host = Avance("sqlite://:memory:", settings=settings)
    host.include(documents)
    return host


@pytest.fixture
def engine(host: Avance) -> Engine:
    # Not in the loop: it imports.
    return host.build(executes=False)


async def test_a_file_that_came_while_the_job_of_its_batch_ended_is_cancelled_with_the_batch(
    host: Avance, engine: Engine
) -> None:
    async with host.running(engine):
        batches = Batches(host.records)
        await batches.add(A_BATCH)
        await close(host, await parent_of(host, A_BATCH))
        batch = await batches.get(A_BATCH.id)
        job = await ingest.using(owner=batch.owner, job_id=A_FILE.job_id).submit(
            sources=[], collection=batch.collection, tokens=100, overlap=0, title="a.txt"
        )
        await batches.add_file(A_FILE)
        await cancel(host, batch)
        assert (await host.jobs.get(job.id)).state is State.CANCELLED
        assert (await standing(host, batch.id)).status is BatchStatus.FAILED
        with pytest.raises(Conflict, match="nothing"):
            await cancel(host, batch)


async def test_what_a_crash_left_open_is_told_as_failed_and_the_job_of_its_batch_ends(
    host: Avance, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The server dies when it has claimed a file that is to be tried again, and before it has said that no other file comes.
    """
    monkeypatch.setattr(batch_recovery, "LOST_AFTER_MS", -1_000)
    async with host.running(engine):
        batches = Batches(host.records)
        await batches.add(A_BATCH)
        parent_id = await parent_of(host, A_BATCH)
        job = await ingest.using(
            owner=A_BATCH.owner, job_id=A_FILE.job_id, parent_id=parent_id
        ).submit(sources=[], collection="late", tokens=100, overlap=0, title="a.txt")
        await batches.add_file(A_FILE)
        await batch_recovery.close_left(host)
        assert (await host.jobs.get(parent_id)).state is State.RUNNING
        await host.jobs.cancel(job.id)
        assert (await standing(host, A_BATCH.id)).status is BatchStatus.FAILED
        assert await batches.claim(A_FILE.id, job.id)
        assert (await batches.counts(A_BATCH.id)).pending == 1
        await batch_recovery.close_left(host)
        assert (await host.jobs.get(parent_id)).state is State.COMPLETED
        (file,) = await batches.failed_files(A_BATCH.id)
        tried, _ = await again(host, await batches.get(A_BATCH.id), file)
        assert tried is not None
        assert tried.job_id != job.id


async def test_batches_go_on_after_a_kill_and_have_every_file_once(
    serve: Serve, github: Archives
) -> None:
    """
    One of files, whose numbers never go back and whose limit is kept, and one whose repository was just being fetched.
    """
    limits = {
        "AVANCE_DOCUMENTS_UPLOAD_FILES_MAX": str(FILES),
        "AVANCE_DOCUMENTS_GITHUB_URL": github.url,
    }
    docks = {f"{number}.txt": b"Dock %d." % number for number in range(5)}
    github.kept["/ana/docks/zip/HEAD"] = archive(docks)
    github.was_asked.clear()
    github.gate.clear()
    first = serve(**limits)
    async with httpx.AsyncClient(base_url=first.url, timeout=120) as http:
        fetched_id = await create(http, "docks", collection_name="docks")
        page = {"repo_url": "https://github.com/ana/docks"}
        await http.post(f"/batch/{fetched_id}/github", json=page)
        await anyio.to_thread.run_sync(github.was_asked.wait, 60)
        batch_id = await create(http, collection_name="crowd")
        for start in range(0, FILES, 20):
            numbers = range(start, start + 20)
            files = [(f"{n}.txt", f"Contrato número {n} de alquiler.".encode()) for n in numbers]
            await send(http, batch_id, *files)
    first.kill()
    github.gate.set()
    second = serve(**limits)
    said, code = await frames(second.url, f"/batch/{batch_id}/stream")
    assert (said[-1]["status"], said[-1]["statistics"]["completed"], code) == (
        "completed",
        FILES,
        1000,
    )
    done = [frame["statistics"]["completed"] for frame in said]
    assert done == sorted(done)
    percents = [frame["progress_percentage"] for frame in said]
    assert percents == sorted(percents)
    async with httpx.AsyncClient(base_url=second.url, timeout=60) as http:
        history = (await http.get("/ingest/history", params={"collection": "crowd"})).json()
        assert history["total"] == FILES
        said, code = await frames(second.url, f"/batch/{fetched_id}/stream")
        assert (said[-1]["statistics"]["completed"], code) == (len(docks), 1000)
        history = (await http.get("/ingest/history", params={"collection": "docks"})).json()
        assert history["total"] == len(docks)
        again = await http.post(f"/batch/{batch_id}/upload", files=[("files", ("x.txt", b"x"))])
        assert (again.status_code, again.json()["code"]) == (422, "too_many_documents")


async def test_a_batch_belongs_to_who_made_it(guarded: Node) -> None:
    ana, ben = {"X-API-Key": "ana-key"}, {"X-API-Key": "ben-key"}
    async with httpx.AsyncClient(base_url=guarded.url, headers=ana, timeout=60) as http:
        batch_id = await create(http)
        calls = (
            http.get(f"/batch/{batch_id}/status", headers=ben),
            http.post(f"/batch/{batch_id}/upload", files={"files": ("a.txt", b"x")}, headers=ben),
            http.post(f"/batch/{batch_id}/cancel", headers=ben),
            http.delete(f"/batch/{batch_id}", headers=ben),
        )
        for answer in await asyncio.gather(*calls):
            assert (answer.status_code, answer.json()["code"]) == (404, "batch_not_found")
        assert await frames(guarded.url, f"/batch/{batch_id}/stream", **ben) == ([], 4404)
        assert await frames(guarded.url, f"/batch/{batch_id}/stream") == ([], 1008)
        listed = await http.get("/batch/list", headers=ben)
        assert listed.json() == {"batches": [], "total": 0}
