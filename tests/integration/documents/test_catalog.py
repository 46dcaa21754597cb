"""
What is kept: collections, history with its filters, tables, reading anew, removing.
"""

import asyncio
import csv
import io

import httpx2 as httpx
import pytest
from node_service import Node

from avance import Avance
from avance.app.engine import Engine
from avance.apps.documents.batches import Batch, Batches, BatchFile, FileStatus
from avance.apps.documents.catalog import Catalog
from avance.apps.documents.model import Document, Source
from avance.errors import Conflict

from .conftest import files_of, pdf
from .following import frames


async def put(http: httpx.AsyncClient, name: str, data: bytes, **fields: str) -> None:
    answer = await http.post(
        "/ingest", params={"async": "false"}, files={"file": (name, data)}, data=fields
    )
    assert answer.json()["status"] == "completed", answer.text


async def names(http: httpx.AsyncClient, **query: str) -> list[str]:
    told = (await http.get("/ingest/history", params=query)).json()
    assert told["total"] == len(told["documents"])
    return [one["filename"] for one in told["documents"]]


async def test_the_history_is_narrowed_and_saved_as_a_table(http: httpx.AsyncClient) -> None:
    """
    000-26: by name, collection, language, kind and time; as CSV a spreadsheet opens it and calculates nothing.
    """
    where = {"collection": "filters"}
    spanish = "El alquiler de la vivienda se paga por adelantado cada mes del año."
    english = b"The rent of the house is paid in advance each month of the year."
    await put(http, "contrato.txt", spanish.encode(), **where)
    await put(http, "lease.md", english, **where)
    await put(http, "=1+1.pdf", pdf("The harbour tax is due in March of each year."), **where)
    assert await names(http, **where) == ["=1+1.pdf", "lease.md", "contrato.txt"]
    assert await names(http, **where, language="es") == ["contrato.txt"]
    assert await names(http, **where, mime_type="application/pdf") == ["=1+1.pdf"]
    assert await names(http, **where, text="LEA") == ["lease.md"]
    told = (await http.get("/ingest/history", params=where)).json()["documents"]
    newest = told[0]["uploaded_at"]
    assert await names(http, **where, since=newest) == ["=1+1.pdf"]
    assert await names(http, **where, before=newest) == ["lease.md", "contrato.txt"]
    assert await names(http, **where, job_id=told[2]["job_id"]) == ["contrato.txt"]
    table = await http.get("/ingest/history.csv", params=where)
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(table.text.removeprefix("\ufeff"))))
    assert [row["filename"] for row in rows] == ["'=1+1.pdf", "lease.md", "contrato.txt"]
    assert (rows[2]["language"], rows[2]["chunks"], rows[2]["version"]) == ("es", "1", "1")


async def test_a_document_is_read_anew_and_found_meanwhile(
    node: Node, http: httpx.AsyncClient
) -> None:
    where = {"collection": "anew"}
    for policy in ("skip", "keep"):
        await put(http, f"{policy}.txt", b"lemons from Murcia", on_duplicate=policy, **where)
    (kept, first) = (await http.get("/ingest/history", params=where)).json()["documents"]
    for version, document in ((2, kept), (3, None), (2, first)):
        if document is None:
            (document,) = [
                one
                for one in (await http.get("/ingest/history", params=where)).json()["documents"]
                if one["filename"] == "keep.txt"
            ]
        job = (await http.post(f"/documents/{document['id']}/reindex")).json()
        said, _ = await frames(node.url, f"/ws/jobs/{job['job_id']}")
        assert (said[-1]["status"], said[-1]["chunks"]) == ("completed", 1)
        now = (await http.get("/ingest/history", params=where)).json()["documents"]
        assert len(now) == 2
        (again,) = [one for one in now if one["filename"] == document["filename"]]
        assert (again["version"], again["id"] == document["id"]) == (version, False)
        found = await http.post("/query", json={"query": "lemons", **where})
        assert len(found.json()["sources"]) == 2
    assert (await http.post("/documents/nothing/reindex")).status_code == 404


async def test_a_collection_that_was_built_anew_leaves_nothing_of_the_old(
    node: Node, http: httpx.AsyncClient
) -> None:
    kept = files_of(node)
    for text in ("old words", "new words"):
        body = {"documents": [{"content": text}], "force_recreate": text != "old words"}
        body["collection_name"] = "anew"
        assert (await http.post("/initialize", json=body)).json()["status"] == "success"
    shelves = (await http.get("/collections")).json()["collections"]
    (shelf,) = [one for one in shelves if one["name"] == "anew"]
    assert (shelf["documents"], shelf["chunks"]) == (1, 1)
    assert len(files_of(node) - kept) == 1


async def test_a_collection_is_shared_by_an_admin_with_every_sign_in_of_the_tenant(
    guarded: Node,
) -> None:
    """
    003-T13: uploaded in one browser, asked in another: by the same user under another sign-in, and by others once it is shared.
    """
    root, ben = {"X-API-Key": "root-key"}, {"X-API-Key": "ben-key"}
    ask = {"query": "tasa", "collection": "port"}
    async with httpx.AsyncClient(base_url=guarded.url, timeout=60) as http:
        files = {"file": ("port.txt", b"La tasa del puerto.")}
        await http.post(
            "/ingest",
            params={"async": "false"},
            files=files,
            data={"collection": "port"},
            headers=root,
        )
        token = (await http.post("/v1/tokens", json={}, headers=root)).json()["token"]
        other = await http.post("/query", json=ask, headers={"Authorization": f"Bearer {token}"})
        assert len(other.json()["sources"]) == 1
        assert (await http.post("/query", json=ask, headers=ben)).json()["sources"] == []
        body = {"is_shared": True, "hybrid_weight": 0.5}
        foreign = await http.patch("/collections/port", json=body, headers=ben)
        assert (foreign.status_code, foreign.json()["code"]) == (403, "permission_denied")
        told = (await http.patch("/collections/port", json=body, headers=root)).json()
        assert (told["is_shared"], told["hybrid_weight"], told["is_own"]) == (True, 0.5, True)
        assert len((await http.post("/query", json=ask, headers=ben)).json()["sources"]) == 1
        (seen,) = (await http.get("/collections", headers=ben)).json()["collections"]
        assert (seen["name"], seen["is_own"], seen["documents"]) == ("port", False, 1)
        wrong = await http.patch("/collections/port", json={"hybrid_weight": 2}, headers=root)
        assert wrong.status_code == 422
        missing = await http.patch("/collections/none", json={}, headers=root)
        assert (missing.status_code, missing.json()["code"]) == (404, "collection_not_found")


async def test_removing_a_collection_while_a_document_is_read_into_it_ends_that_with_a_reason(
    node: Node, http: httpx.AsyncClient
) -> None:
    where = {"collection_name": "removed"}
    pages = pdf(*[f"page {n}\n" + "words and more words\n" * 30 for n in range(60)])
    answer = await http.post("/upload", files=[("files", ("a.pdf", pdf("one")))], data=where)
    await frames(node.url, f"/ws/{answer.json()['upload_id']}")
    answer = await http.post("/upload", files=[("files", ("b.pdf", pages))], data=where)
    removed, (said, _) = await asyncio.gather(
        http.delete("/collection/removed"),
        frames(node.url, f"/ws/{answer.json()['upload_id']}"),
    )
    assert removed.status_code == 200
    assert said[-1]["status"] in ("failed", "completed")
    assert (await http.get("/health")).json()["status"] == "healthy"


async def test_what_was_begun_for_a_removed_collection_never_ends_in_another(
    host: tuple[Avance, Engine],
) -> None:
    """
    Its id is not given again, and what comes late for it is refused.
    """
    site, engine = host
    async with site.running(engine):
        catalog = Catalog(site.records)
        removed = await catalog.place("ana", None, "removed", fresh=False)
        assert await catalog.remove_collection(removed) == 0
        other = await catalog.place("ben", None, "other", fresh=False)
        assert other.collection_id != removed.collection_id
        late = Source(key="k", name="a.txt", size=1, sha256="0" * 64)
        with pytest.raises(Conflict, match="the collection removed was removed"):
            await catalog.begin(removed, "late", 0, "ana", late, "text/plain")


async def test_the_columns_of_the_tables_are_the_fields_of_the_code(
    host: tuple[Avance, Engine],
) -> None:
    """
    000-T12: every field of a document is a column, and what is written is read back.
    """
    site, engine = host
    async with site.running(engine):
        rows = await site.records.read(
            lambda rows: rows.all("SELECT name FROM pragma_table_info('documents_files')")
        )
        of_batch = await site.records.read(
            lambda rows: rows.all("SELECT name FROM pragma_table_info('documents_batch_files')")
        )
        batches = Batches(site.records)
        batch = Batch(
            id="b",
            owner="ana",
            tenant=None,
            name="n",
            description="",
            collection="documents",
            job_id=None,
            created_ms=1,
        )
        await batches.add(batch)
        file = BatchFile(
            id="f", batch_id="b", job_id="j", filename="a.txt", file_size=1, created_ms=1
        )
        await batches.add_file(file)
        await batches.tell("j", FileStatus.COMPLETED, chunks=7)
        (kept,) = await batches.files("b", 10, 0)
    assert set(Document.__struct_fields__) <= {row[0] for row in rows}
    assert set(BatchFile.__struct_fields__) == {row[0] for row in of_batch}
    assert (kept.chunk_count, kept.status) == (7, FileStatus.COMPLETED)
