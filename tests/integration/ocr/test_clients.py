"""
Client classes in Node against the real server, its restart included. docs/contract/ocr.md.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Any

import anyio
import anyio.abc
import httpx2 as httpx
from free_port import free_port
from node_service import Node
from tests.integration.ocr.conftest import PATIENCE_S, ended, uploaded
from tests.integration.ocr.paper import digital_pdf

HERE = Path(__file__).parent


class Page:
    """
    What the script says.
    """

    def __init__(self, process: anyio.abc.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._in = process.stdin
        self._out = process.stdout
        self._rest = b""
        self.seen: list[dict[str, Any]] = []

    async def do(self, method: str, *given: Any) -> Any:
        await self._in.send(json.dumps([method, *given]).encode() + b"\n")
        return (await self.until(did=method))["gave"]

    async def until(self, **wanted: Any) -> dict[str, Any]:
        with anyio.fail_after(PATIENCE_S):
            while True:
                line = await self._line()
                self.seen.append(line)
                if wanted.items() <= line.items():
                    return line

    async def _line(self) -> dict[str, Any]:
        while b"\n" not in self._rest:
            self._rest += await self._out.receive()
        line, _, self._rest = self._rest.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found


@asynccontextmanager
async def page(module: Path, name: str, url: str, **options: Any) -> AsyncIterator[Page]:
    command = ["node", str(HERE / "page.mjs"), str(module), name, url]
    command.append(json.dumps(options))
    process = await anyio.open_process(command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
    try:
        yield Page(process)
    finally:
        # It may have ended by itself.
        with suppress(ProcessLookupError):
            process.kill()
        with anyio.CancelScope(shield=True):
            await process.aclose()


async def one(node: Node) -> str:
    async with httpx.AsyncClient(base_url=node.url, timeout=60) as http:
        [document] = await uploaded(http, ("note.pdf", digital_pdf("A short note of a few words")))
        await ended(http, document)
        return document


def socket_of(node: Node) -> str:
    return f"{node.url.replace('http', 'ws', 1)}/dev"


async def test_the_client_of_the_brief_follows_documents_over_a_restart(
    serve: Callable[..., Node],
) -> None:
    """004-15 004-16 004-17 004-25: back after 5 s, subscribed again, told what it missed; nothing is sent while the socket is closed."""
    node = serve()
    async with page(HERE / "brief_client.mjs", "OCRWebSocketClient", socket_of(node)) as tab:
        # An additive frame, which this class does not know.
        await tab.until(logged="Unknown message type: subscription_confirmed")
        document = await one(node)
        told = await tab.until(update=document, status="completed")
        assert "short note" in told["ocrResult"]["extractedText"]
        assert await tab.do("getDocumentStatus", document) is True
        assert (await tab.until(answer=document))["status"] == "completed"
        await tab.do("ping")
        await tab.until(logged="pong")
        await anyio.to_thread.run_sync(node.kill)
        await tab.until(logged="attempt 1")
        assert await tab.do("ping") is False
        await anyio.to_thread.run_sync(node.start)
        await tab.until(logged="open")
        assert (await tab.until(update=document))["status"] == "completed"
        second = await one(node)
        await tab.until(update=second, status="completed")
        await tab.do("disconnect")


async def test_the_client_that_is_served_keeps_its_promises(node: Node, tmp_path: Path) -> None:
    """004-15 004-16 004-17: its defaults, the same calls and callbacks, and an end after five attempts."""
    async with httpx.AsyncClient(base_url=node.url, timeout=60) as http:
        answer = await http.get("/api/ocr/client.js")
        assert answer.headers["content-type"].startswith("text/javascript")
        again = await http.get(
            "/api/ocr/client.js", headers={"If-None-Match": answer.headers["etag"]}
        )
        assert again.status_code == 304
    module = tmp_path / "ocr-client.mjs"
    module.write_bytes(answer.content)
    async with page(module, "OcrClient", socket_of(node)) as tab:
        assert (await tab.until())["made"] == {"reconnectMs": 5000, "attemptsMax": 5}
        await tab.until(state="live")
        document = await one(node)
        told = await tab.until(update=document, status="completed")
        assert told["ocrResult"]["success"] is True
        assert await tab.do("ping") is True
        assert await tab.do("getDocumentStatus", document) is True
        assert (await tab.until(answer=document))["status"] == "completed"
        await tab.do("disconnect")
        assert await tab.do("getDocumentStatus", document) is False
        assert not [line for line in tab.seen if "logged" in line]


async def test_the_client_that_is_served_gives_up_and_can_be_told_to_try_again(
    node: Node, tmp_path: Path
) -> None:
    """004-15: five attempts, then `failed`; `reconnect()` begins anew; a refusal that would not change ends it at once."""
    async with httpx.AsyncClient(base_url=node.url, timeout=60) as http:
        (tmp_path / "c.mjs").write_bytes((await http.get("/api/ocr/client.js")).content)
    nowhere = f"ws://127.0.0.1:{free_port()}/dev"
    async with page(tmp_path / "c.mjs", "OcrClient", nowhere, reconnectMs=10) as tab:
        await tab.until(state="failed")
        attempts = [line["attempt"] for line in tab.seen if line.get("state") == "reconnecting"]
        assert attempts == [1, 2, 3, 4, 5]
        await tab.do("reconnect")
        await tab.until(state="reconnecting", attempt=1)
    wrong = socket_of(node).replace("/dev", "/staging")
    async with page(tmp_path / "c.mjs", "OcrClient", wrong, reconnectMs=10) as tab:
        await tab.until(state="failed")
        assert not [line for line in tab.seen if line.get("state") == "reconnecting"]


async def test_the_example_of_the_pages_follows_documents(node: Node, tmp_path: Path) -> None:
    script = tmp_path / "ocr-client.mjs"
    async with httpx.AsyncClient(base_url=node.url, timeout=60) as http:
        script.write_bytes((await http.get("/api/ocr/client.js")).content)
    example = HERE.parents[2] / "docs/examples/ocr.mjs"
    server = socket_of(node).removesuffix("/dev")
    command = ["node", str(example), script.as_uri(), server]
    process = await anyio.open_process(command, stdout=PIPE, stderr=DEVNULL)
    try:
        assert process.stdout is not None
        document = await one(node)
        told = b""
        with anyio.fail_after(PATIENCE_S):
            while f"{document} completed 100\n".encode() not in told:
                told += await process.stdout.receive()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        with anyio.CancelScope(shield=True):
            await process.aclose()


def test_troubleshooting_has_its_four_groups_in_both_languages() -> None:
    """004-26 004-27 004-20: and the commands of the deployment."""
    pages = HERE.parents[2] / "docs"
    for page, groups in (
        ("en", ("no connection", "no notifications", "frequent drops", "S3, CloudFront")),
        ("es", ("no hay conexión", "no llegan avisos", "se corta a menudo", "S3, CloudFront")),
    ):
        text = (pages / page / "howto/ocr.md").read_text("utf-8")
        rows = {line.split("|")[1].strip(): line for line in text.splitlines() if "|" in line}
        for group in groups:
            assert len(rows[group]) > 100, group
        for command in (
            "npm install",
            "serverless deploy --stage dev",
            "serverless info --stage dev",
            "serverless logs -f websocketConnect --tail",
            "serverless logs -f notifyDocumentUpdate --tail",
        ):
            assert command in text
