"""
The pages of a file as pictures. Runs in a child: what is opened here may be anything.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pypdfium2 as pdfium
from PIL import Image, ImageOps

from avance.apps.ocr.engines.words import Word
from avance.apps.reading import Unreadable

DPI = 300
POINTS_PER_INCH = 72
DIGITAL_CHARS_MIN = 16
SIDE_PIXELS_MAX = 30_000


class Picture:
    """
    One page: a picture, or the words that the file has already.
    """

    def __init__(
        self, number: int, of: int, image: Image.Image, words: list[Word] | None = None
    ) -> None:
        self.number = number
        self.of = of
        self.image = image
        self.words = words


def pictures(path: str, kind: str, *, pages_max: int, pixels_max: int) -> Iterator[Picture]:
    """
    Raises:
        Unreadable: It cannot be opened, or is too large.
    """
    return (
        _of_pdf(path, pages_max, pixels_max)
        if kind == "pdf"
        else _of_image(path, pages_max, pixels_max)
    )


def _of_image(path: str, pages_max: int, pixels_max: int) -> Iterator[Picture]:
    with open_image(path) as (opened, count):
        _check_pages(count, pages_max)
        for number in range(count):
            opened.seek(number)
            check_size(opened.size, pixels_max)
            yield Picture(number + 1, count, upright(opened))


@contextmanager
def open_image(path: str) -> Iterator[tuple[Image.Image, int]]:
    """
    An image and how many pages it has.

    Raises:
        Unreadable: It is damaged, which may be seen only while it is unpacked.
    """
    # Sizes are checked before anything is unpacked, against a limit of our own.
    Image.MAX_IMAGE_PIXELS = None
    warnings.simplefilter("ignore")
    try:
        with Image.open(Path(path)) as opened:
            # An animation has one page, the pages of a TIFF are pages.
            yield opened, getattr(opened, "n_frames", 1) if opened.format == "TIFF" else 1
    except Unreadable:
        raise
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise Unreadable(f"the image is damaged: {error}", code="document_damaged") from error


def check_size(size: tuple[int, int], pixels_max: int) -> None:
    """
    Raises:
        Unreadable: It is too large to be unpacked, or too small for a text.
    """
    width, height = size
    if width * height > pixels_max or max(size) > SIDE_PIXELS_MAX:
        raise Unreadable(
            f"the image has {width} × {height} pixels; the limits are {pixels_max} together and {SIDE_PIXELS_MAX} a side",
            code="document_too_large",
        )
    if min(size) < 8:
        raise Unreadable(
            f"the image has {width} × {height} pixels, too few for a text", code="document_empty"
        )


def _check_pages(count: int, pages_max: int) -> None:
    if count > pages_max:
        raise Unreadable(
            f"the file has {count} pages; the limit is {pages_max}", code="document_too_large"
        )


def upright(image: Image.Image) -> Image.Image:
    """
    As it is meant to be seen: turned by its EXIF mark, on white where it is transparent, 8 bits deep.
    """
    image.load()
    turned = ImageOps.exif_transpose(image)
    if turned.mode.startswith(("I", "F")):
        values = np.asarray(turned, dtype=np.float64)
        low, high = float(values.min()), float(values.max())
        scaled = (values - low) * (255 / (high - low)) if high > low else values * 0 + 255
        return Image.fromarray(scaled.astype(np.uint8))
    if turned.mode in ("RGBA", "LA", "PA") or "transparency" in turned.info:
        seen = turned.convert("RGBA")
        paper = Image.new("RGBA", seen.size, "white")
        return Image.alpha_composite(paper, seen).convert("RGB")
    return turned.convert("L" if turned.mode in ("1", "L") else "RGB")


def _of_pdf(path: str, pages_max: int, pixels_max: int) -> Iterator[Picture]:
    document = open_pdf(path)
    count = len(document)
    _check_pages(count, pages_max)
    for number in range(count):
        try:
            page = document[number]
            scale = scale_of(page, pixels_max)
            image = page.render(scale=scale, grayscale=True).to_pil()
            words = _words(page, scale)
        except pdfium.PdfiumError as error:
            raise Unreadable(
                f"page {number + 1} cannot be drawn: {error}", code="document_damaged"
            ) from error
        yield Picture(number + 1, count, image, words)


def open_pdf(path: str) -> pdfium.PdfDocument:
    """
    Raises:
        Unreadable: It is damaged, or protected by a password.
    """
    try:
        return pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        code = "document_encrypted" if "password" in str(error).lower() else "document_damaged"
        raise Unreadable(f"the PDF cannot be opened: {error}", code=code) from error


def scale_of(page: pdfium.PdfPage, pixels_max: int) -> float:
    """
    How much larger than its points a page is drawn; a poster is drawn coarser instead of not at all.
    """
    scale = DPI / POINTS_PER_INCH
    pixels = page.get_width() * page.get_height() * scale * scale
    return scale if pixels <= pixels_max else scale * (pixels_max / pixels) ** 0.5


def _words(page: pdfium.PdfPage, scale: float) -> list[Word] | None:
    """
    The words of a page that has text of its own, or None.
    """
    text = page.get_textpage()
    count = text.count_chars()
    letters = text.get_text_range() if count else ""
    if len(letters.strip()) < DIGITAL_CHARS_MIN:
        return None
    height = page.get_height()
    words: list[Word] = []
    part, box = "", (0.0, 0.0, 0.0, 0.0)
    for at in range(count + 1):
        char = text.get_text_range(at, 1) if at < count else " "
        if not char.strip() or char == "\ufffe":
            if part:
                words.append(_digital(part, box, scale, height))
            part = ""
            continue
        left, bottom, right, top = text.get_charbox(at, loose=True)
        box = (
            (left, bottom, right, top)
            if not part
            else (min(box[0], left), min(box[1], bottom), max(box[2], right), max(box[3], top))
        )
        part += char
    return words


def _digital(
    text: str, box: tuple[float, float, float, float], scale: float, height: float
) -> Word:
    left, bottom, right, top = box
    return Word(
        text=text,
        confidence=1.0,
        left=left * scale,
        top=(height - top) * scale,
        right=right * scale,
        bottom=(height - bottom) * scale,
    )
