import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pypdfium2 as pdfium

from avance.apps.reading.errors import Unreadable
from avance.apps.reading.limits import ReadingLimits
from avance.apps.reading.pages import About, Page, Rendered

HYPHEN = "￾"
"""What pdfium writes for a hyphen at the end of a line that only the line break asked for."""
SCANNED_CHARS_MAX = 16
POINTS_PER_INCH = 72
_DATE = re.compile(r"D:(\d{4})(\d{2})?(\d{2})?")


def read(path: str, limits: dict[str, Any]) -> Iterator[About | Page]:
    bounds = msgspec.convert(limits, ReadingLimits)
    document = open_pdf(path)
    count = len(document)
    if count > bounds.pages_max:
        raise Unreadable(
            f"the file has {count} pages; the limit is {bounds.pages_max}",
            code="document_too_large",
            pages=count,
        )
    yield _about(document, count)
    chars = 0
    for number in range(count):
        text, is_scanned = _page(document, number)
        chars += len(text)
        if chars > bounds.file_chars_max:
            raise Unreadable(
                f"the file has over {bounds.file_chars_max} characters of text",
                code="document_too_large",
            )
        for start in range(0, max(len(text), 1), bounds.page_chars_max):
            part = text[start : start + bounds.page_chars_max]
            yield Page(number=number + 1, text=part, is_scanned=is_scanned)


def render(path: str, number: int, out: str, dpi: int, pixels_max: int) -> Iterator[Rendered]:
    document = open_pdf(path)
    if not 1 <= number <= len(document):
        raise Unreadable(
            f"there is no page {number}; the file has {len(document)}", code="document_page"
        )
    image = picture_of(document, number, dpi, pixels_max)
    image.save(Path(out), format="PNG")
    yield Rendered(path=out, width=image.width, height=image.height)


def picture_of(
    document: pdfium.PdfDocument, number: int, dpi: int, pixels_max: int, *, is_gray: bool = False
) -> Any:
    """
    One page as an image; a poster is drawn coarser instead of not at all.
    """
    page = document[number - 1]
    scale = dpi / POINTS_PER_INCH
    pixels = page.get_width() * page.get_height() * scale * scale
    if pixels > pixels_max:
        scale *= (pixels_max / pixels) ** 0.5
    return page.render(scale=scale, grayscale=is_gray).to_pil()


def open_pdf(path: str) -> pdfium.PdfDocument:
    """
    Raises:
        Unreadable: It is damaged, or protected by a password.
    """
    try:
        return pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        if "password" in str(error).lower():
            raise Unreadable(
                "the file is protected by a password; remove it and try again",
                code="document_encrypted",
            ) from error
        raise Unreadable(f"the file is damaged: {error}", code="document_damaged") from error


def _about(document: pdfium.PdfDocument, count: int) -> About:
    told = document.get_metadata_dict()
    found = _DATE.match(told.get("CreationDate", ""))
    created = "-".join(part for part in found.groups() if part) if found else None
    return About(
        pages=count,
        title=told.get("Title") or None,
        author=told.get("Author") or None,
        created=created,
    )


def _page(document: pdfium.PdfDocument, number: int) -> tuple[str, bool]:
    try:
        page = document[number]
        text = page.get_textpage().get_text_range()
    except pdfium.PdfiumError:
        # One page that cannot be read does not take the others with it.
        return "", True
    text = text.replace(HYPHEN, "").replace("\r\n", "\n").replace("\0", "")
    is_scanned = len(text.strip()) < SCANNED_CHARS_MAX and any(
        one.type == pdfium.raw.FPDF_PAGEOBJ_IMAGE for one in page.get_objects(max_depth=2)
    )
    return text, is_scanned
