"""
A PDF of pictures with the words that were read, unseen, over them. Runs in a child.
"""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfgen.canvas import Canvas

from avance.apps.ocr.engines.pictures import DPI, POINTS_PER_INCH, pictures
from avance.apps.ocr.engines.words import Written

FONT = "Helvetica"
UNSEEN = 3
QUALITY = 80


def write(
    path: str, kind: str, words: str, out: str, pages_max: int, pixels_max: int
) -> Iterator[Written]:
    """
    The target of the sandbox.
    """
    read: list[dict[str, Any]] = json.loads(Path(words).read_text("utf-8"))
    canvas = Canvas(out, invariant=True)
    count = 0
    for picture, page in zip(
        pictures(path, kind, pages_max=pages_max, pixels_max=pixels_max), read, strict=False
    ):
        degrees = page["turned"]
        image = picture.image.rotate(degrees, expand=True) if degrees else picture.image
        _draw(canvas, image, page)
        count += 1
    canvas.save()
    yield Written(pages=count)


def _draw(canvas: Canvas, image: Image.Image, page: dict[str, Any]) -> None:
    point = POINTS_PER_INCH / DPI
    width, height = image.width * point, image.height * point
    canvas.setPageSize((width, height))
    packed = io.BytesIO()
    image.save(packed, "JPEG", quality=QUALITY)
    canvas.drawImage(ImageReader(packed), 0, 0, width, height)
    for text, left, top, right, bottom in page["words"]:
        size = max((bottom - top) * point, 1.0)
        # What its letters need is stretched to what they took.
        needed = pdfmetrics.stringWidth(text, FONT, size) or 1.0
        line = canvas.beginText(left * point, height - bottom * point + size * 0.2)
        line.setTextRenderMode(UNSEEN)
        line.setFont(FONT, size)
        line.setHorizScale(100 * (right - left) * point / needed)
        line.textOut(f"{text} ")
        canvas.drawText(line)
    canvas.showPage()
