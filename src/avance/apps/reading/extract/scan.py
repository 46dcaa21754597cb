"""
Pages that are pictures, read by Tesseract.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
import pypdfium2 as pdfium
import tesserocr

from avance.apps.reading.extract.pdf import open_pdf, picture_of
from avance.apps.reading.limits import ReadingLimits
from avance.apps.reading.pages import Page

DPI = 300
"""What its models were trained at."""


def read(
    path: str, numbers: list[int], languages: str, folder: str, limits: dict[str, Any]
) -> Iterator[Page]:
    bounds = msgspec.convert(limits, ReadingLimits)
    document = open_pdf(path)
    with tesserocr.PyTessBaseAPI(
        path=folder, lang=languages, psm=tesserocr.PSM.AUTO, oem=tesserocr.OEM.LSTM_ONLY
    ) as engine:
        for number in numbers:
            text = _text(engine, document, number, bounds)
            yield Page(number=number, text=text[: bounds.page_chars_max], is_scanned=True)


def _text(engine: Any, document: pdfium.PdfDocument, number: int, bounds: ReadingLimits) -> str:
    try:
        image = picture_of(document, number, DPI, bounds.image_pixels_max, is_gray=True)
    except pdfium.PdfiumError:
        # One page that cannot be drawn does not take the others with it.
        return ""
    engine.SetImage(image)
    engine.SetSourceResolution(DPI)
    text: str = engine.GetUTF8Text()
    engine.Clear()
    return text.strip()
