"""
Pages that are pictures of text.
"""

import io
from collections.abc import Callable

import httpx2 as httpx
import pytest
from node_service import Node
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen import canvas

from .following import frames

pytest.importorskip("tesserocr", reason="the extra ocr is not installed")

Serve = Callable[..., Node]
SENTENCE = "La tasa del puerto vence en marzo"


def scan(*texts: str | None) -> bytes:
    """
    A PDF in which a text is a picture, and None a page of real text.
    """
    buffer = io.BytesIO()
    drawn = canvas.Canvas(buffer, pagesize=(600, 200))
    for text in texts:
        if text is None:
            drawn.drawString(40, 100, "Esta es una hoja con texto de verdad, sin imagen alguna.")
        else:
            picture = Image.new("L", (1_800, 600), 255)
            font = ImageFont.load_default(size=72)
            ImageDraw.Draw(picture).text((60, 200), text, fill=0, font=font)
            drawn.drawImage(ImageReader(picture), 0, 0, 600, 200)
        drawn.showPage()
    drawn.save()
    return buffer.getvalue()


async def post(http: httpx.AsyncClient, name: str, data: bytes) -> httpx.Response:
    files = {"file": (name, data)}
    return await http.post("/ingest", params={"async": "false"}, files=files)


async def test_a_scanned_page_is_found_by_its_words_and_cited(node: Node) -> None:
    async with httpx.AsyncClient(base_url=node.url, timeout=60) as http:
        job = (
            await http.post("/ingest", files={"file": ("scan.pdf", scan(None, SENTENCE))})
        ).json()
        said, _ = await frames(node.url, f"/ws/jobs/{job['job_id']}")
        assert said[-1]["status"] == "completed"
        answer = (await http.post("/query", json={"query": "¿Cuándo vence la tasa?"})).json()
        events = (await http.get(f"/v1/jobs/{job['job_id']}/events")).json()["events"]
    assert (answer["sources"][0]["source"], answer["sources"][0]["page"]) == ("scan.pdf", 2)
    assert SENTENCE in answer["answer"]
    logged = [event["message"] for event in events if event["type"] == "log"]
    assert logged == ["scan.pdf: 1 of 2 pages were pictures and were read by OCR"]


async def test_without_ocr_it_is_said_and_the_text_of_other_pages_is_not_lost(
    serve: Serve,
) -> None:
    node = serve(AVANCE_DOCUMENTS_SCAN_LANGUAGES="none")
    async with httpx.AsyncClient(base_url=node.url, timeout=60) as http:
        refused = await post(http, "scan.pdf", scan(SENTENCE))
        assert (refused.status_code, refused.json()["code"]) == (400, "needs_ocr")
        assert "the extra `ocr`" in refused.json()["detail"]
        taken = await post(http, "half.pdf", scan(SENTENCE, None))
        assert taken.json()["status"] == "completed"
        jobs = (await http.get("/v1/jobs", params={"limit": 1})).json()["jobs"]
        events = (await http.get(f"/v1/jobs/{jobs[0]['id']}/events")).json()["events"]
    (warned,) = [event for event in events if event["type"] == "log"]
    assert warned["level"] == "warning"
    assert warned["message"].startswith("half.pdf: 1 of 2 pages are pictures without text")
