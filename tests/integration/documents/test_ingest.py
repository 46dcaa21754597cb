"""
docs/contract/ingest.md from outside: a real server, real files, the socket as a browser hears it.
"""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import httpx2 as httpx
import pytest
from node_service import Node
from websockets.asyncio.client import connect

from .conftest import files_of, pdf
from .following import Frame, bare, frames

TEXT = "La factura de enero vence el día quince.\n\nEl niño comió piñones en la montaña.\n"


async def ingest(
    http: httpx.AsyncClient, name: str, data: bytes, **fields: str
) -> dict[str, object]:
    answer = await http.post("/ingest", files={"file": (name, data)}, data=fields)
    assert answer.status_code == 200, answer.text
    told: dict[str, object] = answer.json()
    return told


async def ended(http: httpx.AsyncClient, job_id: object) -> Frame:
    said, code = await frames(str(http.base_url).rstrip("/"), f"/ws/jobs/{job_id}")
    assert code == 1000
    return said[-1]


def course(job_id: object, *last: Frame) -> list[Frame]:
    update = {"type": "job_update", "job_id": job_id}
    return [
        {"type": "connected", "job_id": job_id},
        {**update, "status": "queued"},
        {**update, "status": "processing"},
        {**update, "status": "processing", "step": "parsing"},
        {**update, "status": "processing", "step": "indexing"},
        *({**update, **one} for one in last),
    ]


async def test_nothing_is_lost_between_the_answer_and_the_socket(
    node: Node, http: httpx.AsyncClient
) -> None:
    """
    000-T1, 000-09, 000-08, 000-10, 000-11, 000-07, 000-29, 000-31: the job has ended before anybody listens.
    """
    job = await ingest(http, "a.txt", b"x", collection="early")
    first, code = await frames(node.url, f"/ws/jobs/{job['job_id']}")
    late, late_code = await frames(node.url, f"/ws/jobs/{job['job_id']}")
    expected = course(job["job_id"], {"status": "completed", "chunks": 1})
    assert [bare(frame) for frame in late] == expected
    assert [bare(frame) for frame in first] == expected
    assert (code, late_code) == (1000, 1000)


async def test_queued_is_always_seen(idle: Node) -> None:
    """
    000-T2, 000-13: nobody works, and a client sees `queued`; a worker in a process of its own starts, and the rest follows.
    """
    async with httpx.AsyncClient(base_url=idle.url, timeout=60) as http:
        job = await ingest(http, "a.txt", TEXT.encode(), collection="seen")
    async with connect(f"{idle.url.replace('http', 'ws', 1)}/ws/jobs/{job['job_id']}") as socket:
        said = [json.loads(await socket.recv()) for _ in range(2)]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                said.append(json.loads(await socket.recv()))
        worker = await asyncio.create_subprocess_exec(
            *(Path(sys.executable).with_name("avance"), "worker", "--data", idle.data),
            env={**os.environ, "AVANCE_PROCESSES": "0"},
            stdout=subprocess.DEVNULL,
        )
        try:
            said += [json.loads(text) async for text in socket]
        finally:
            worker.terminate()
            await worker.wait()
    last = {"status": "completed", "chunks": 1}
    assert [bare(frame) for frame in said] == course(job["job_id"], last)


async def test_a_pdf_a_docx_and_markdown_are_found_again_by_their_words(
    http: httpx.AsyncClient,
) -> None:
    """
    000-23, 000-26: each kind of file is read, and the answer names file and page.
    """
    pages = ["first page about lemons", "second page about the harbour tax"]
    markdown = "# Guía\n\nLos contratos vencen en marzo.\n"
    for name, data in (("tax.pdf", pdf(*pages)), ("guide.md", markdown.encode())):
        job = await ingest(http, name, data, collection="kinds")
        assert (await ended(http, job["job_id"]))["status"] == "completed"
    ask = {"query": "harbour taxes", "language": "en", "collection": "kinds"}
    found = (await http.post("/query", json=ask)).json()
    first = found["sources"][0]
    assert (first["source"], first["page"]) == ("tax.pdf", 2)
    assert found["citations"] == found["sources"]
    assert found["metadata"] == {"model": "passages", "sources": 1, "language": "en"} | {
        "ranking": "words",
        "retrieval": "similarity",
    }
    ask = {"question": "¿Cuándo vence un contrato?", "collection": "kinds"}
    found = (await http.post("/query", json=ask)).json()
    assert [one["source"] for one in found["sources"]] == ["guide.md"]
    assert found["answer"].startswith("No hay un modelo configurado")


async def test_a_duplicate_is_not_an_error(node: Node, http: httpx.AsyncClient) -> None:
    """
    000-T8: the same bytes again end `completed` with `duplicate`, on the socket, in the status and in the sync answer.
    """
    first = await ingest(http, "a.txt", TEXT.encode(), collection="twice")
    await ended(http, first["job_id"])
    again = await ingest(http, "b.txt", TEXT.encode(), collection="twice")
    last = await ended(http, again["job_id"])
    assert (last["status"], last["duplicate"], last["chunks"]) == ("completed", True, 0)
    status = (await http.get(f"/ingest/status/{again['job_id']}")).json()
    assert (status["status"], status["duplicate"]) == ("completed", True)
    assert status["duplicate_of"] == last["duplicate_of"]
    sync = await http.post(
        "/ingest",
        params={"async": "false"},
        files={"file": ("c.txt", TEXT.encode())},
        data={"collection": "twice"},
    )
    assert sync.json()["duplicate_of"] == last["duplicate_of"]
    assert sync.json()["message"] == "c.txt is there already"


async def test_the_same_bytes_at_once_become_one_document(http: httpx.AsyncClient) -> None:
    jobs = await asyncio.gather(
        *(ingest(http, f"{n}.txt", TEXT.encode(), collection="race") for n in range(5))
    )
    ends = await asyncio.gather(*(ended(http, job["job_id"]) for job in jobs))
    assert sorted("duplicate" in end for end in ends) == [False, True, True, True, True]
    history = (await http.get("/ingest/history", params={"collection": "race"})).json()
    assert history["total"] == 1


async def test_a_sync_answer_has_the_result_and_a_row_in_the_history(
    http: httpx.AsyncClient,
) -> None:
    """
    000-14, 000-26, 000-T11: the name as it was uploaded, whatever the id is made of.
    """
    name = "informe año 2025 (final).txt"
    files = {"file": (name, b"una frase")}
    answer = await http.post(
        "/ingest", params={"async": "false"}, files=files, data={"collection": "at-once"}
    )
    assert answer.json() == {"file": name, "chunks": 1, "chunk_count": 1, "status": "completed"}
    history = (await http.get("/ingest/history", params={"collection": "at-once"})).json()
    assert history["total"] == 1
    row = history["documents"][0]
    assert (row["filename"], row["chunks"]) == (name, 1)
    document = (await http.get(f"/documents/{row['id']}")).json()
    assert document["chunk_count"] == 1
    assert document["chunks"][0]["text"] == "una frase"
    gone = (await http.delete(f"/documents/{row['id']}")).json()
    assert gone == {"success": True, "message": f"{name} was removed", "deleted_count": 1}
    assert (await http.get(f"/documents/{row['id']}")).status_code == 404
    asked = await http.post("/query", json={"query": "frase", "collection": "at-once"})
    assert asked.json()["sources"] == []


@pytest.mark.parametrize(
    ("name", "data", "status", "code"),
    [
        ("a.exe", b"MZ", 400, "extension_not_allowed"),
        ("a.txt", b"", 400, "document_empty"),
        ("a.pdf", b"no pdf at all", 400, "document_mislabelled"),
        ("a.docx", b"PK\x03\x04 broken", 400, "document_damaged"),
        ("../../etc/passwd.txt", b"text", 200, None),
    ],
)
async def test_what_the_first_bytes_show_is_refused_at_once(
    name: str, data: bytes, status: int, code: str | None, http: httpx.AsyncClient
) -> None:
    answer = await http.post(
        "/ingest", files={"file": (name, data)}, data={"collection": "refused"}
    )
    assert answer.status_code == status
    assert answer.json().get("code") == code
    if code is None:
        assert answer.json()["file"] == "passwd.txt"
    else:
        assert answer.json()["detail"]


async def test_what_only_parsing_shows_is_a_failed_job_with_its_reason(
    node: Node, http: httpx.AsyncClient
) -> None:
    broken = pdf("page")[:-400]
    job = await ingest(http, "broken.pdf", broken, collection="refused")
    said, code = await frames(node.url, f"/ws/jobs/{job['job_id']}")
    assert (said[-1]["status"], code) == ("failed", 1000)
    assert "damaged" in said[-1]["error"]
    status = (await http.get(f"/ingest/status/{job['job_id']}")).json()
    assert (status["status"], status["error"]) == ("failed", said[-1]["error"])
    assert (await http.get("/health")).json()["status"] == "healthy"


async def test_too_large_a_file_is_refused_while_it_streams(idle: Node) -> None:
    """
    000-T10
    """
    kept = files_of(idle)
    async with httpx.AsyncClient(base_url=idle.url, timeout=60) as http:
        answer = await http.post("/ingest", files={"file": ("a.txt", b"x" * 5_000)})
    assert answer.status_code == 413
    assert files_of(idle) == kept


async def test_a_ping_is_answered_and_rubbish_is_not_fatal(idle: Node) -> None:
    """
    000-06, 000-18, and a cancel that reads failed with that word.
    """
    async with httpx.AsyncClient(base_url=idle.url, timeout=60) as http:
        job = await ingest(http, "a.txt", b"x")
        url = f"{idle.url.replace('http', 'ws', 1)}/ws/jobs/{job['job_id']}"
        async with connect(url) as socket:
            for _ in range(2):
                await socket.recv()
            for text in ("{rubbish", "ping", '{"type":"ping"}', '{"action":"ping"}'):
                await socket.send(text)
            pongs = [json.loads(await socket.recv()) for _ in range(3)]
            await http.post(f"/v1/jobs/{job['job_id']}/cancel")
            last = json.loads(await socket.recv())
        status = (await http.get(f"/ingest/status/{job['job_id']}")).json()
    assert pongs == [{"type": "pong"}] * 3
    assert (last["status"], last["error"]) == ("failed", "cancelled")
    assert (status["status"], status["error"]) == ("failed", "cancelled")


async def test_several_clients_of_a_job_hear_the_same(node: Node, http: httpx.AsyncClient) -> None:
    """
    000-01, 000-04, 000-05, 000-37: a real server, and eight sockets as browsers open them.
    """
    job = await ingest(http, "a.txt", (TEXT * 400).encode(), collection="many")
    heard = await asyncio.gather(*(frames(node.url, f"/ws/jobs/{job['job_id']}") for _ in range(8)))
    assert all(one == heard[0] for one in heard)
    assert heard[0][0][-1]["status"] == "completed"


async def test_the_socket_needs_the_rights_of_the_call(guarded: Node) -> None:
    """
    000-T7
    """
    ana, ben = {"X-API-Key": "ana-key"}, {"X-API-Key": "ben-key"}
    async with httpx.AsyncClient(base_url=guarded.url, timeout=60) as http:
        assert (await http.post("/ingest", files={"file": ("a.txt", b"x")})).status_code == 401
        answer = await http.post("/ingest", files={"file": ("a.txt", b"x")}, headers=ana)
        job_id = answer.json()["job_id"]
        said, code = await frames(guarded.url, f"/ws/jobs/{job_id}", **ana)
        assert (said[-1]["status"], code) == ("completed", 1000)
        assert await frames(guarded.url, f"/ws/jobs/{job_id}") == ([], 1008)
        assert await frames(guarded.url, f"/ws/jobs/{job_id}", **ben) == ([], 4404)
        foreign = await http.get(f"/ingest/status/{job_id}", headers=ben)
        assert foreign.status_code == 404
        history = (await http.get("/ingest/history", headers=ana)).json()
        document = history["documents"][0]["id"]
        for method in ("GET", "DELETE"):
            refused = await http.request(method, f"/documents/{document}", headers=ben)
            assert refused.status_code == 404
        asked = await http.post("/query", json={"query": "x"}, headers=ben)
        assert asked.json()["sources"] == []


async def test_an_unknown_job_is_closed_without_a_word(node: Node) -> None:
    assert await frames(node.url, "/ws/jobs/5b0e1f9c-8b4e-4f7a-9a55-1d2f6c7e8a90") == ([], 4404)


async def test_the_health_of_the_contract(http: httpx.AsyncClient) -> None:
    """
    000-15
    """
    health = (await http.get("/health")).json()
    assert health["status"] == "healthy"
    assert health["timestamp"].endswith("Z")


@pytest.mark.parametrize("text", ["", "   ", "x" * 4_001])
async def test_a_question_is_never_cut_silently(text: str, http: httpx.AsyncClient) -> None:
    answer = await http.post("/query", json={"query": text})
    assert answer.status_code == 422
    assert answer.json()["detail"]
