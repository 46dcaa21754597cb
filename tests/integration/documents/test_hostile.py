"""
Files that want to do harm, sent to a real server: each ends with a clear code, the server lives, and nothing stays behind.
"""

import asyncio
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import httpx2 as httpx
from node_service import Node
from pdf_files import flate_bomb, pdf_of
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen import canvas

from .conftest import pdf

Serve = Callable[..., Node]
MEMORY_BYTES_MAX = 1_500_000_000


def encrypted() -> bytes:
    buffer = io.BytesIO()
    drawn = canvas.Canvas(buffer, encrypt=StandardEncryption("secret"))
    drawn.drawString(72, 720, "nobody reads this")
    drawn.save()
    return buffer.getvalue()


def zip_bomb() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as container:
        container.writestr("[Content_Types].xml", "<Types/>")
        container.writestr("word/document.xml", bytes(60_000_000))
    return buffer.getvalue()


def endless_pages() -> bytes:
    """
    More pages than are read: 20,001 that are all the same object.
    """
    return pdf_of(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[%b]/Count 20001>>" % (b"3 0 R " * 20_001),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
    )


FILES: dict[str, tuple[bytes, set[str]]] = {
    "empty.pdf": (b"", {"document_empty"}),
    "text.pdf": (b"only text", {"document_mislabelled"}),
    "page.docx": (pdf("a page"), {"document_mislabelled"}),
    "bomb.docx": (zip_bomb(), {"document_bomb"}),
    "half.docx": (zip_bomb()[:2_000], {"document_damaged"}),
    "half.pdf": (pdf("a page")[:-500], {"document_damaged"}),
    "noise.pdf": (b"%PDF-1.7\n" + bytes(range(256)) * 400, {"document_damaged"}),
    "locked.pdf": (encrypted(), {"document_encrypted"}),
    "zeros.txt": (bytes(10_000), {"document_kind", "document_empty"}),
    "pages.pdf": (endless_pages(), {"document_too_large"}),
    # It shows nothing that is text, however much of it there is.
    "drawing.pdf": (
        flate_bomb(60_000_000),
        {"document_empty", "document_crashed", "document_timeout", "document_too_large"},
    ),
}


async def test_no_file_harms_the_server_and_each_is_refused_with_a_code(
    serve: Serve, tmp_path: Path
) -> None:
    """
    All at once, beside a good one that is read.
    """
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    node = serve(TMPDIR=str(temporary))
    async with httpx.AsyncClient(base_url=node.url, timeout=60) as http:

        async def send(name: str, data: bytes) -> httpx.Response:
            files = {"file": (name, data)}
            return await http.post("/ingest", params={"async": "false"}, files=files)

        good, *answers = await asyncio.gather(
            send("good.txt", b"a good text"),
            *(send(name, file) for name, (file, _) in FILES.items()),
        )
        assert good.json()["status"] == "completed"
        for name, answer in zip(FILES, answers, strict=True):
            _, codes = FILES[name]
            assert answer.status_code == 400, (name, answer.text)
            assert answer.json()["code"] in codes, (name, answer.text)
            assert answer.json()["detail"]
        assert (await http.get("/health")).json()["status"] == "healthy"
        assert (await http.get("/ingest/history")).json()["total"] == 1
    assert _peak(node.pid) < MEMORY_BYTES_MAX
    assert children_of(node.pid, "avance.apps.reading.child") == []
    for nest in children_of(node.pid, "avance.apps.reading.nest_child"):
        assert children_of(int(nest), "avance.apps.reading.nest_child") == []
    assert list(temporary.iterdir()) == []
    assert "Traceback" not in node.log()


def children_of(pid: int, module: str) -> list[str]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            command = Path(f"/proc/{child}/cmdline").read_bytes().decode().split("\0")
            if module in command:
                found.append(child)
    return found


def _peak(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1_024
