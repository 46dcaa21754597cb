"""
Files by their addresses, from a real server of files. docs/contract/ocr.md, 004-T15.
"""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2 as httpx
import pytest
from node_service import Node
from tests.integration.ocr.conftest import ended
from tests.integration.ocr.paper import digital_pdf

FILE_BYTES_MAX = 100_000


class Files:
    """
    Gives files, leads elsewhere, sends too much, or never comes to an end.
    """

    def __init__(self) -> None:
        self.secrets = 0
        self.may_end = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, *_: Any) -> None:
                """The test log is not for it."""

        self.server = ThreadingHTTPServer(("", 0), Handler)
        self.port = self.server.server_port

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        match request.path:
            case "/inside":
                request.send_response(302)
                request.send_header("location", f"http://127.0.0.2:{self.port}/secret")
                request.end_headers()
            case "/secret":
                self.secrets += 1
                request.send_response(200)
                request.end_headers()
            case "/large":
                request.send_response(200)
                request.end_headers()
                request.wfile.write(b"%PDF-1.4" + bytes(FILE_BYTES_MAX * 3))
            case "/slow":
                request.send_response(200)
                request.send_header("content-length", "1000")
                request.end_headers()
                request.wfile.write(b"%PDF-1.4")
                request.wfile.flush()
                self.may_end.wait(80)
            case "/gone":
                request.send_response(404)
                request.end_headers()
            case _:
                request.send_response(200)
                request.end_headers()
                request.wfile.write(digital_pdf("A file from elsewhere, read here"))


@pytest.fixture
def files() -> Iterator[Files]:
    made = Files()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.05,))
    thread.start()
    yield made
    made.may_end.set()
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def asked(*urls: str, **more: Any) -> dict[str, Any]:
    documents = [
        {"file_name": "card.pdf", "file_url": url, "platform_document_id": url.rpartition("/")[2]}
        for url in urls
    ]
    return {"owner_user_name": "Ana", "documents": documents, **more}


async def fetched(node: Node, files: Files, *names: str) -> dict[str, Any]:
    """
    What became of files, by their names.
    """
    base = f"http://127.0.0.1:{files.port}"
    async with httpx.AsyncClient(base_url=node.url, timeout=60) as http:
        body = asked(*(f"{base}/{name}" for name in names))
        taken = await http.post("/api/ocr/process-documents", json=body)
        assert taken.status_code == 200, taken.text
        return {name: await ended(http, name) for name in names}


async def test_files_are_fetched_with_limits_and_never_from_inside(
    files: Files, serve: Callable[..., Node]
) -> None:
    """004-T15: redirects are checked again, and size is limited; each has an end that says why."""
    node = serve(OCR_ALLOWED_HOSTS="127.0.0.1/32", AVANCE_OCR_FILE_BYTES_MAX=str(FILE_BYTES_MAX))
    ends = await fetched(node, files, "good", "inside", "large", "gone")
    assert ends["good"]["status"] == "completed", ends["good"]
    assert "from elsewhere" in ends["good"]["ocrResult"]["extractedText"]
    for name, reason in (
        ("inside", "127.0.0.2"),
        ("large", str(FILE_BYTES_MAX)),
        ("gone", "404"),
    ):
        assert ends[name]["status"] == "failed"
        assert reason in ends[name]["error"], ends[name]
    assert files.secrets == 0


async def test_a_file_that_does_not_come_to_an_end_is_given_up(
    files: Files, serve: Callable[..., Node]
) -> None:
    """004-T15: time is limited. By itself: no file that is read well may depend on so short a time."""
    node = serve(OCR_ALLOWED_HOSTS="127.0.0.1/32", AVANCE_OCR_FILE_TIMEOUT_S="1")
    ends = await fetched(node, files, "slow")
    assert ends["slow"]["status"] == "failed"
    assert "cannot be reached" in ends["slow"]["error"], ends["slow"]


async def test_addresses_inside_and_bad_requests_are_refused_at_once(
    http: httpx.AsyncClient,
) -> None:
    """004-T15: loopback, private, link-local and other schemes, in file_url and in url_response; 30 documents at the most."""
    path = "/api/ocr/process-documents"
    good = "https://files.example.org/a"
    for url in (
        "http://127.0.0.1/a",
        "http://10.0.0.1/a",
        "http://169.254.169.254/a",
        "http://[::1]/a",
        "file:///etc/passwd",
    ):
        for body in (asked(url), asked(good, url_response=url)):
            answer = await http.post(path, json=body)
            assert answer.status_code == 400, url
            assert answer.json()["success"] is False
            assert answer.json()["code"] == "ocr_address_refused"
    many = await http.post(path, json=asked(*(f"{good}{n}" for n in range(31))))
    assert many.status_code == 400
    assert "30" in many.json()["error"]
    named = asked(good)
    del named["documents"][0]["file_name"]
    missing = await http.post(path, json=named)
    assert missing.status_code == 400
    assert "file_name" in missing.json()["error"]
    wrong = asked(good)
    wrong["documents"][0]["file_name"] = "notes.docx"
    assert (await http.post(path, json=wrong)).status_code == 400


WANTED_HEADERS = (
    "Content-Type, Authorization, X-Amz-Date, X-Api-Key, X-Amz-Security-Token, "
    "Sec-WebSocket-Protocol, Sec-WebSocket-Version, Sec-WebSocket-Key"
)
FOREIGN = {"Origin": "https://page.example.org"}


async def test_pages_of_other_machines_read_only_what_they_have_a_key_for(guarded: Node) -> None:
    """004-24: the preflight, the answer and the refusal have the headers of the contract, and never credentials beside the star."""
    asked = {
        **FOREIGN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-api-key",
    }
    async with httpx.AsyncClient(base_url=guarded.url, timeout=60) as page:
        answers = [
            (await page.options("/api/ocr/process-documents", headers=asked), 200),
            (await page.options("/api/v1/platform/process-documents-platform", headers=asked), 200),
            (
                await page.get("/api/ocr/documents", headers={**FOREIGN, "X-API-Key": "ana-key"}),
                200,
            ),
            (
                await page.get(
                    "/api/ocr/document/none", headers={**FOREIGN, "X-API-Key": "ana-key"}
                ),
                404,
            ),
            (await page.get("/api/ocr/documents", headers=FOREIGN), 401),
        ]
        for answer, status in answers:
            assert answer.status_code == status, answer.text
            assert answer.headers["access-control-allow-origin"] == "*"
            assert answer.headers["access-control-allow-headers"] == WANTED_HEADERS
            assert "access-control-allow-credentials" not in answer.headers
        assert "POST" in answers[0][0].headers["access-control-allow-methods"]
        elsewhere = await page.options("/v1/jobs", headers=asked)
        assert "access-control-allow-origin" not in elsewhere.headers
        assert "access-control-allow-credentials" not in elsewhere.headers


async def test_an_open_server_shows_nothing_to_foreign_pages(http: httpx.AsyncClient) -> None:
    """004-24: there its address alone would be enough."""
    plain = await http.get("/api/ocr/documents")
    assert plain.headers["access-control-allow-origin"] == "*"
    assert plain.headers["access-control-allow-headers"] == WANTED_HEADERS
    other = await http.get("/api/ocr/documents", headers=FOREIGN)
    assert "access-control-allow-origin" not in other.headers
    asked = {**FOREIGN, "Access-Control-Request-Method": "GET"}
    preflight = await http.options("/api/ocr/documents", headers=asked)
    assert preflight.status_code == 400
    assert "access-control-allow-origin" not in preflight.headers
