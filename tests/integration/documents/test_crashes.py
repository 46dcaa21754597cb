"""
A server that is killed in every phase: the work goes on, and nothing is indexed twice.
"""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import httpx2 as httpx
import pytest
from msgspec import to_builtins
from node_service import Node
from websockets.asyncio.client import connect

from avance import Avance, Job, State
from avance.app.engine import Engine
from avance.apps.documents.catalog import Catalog
from avance.apps.documents.http.files import keep_text
from avance.apps.documents.leftovers import forget
from avance.apps.documents.model import OnDuplicate, Source
from avance.apps.documents.pipeline import Ingestion
from avance.apps.documents.tasks import ingest
from avance.apps.documents.text.strategies import Cutting

from .conftest import files_of, pdf
from .following import frames

Serve = Callable[..., Node]
PAGES = 70


@pytest.mark.parametrize("stages", [("extracting", "chunking"), ("enriching", "indexing")])
async def test_killed_in_a_phase_and_again_in_the_next_it_ends_once(
    serve: Serve, stages: Sequence[str]
) -> None:
    """
    003-T16, 000-T6: two kills are two lost attempts; the third ends the upload, and what is found is there once.
    """
    data = pdf(*[f"page {n} of the lease\n" + "words and more words\n" * 45 for n in range(PAGES)])
    upload_id = ""
    for stage in stages:
        node = serve()
        if not upload_id:
            async with httpx.AsyncClient(base_url=node.url, timeout=60) as http:
                answer = await http.post("/upload", files=[("files", ("long.pdf", data))])
                upload_id = answer.json()["upload_id"]
        async with connect(f"{node.url.replace('http', 'ws', 1)}/ws/{upload_id}") as socket:
            async for text in socket:
                if json.loads(text)["status"] == stage:
                    break
            node.kill()
    last = serve()
    said, code = await frames(last.url, f"/ws/{upload_id}")
    assert (said[-1]["status"], code) == ("completed", 1000)
    percents = [frame["progress_percent"] for frame in said]
    assert percents == sorted(percents)
    # The same job in the words of ingest: a killed attempt is nothing that its reader hears of.
    steps, _ = await frames(last.url, f"/ws/jobs/{upload_id}")
    assert [one.get("step") or one["status"] for one in steps[1:]] == [
        *("queued", "processing", "parsing", "indexing", "completed"),
    ]
    async with httpx.AsyncClient(base_url=last.url, timeout=60) as http:
        history = (await http.get("/ingest/history")).json()
        (document,) = history["documents"]
        assert document["chunks"] == said[-1]["metrics"]["total_chunks"]
        pieces = (await http.get(f"/documents/{document['id']}")).json()["chunks"]
        assert [one["chunk_index"] for one in pieces] == list(range(document["chunks"]))
        body = {"query": f"page {PAGES - 1} lease", "k": 100}
        found = (await http.post("/search", json=body)).json()
        assert found["count"] <= document["chunks"]
        contents = [(one["content"], one["metadata"]["page"]) for one in found["documents"]]
        assert len(set(contents)) == len(contents)


@pytest.mark.parametrize("policy", list(OnDuplicate))
async def test_a_job_that_was_killed_after_its_last_write_answers_what_it_wrote(
    host: tuple[Avance, Engine], policy: OnDuplicate
) -> None:
    """
    The same work of the same job again, as after a report that was lost: neither a duplicate of itself nor a second copy.
    """
    site, engine = host

    @site.task
    async def twice(job: Job) -> list[dict[str, Any]]:
        catalog, results = Catalog(site.records), []
        source = await keep_text(site, job.id, 0, "El tren sale a las siete.", "tren.txt", {})
        for _ in range(2):
            place = await catalog.place("ana", None, "documents", fresh=False)
            ingestion = Ingestion(
                site,
                job,
                place=place,
                owner="ana",
                cutting=Cutting(tokens=512, overlap=80),
                policy=policy,
                fresh=False,
            )
            results.append(await ingestion.run([source]))
        return results

    async with site.running(engine):
        handle = await twice.using(owner="ana").submit()
        first, again = await handle.result(timeout_s=30)
        assert (first["chunks"], first["duplicates"]) == (1, [])
        for result in (first, again):
            del result["metrics"]["processing_time_ms"]
        assert again == first
        _, total = await Catalog(site.records).documents("ana")
        assert total == 1


async def test_the_file_of_a_failed_job_stays_for_another_try_and_then_goes(
    host: tuple[Avance, Engine],
) -> None:
    site, engine = host
    async with site.running(engine):
        key = "documents/5b0e1f9c-8b4e-4f7a-9a55-1d2f6c7e8a90/0"
        source = Source(key=key, name="broken.pdf", size=9, sha256="0")

        async def bytes_of() -> AsyncIterator[bytes]:
            yield b"%PDF-1.7\n"

        await site.blobs.put(key, bytes_of(), bytes_max=100)
        handle = await ingest.using(owner="ana").submit(
            sources=[to_builtins(source)],
            collection="documents",
            tokens=512,
            overlap=80,
            title="broken.pdf",
        )
        assert (await handle.wait(timeout_s=30)).state is State.FAILED
        assert await forget(site) == 0
        assert await site.blobs.info(key) is not None
        await site.records.write(
            lambda changes: changes.run("UPDATE documents_leftovers SET since_ms = 0")
        )
        assert await forget(site) == 1
        assert await site.blobs.info(key) is None


async def test_files_that_no_document_needs_are_gone(serve: Serve) -> None:
    """
    Of a duplicate, and of a document that was replaced or removed.
    """
    node = serve()
    async with httpx.AsyncClient(base_url=node.url, timeout=60) as http:
        for policy in ("skip", "skip", "replace", "keep", "keep"):
            answer = await http.post(
                "/ingest",
                params={"async": "false"},
                files={"file": ("a.txt", b"the same words")},
                data={"on_duplicate": policy},
            )
            assert answer.json()["status"] == "completed"
        history = (await http.get("/ingest/history")).json()
        assert (history["total"], len(files_of(node))) == (3, 3)
        await http.delete("/documents")
    assert files_of(node) == set()
