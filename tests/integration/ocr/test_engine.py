"""
An engine elsewhere: a real HTTP server that answers by callback. docs/contract/ocr.md, 3.3.
"""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator

import anyio
import anyio.to_thread
import httpx2 as httpx
import pytest
from node_service import Node
from tests.integration.ocr.conftest import ALONE, ended, tab
from tests.integration.ocr.outside import Engine

SECRET = "a secret that engine and server share"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    made = Engine()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.05,))
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture(scope="module")
def running(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    env = ALONE | {
        "AVANCE_OCR_ENGINE": "external",
        "OCR_ORCHESTRATOR_URL": engine.url,
        "CALLBACK_BASE_URL": "http://127.0.0.1:1",
        "OCR_ENGINE_SECRET": SECRET,
        "OCR_ALLOWED_HOSTS": "files.example.org",
    }
    directory = tmp_path_factory.mktemp("engine")
    with Node("", directory, directory / "data", env=env) as node:
        yield node


@pytest.fixture
def server(running: Node, engine: Engine) -> Node:
    engine.requests.clear()
    return running


def signed(body: bytes, at_s: float) -> dict[str, str]:
    stamp = str(int(at_s))
    mac = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Avance-Timestamp": stamp, "X-Avance-Signature": f"sha256={mac}"}


async def submitted(http: httpx.AsyncClient, *ids: str) -> None:
    documents = [
        {
            "file_name": "card.jpg",
            "file_url": "https://files.example.org/card.jpg",
            "platform_document_id": one,
        }
        for one in ids
    ]
    body = {"owner_user_name": "Ana", "documents": documents}
    answer = await http.post("/api/ocr/process-documents", json=body)
    assert answer.status_code == 200, answer.text
    assert [one["id"] for one in answer.json()["data"]["documents"]] == list(ids)


async def test_a_callback_is_authentic_final_and_told_once(server: Node, engine: Engine) -> None:
    """004-02 004-03 004-T6 004-T11 004-T14: the engine answers when it likes; wrong, old and contradicting callbacks change nothing."""
    path = "/api/ocr/callback"
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as http, tab(server) as page:
        await page.subscribe()
        await submitted(http, "doc-1", "doc-2", "doc-3")
        asked = await anyio.to_thread.run_sync(engine.take, 1)
        token = asked["url_response"].partition("?")[2]
        assert [one["platform_document_id"] for one in asked["documents"]] == [
            "doc-1",
            "doc-2",
            "doc-3",
        ]
        headers, sent = engine.requests[0]
        assert (
            headers["X-Avance-Signature"]
            == signed(sent, int(headers["X-Avance-Timestamp"]))["X-Avance-Signature"]
        )
        for document in ("doc-1", "doc-2", "doc-3"):
            await page.until(documentId=document, status="processing")

        flat = {
            "platform_document_id": "doc-1",
            "final_decision": "APPROVED",
            "document_type": "Pasaporte",
            "processing_status": "COMPLETED",
            "data_structure": {"nombre_completo": "Ana Rojas"},
            "observations": [{"rule": "age", "capa": "warning", "razon": "old"}],
        }
        body = json.dumps(flat).encode()
        now = time.time()
        for query, more in (
            ("", {}),
            ("?token=guessed", {}),
            ("", {**signed(body, now), "X-Avance-Signature": "sha256=00"}),
            ("", signed(body, now - 301)),
            ("", signed(body + b" ", now)),
        ):
            refused = await http.post(path + query, content=body, headers=more)
            assert refused.status_code == 401, refused.text
        assert await page.answered() == []

        for _ in range(2):
            done = await http.post(path, content=body, headers=signed(body, now))
            assert done.status_code == 200, done.text
            assert done.json()["status"] == "completed"
        told = await page.next()
        assert told["ocrResult"]["confidence"] == 95
        assert told["ocrResult"]["fields"] == {"nombre_completo": "Ana Rojas"}
        assert told["observations"] == [{"rule": "age", "severity": "warning", "reason": "old"}]
        assert await page.answered() == []
        other = json.dumps({**flat, "final_decision": "REJECTED"}).encode()
        assert (await http.post(f"{path}?{token}", content=other)).status_code == 409
        assert await page.answered() == []

        batch = {
            "requestId": asked["requestId"],
            "documents": [
                {
                    "platform_document_id": "doc-2",
                    "status": "completed",
                    "result": {
                        "success": True,
                        "confidence": 0.87,
                        "text": "HOLA",
                        "language": "es",
                    },
                },
                {"platform_document_id": "doc-3", "status": "failed", "error": "blurred"},
            ],
        }
        assert (await http.post(f"{path}?{token}", json=batch)).status_code == 200
        second = await page.until(documentId="doc-2", status="completed")
        assert second["ocrResult"]["confidence"] == 87
        assert second["ocrResult"]["extractedText"] == "HOLA"
        assert (await page.until(documentId="doc-3"))["error"] == "blurred"
        unknown = {**flat, "platform_document_id": "nobody"}
        body = json.dumps(unknown).encode()
        assert (await http.post(path, content=body, headers=signed(body, now))).status_code == 404
        nameless = json.dumps({"final_decision": "APPROVED"}).encode()
        assert (
            await http.post(path, content=nameless, headers=signed(nameless, now))
        ).status_code == 400


async def test_a_silent_engine_ends_somewhere(engine: Engine, serve: Callable[..., Node]) -> None:
    """004-T16: failed with expired, and told."""
    engine.requests.clear()
    server = serve(
        AVANCE_OCR_ENGINE="external",
        AVANCE_OCR_ANSWER_LIMIT_S="1",
        OCR_ORCHESTRATOR_URL=engine.url,
        CALLBACK_BASE_URL="http://127.0.0.1:1",
    )
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as http, tab(server) as page:
        await page.subscribe()
        await submitted(http, "silent")
        told = await page.until(documentId="silent", status="failed")
        assert told["error"] == "expired"
        assert (await ended(http, "silent"))["error"] == "expired"


async def test_a_restart_between_request_and_callback_loses_nothing(
    server: Node, engine: Engine
) -> None:
    """004-T10: the callback comes while nobody is connected; who reconnects sees it."""
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as http:
        await submitted(http, "kept")
        asked = await anyio.to_thread.run_sync(engine.take, 1)
    await anyio.to_thread.run_sync(server.kill)
    await anyio.to_thread.run_sync(server.start)
    token = asked["url_response"].partition("?")[2]
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as http:
        body = {"platform_document_id": "kept", "final_decision": "MANUAL_REVIEW"}
        assert (await http.post(f"/api/ocr/callback?{token}", json=body)).status_code == 200
    async with tab(server) as page:
        await page.subscribe()
        told = await page.until(documentId="kept", status="completed")
        assert told["ocrResult"]["confidence"] == 85
        assert told["finalDecision"] == "MANUAL_REVIEW"
