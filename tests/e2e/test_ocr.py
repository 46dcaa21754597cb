"""
The screens of OCR in a real browser against a real server. docs/contract/ocr.md.
"""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen import canvas

pytestmark = pytest.mark.timeout(180)

FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
INVOICE = (
    "FACTURA N.º 2026-0117",
    "Papelería Norte S.L.",
    "Fecha: 15/03/2026",
    "Base imponible            100,00 €",
    "IVA 21%                         21,00 €",
    "Total factura                121,00 €",
)
PAGES = 30


def _drawn() -> Image.Image:
    image = Image.new("L", (1400, 760), 255)
    pen = ImageDraw.Draw(image)
    font = ImageFont.truetype(FONT, 40)
    for number, line in enumerate(INVOICE):
        pen.text((120, 80 + number * 100), line, fill=0, font=font)
    return image


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    image = _drawn()
    image.save(folder / "factura.png")
    made = canvas.Canvas(str(folder / "largo.pdf"), pagesize=(350, 190))
    for _ in range(PAGES):
        made.drawImage(ImageReader(image), 0, 0, 350, 190)
        made.showPage()
    made.save()
    return folder


def test_a_document_is_dropped_read_corrected_approved_saved_and_cancelled(
    systems: Any, drive: Any, files: Path
) -> None:
    """
    With every word at its place on the page, live from the drop to the result.
    """
    told = drive("ocr.mjs", systems.url, str(files))
    assert "Completado" in told["row"]
    assert "Factura" in told["row"]
    assert "Papelería" in told["words"]
    assert told["isInside"]
    assert told["selected"] == told["words"][0]
    assert "dudosa" in told["unsure"]
    assert told["sure"] >= 1
    assert "Aprobado" in told["decision"]
    assert "Revisado por" in told["decision"]
    assert "999,99" in told["history"]
    assert told["kept"] == "999,99"
    assert told["saved"]["pdf"] == "%PDF"
    assert told["saved"]["json"].startswith("{")
    assert "999,99" in told["csv"]
    assert told["drawn"] == pytest.approx(1, abs=0.02)
    assert "FACTURA" in told["pdfWords"]
    assert told["cancelled"] >= 1
    assert told["failed"] == 1
    assert told["overflow"] == 0
    assert told["axe"] == []
    assert told["foreign"] == []
    assert told["errors"] == []
