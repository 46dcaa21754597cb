"""
docs/contract/uploads.md from outside.
"""

import asyncio
import json
import re
from collections.abc import Callable
from itertools import groupby
from uuid import uuid4

import httpx2 as httpx
import pytest
from node_service import Node
from websockets.asyncio.client import connect

from .conftest import pdf
from .following import Frame, frames
from .test_tus import announce, ended, offset, send

Serve = Callable[..., Node]
STAGES = ["received", "extracting", "chunking", "enriching", "indexing", "completed"]
PARAGRAPH = "La lluvia en Sevilla es una pura maravilla, según dicen los que la esperan. "


def document(chunks: int) -> str:
    """
    A text that is cut into so many passages of the size that this contract has.
    """
    return "\n\n".join(f"Capítulo {n}. " + PARAGRAPH * 35 for n in range(chunks))


async def upload(http: httpx.AsyncClient, *texts: str, **more: object) -> str:
    documents = [{"content": text, "source": f"{n}.txt"} for n, text in enumerate(texts)]
    answer = await http.post("/upload", json={"documents": documents, **more})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["upload_id"])


async def test_the_answer_comes_at_once_with_an_id_and_a_number_as_time(
    http: httpx.AsyncClient,
) -> None:
    """
    003-01, 003-02, 003-18, 003-T17: a whole number here, an ISO text with the offset on the socket.
    """
    body = {
        "collection_name": "rag_documents",
        "documents": [{"content": "hola", "source": "manual.txt", "metadata": {}}],
        "force_recreate": False,
    }
    told = (await http.post("/upload", json=body)).json()
    assert set(told) == {"upload_id", "status", "message", "timestamp"}
    assert told["status"] == "received"
    assert told["message"] == "Upload received. Total documents: 1"
    assert isinstance(told["timestamp"], int)


async def test_every_stage_and_every_passage_is_told_in_order(
    node: Node, http: httpx.AsyncClient
) -> None:
    """
    003-T1, 003-T2, 003-T3, 003-T4, 003-T17, 003-04, 003-05, 003-06, 003-09, 003-10, 003-13: nothing is lost by connecting late.
    """
    upload_id = await upload(http, document(20), collection_name="stages")
    live, code = await frames(node.url, f"/ws/{upload_id}")
    late, late_code = await frames(node.url, f"/ws/{upload_id}")
    assert (code, late_code) == (1000, 1000)
    for said in (live, late):
        assert [stage for stage, _ in groupby(said, key=lambda one: one["status"])] == STAGES
        percents = [frame["progress_percent"] for frame in said]
        assert percents == sorted(percents)
        assert (percents[0], percents[-1]) == (0.0, 100.0)
    for stage in ("chunking", "enriching", "indexing"):
        counted = [frame["current_chunk"] for frame in live if frame["status"] == stage]
        assert [n for n, _ in groupby(counted)] == list(range(21))
    assert {
        "upload_id": upload_id,
        "status": "chunking",
        "progress_percent": 25.0,
        "current_chunk": 5,
        "total_chunks": 20,
        "message": "Chunking documents...",
    } in [{key: value for key, value in one.items() if key != "timestamp"} for one in live]
    assert all(isinstance(frame["progress_percent"], float) for frame in live)
    assert "type" not in live[0]
    assert all(re.search(r"\.\d{6}\+00:00$", frame["timestamp"]) for frame in live)
    metrics = live[-1]["metrics"]
    assert (metrics["total_documents"], metrics["total_chunks"]) == (1, 20)


async def test_the_state_of_an_upload_is_the_frame_of_its_socket(
    node: Node, http: httpx.AsyncClient
) -> None:
    upload_id = await upload(http, "una frase", collection_name="state")
    said, _ = await frames(node.url, f"/ws/{upload_id}")
    assert (await http.get(f"/upload/{upload_id}")).json() == said[-1]
    unknown = await http.get(f"/upload/{uuid4()}")
    assert unknown.status_code == 404
    assert set(unknown.json()) >= {"error", "detail", "timestamp"}


async def test_files_and_texts_of_one_upload_are_one_job(
    node: Node, http: httpx.AsyncClient
) -> None:
    """
    003-T11, 003-12: a PDF is read on the server; nothing binary becomes a passage.
    """
    files = [
        ("files", ("tax.pdf", pdf("the harbour tax is due in March"))),
        ("files", ("notes.md", b"# Notes\n\nlemons from Murcia")),
    ]
    answer = await http.post("/upload", files=files, data={"collection_name": "files"})
    assert answer.json()["message"] == "Upload received. Total documents: 2"
    said, _ = await frames(node.url, f"/ws/{answer.json()['upload_id']}")
    assert said[-1]["metrics"]["total_documents"] == 2
    ask = {"query": "harbour tax", "collection_name": "files"}
    found = (await http.post("/search", json=ask)).json()
    assert found["documents"][0]["source"] == "tax.pdf"
    assert found["documents"][0]["content"].strip() == "the harbour tax is due in March"
    assert found["count"] == len(found["documents"]) == 1


async def test_a_failed_upload_keeps_its_percent_and_says_why(
    node: Node, http: httpx.AsyncClient
) -> None:
    """
    003-12, 003-T7
    """
    files = [("files", ("broken.pdf", pdf("page")[:-400]))]
    answer = await http.post("/upload", files=files, data={"collection_name": "broken"})
    said, code = await frames(node.url, f"/ws/{answer.json()['upload_id']}")
    assert (said[-1]["status"], code) == ("failed", 1000)
    assert "damaged" in said[-1]["error"]
    assert said[-1]["progress_percent"] == said[-2]["progress_percent"]


async def test_a_client_may_leave_and_come_back(node: Node, http: httpx.AsyncClient) -> None:
    """
    003-T9: five times, at different moments; what it saw together has no gap, and no bar ever drops.
    """
    upload_id = await upload(http, document(24), collection_name="leaving")
    seen: list[Frame] = []
    url = f"{node.url.replace('http', 'ws', 1)}/ws/{upload_id}"
    for count in (1, 3, 9, 20, 40):
        async with connect(url) as socket:
            heard = [json.loads(await socket.recv()) for _ in range(count)]
            # A cut, not a good-bye, for which the client would first have to hear all that is on its way.
            socket.transport.abort()
        percents = [frame["progress_percent"] for frame in heard]
        assert percents == sorted(percents)
        seen += heard
    whole, code = await frames(node.url, f"/ws/{upload_id}")
    assert code == 1000
    assert [stage for stage, _ in groupby(whole, key=lambda one: one["status"])] == STAGES
    assert {frame["status"] for frame in seen} <= set(STAGES)


async def test_an_upload_that_nobody_may_see_is_closed_as_unknown(guarded: Node) -> None:
    """
    003-T8
    """
    ana, ben = {"X-API-Key": "ana-key"}, {"X-API-Key": "ben-key"}
    async with httpx.AsyncClient(base_url=guarded.url, headers=ana, timeout=60) as http:
        upload_id = await upload(http, "hola")
        said, code = await frames(guarded.url, f"/ws/{upload_id}", **ana)
        assert (said[-1]["status"], code) == ("completed", 1000)
        assert await frames(guarded.url, f"/ws/{upload_id}", **ben) == ([], 4404)
        assert await frames(guarded.url, f"/ws/{uuid4()}", **ana) == ([], 4404)
        assert await frames(guarded.url, "/ws/no-uuid", **ana) == ([], 4404)
        foreign = await http.get(f"/upload/{upload_id}", headers=ben)
        assert foreign.status_code == 404


async def test_a_restart_forgets_nothing(serve: Serve) -> None:
    """
    003-T12, 003-T16, 003-21: killed in the middle of an upload and of a file that is still arriving; another on the same data ends both, and
    answers at once from what was kept.
    """
    part = b"palabra " * 25_000
    first = serve()
    async with httpx.AsyncClient(base_url=first.url, timeout=60) as http:
        done = await upload(http, "El puerto cobra una tasa de atraque en marzo.")
        await frames(first.url, f"/ws/{done}")
        arriving = await announce(http, 2 * len(part), collection="arriving")
        await send(http, arriving, 0, part)
        cut = await upload(http, document(40))
        async with connect(f"{first.url.replace('http', 'ws', 1)}/ws/{cut}") as socket:
            async for text in socket:
                if json.loads(text)["status"] == "enriching":
                    break
            first.kill()
    second = serve()
    async with httpx.AsyncClient(base_url=second.url, timeout=60) as http:
        asked = {"question": "¿Cuándo se cobra la tasa del puerto?", "language": "es"}
        answer = (await http.post("/question", json=asked)).json()
        assert answer["sources"] == ["0.txt"]
        said, code = await frames(second.url, f"/ws/{cut}")
        assert (said[-1]["status"], code) == ("completed", 1000)
        percents = [frame["progress_percent"] for frame in said]
        assert percents == sorted(percents)
        stats = (await http.get("/stats")).json()
        assert (stats["total_documents"], stats["total_chunks"]) == (2, 41)
        assert await offset(http, arriving) == len(part)
        await send(http, arriving, len(part), part)
        assert (await ended(http, arriving.rpartition("/")[2]))["state"] == "completed"


async def test_many_uploads_at_once_are_answered_before_they_are_read(
    node: Node, http: httpx.AsyncClient
) -> None:
    """
    003-T15, 003-03: thirty at once, none waits for another to be read.
    """
    ids = await asyncio.gather(
        *(upload(http, f"texto número {n}", collection_name="many") for n in range(30))
    )
    ends = await asyncio.gather(*(frames(node.url, f"/ws/{upload_id}") for upload_id in ids))
    assert {said[-1]["status"] for said, _ in ends} == {"completed"}


async def test_a_rebuilt_collection_takes_the_place_of_the_old_one_at_the_end(
    node: Node, http: httpx.AsyncClient
) -> None:
    ask = {"query": "tasa", "collection_name": "rebuilt"}
    await frames(node.url, f"/ws/{await upload(http, 'tasa vieja', collection_name='rebuilt')}")
    broken = [("files", ("broken.pdf", pdf("page")[:-400]))]
    fields = {"collection_name": "rebuilt", "force_recreate": "true"}
    answer = await http.post("/upload", files=broken, data=fields)
    said, _ = await frames(node.url, f"/ws/{answer.json()['upload_id']}")
    assert said[-1]["status"] == "failed"
    found = (await http.post("/search", json=ask)).json()
    assert [one["content"] for one in found["documents"]] == ["tasa vieja"]
    fresh = await upload(http, "tasa nueva", collection_name="rebuilt", force_recreate=True)
    await frames(node.url, f"/ws/{fresh}")
    found = (await http.post("/search", json=ask)).json()
    assert [one["content"] for one in found["documents"]] == ["tasa nueva"]
    gone = (await http.delete("/collection/rebuilt")).json()
    assert gone["success"] is True
    assert (await http.post("/search", json=ask)).json()["count"] == 0


@pytest.mark.parametrize(
    "body",
    [
        {"documents": []},
        {"documents": [{"content": 5}]},
        {"documents": [{"content": "x"}], "collection_name": "../up"},
        {"documents": [{"content": "x"}], "collection_name": "x" * 64},
        {"documents": [{"content": "  "}]},
        {},
    ],
)
async def test_what_cannot_be_taken_is_answered_in_the_words_of_the_contract(
    body: dict[str, object], http: httpx.AsyncClient
) -> None:
    answer = await http.post("/upload", json=body)
    assert answer.status_code == 422
    assert set(answer.json()) >= {"error", "detail", "timestamp"}


async def test_initialize_answers_when_everything_is_read(http: httpx.AsyncClient) -> None:
    body = {"documents": [{"content": "uno"}, {"content": "dos"}], "collection_name": "sync"}
    told = (await http.post("/initialize", json=body)).json()
    assert (told["status"], told["total_documents"], told["total_chunks"]) == ("success", 2, 2)


async def test_several_questions_are_answered_in_order(http: httpx.AsyncClient) -> None:
    await http.post(
        "/initialize",
        json={"documents": [{"content": "El tren sale a las siete."}], "collection_name": "train"},
    )
    asked = [
        {"question": "¿cuándo sale el tren?", "collection_name": "train", "language": "es"},
        {"question": "zeppelin", "collection_name": "train", "query_type": "specific"},
    ]
    first, second = (await http.post("/batch-questions", json=asked)).json()
    assert first["documents_used"] == 1
    assert (second["documents_used"], second["query_type"]) == (0, "specific")
    wrong = await http.post("/question", json={"question": "x", "query_type": "odd"})
    assert (wrong.status_code, wrong.json()["error"]) == (422, "invalid_request")


async def test_the_text_close_ends_the_socket(idle: Node) -> None:
    async with httpx.AsyncClient(base_url=idle.url, timeout=60) as http:
        upload_id = await upload(http, "hola")
    async with connect(f"{idle.url.replace('http', 'ws', 1)}/ws/{upload_id}") as socket:
        first = json.loads(await socket.recv())
        await socket.send("close")
        rest = [text async for text in socket]
    assert (first["status"], rest, socket.close_code) == ("received", [], 1000)
