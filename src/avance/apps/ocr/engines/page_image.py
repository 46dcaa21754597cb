"""
One page of a file as a PNG to look at. Runs in a child: what is opened here may be anything.
"""

from collections.abc import Iterator
from pathlib import Path

import pypdfium2 as pdfium
from PIL import Image

from avance.apps.ocr.engines.pictures import check_size, open_image, open_pdf, scale_of, upright
from avance.apps.ocr.engines.words import NO_PAGE, Written
from avance.apps.reading import Unreadable


def write(
    path: str, kind: str, number: int, turned: float, out: str, pixels_max: int, shown_max: int
) -> Iterator[Written]:
    """
    The target of the sandbox.

    Args:
        turned: Degrees by which the page was turned to be read, so that boxes and picture agree.
        pixels_max: An image of more is not unpacked.
        shown_max: What is larger is drawn smaller.
    """
    image = (
        _of_pdf(path, number, shown_max)
        if kind == "pdf"
        else _of_image(path, number, pixels_max, shown_max)
    )
    if turned:
        image = image.rotate(turned, expand=True)
    # A quick packing: the browser gets it once, and everybody waits for it.
    image.save(Path(out), "PNG", compress_level=3)
    yield Written(pages=1)


def _of_pdf(path: str, number: int, shown_max: int) -> Image.Image:
    document = open_pdf(path)
    _check(number, len(document))
    try:
        page = document[number - 1]
        image: Image.Image = page.render(scale=scale_of(page, shown_max)).to_pil()
    except pdfium.PdfiumError as error:
        raise Unreadable(
            f"page {number} cannot be drawn: {error}", code="document_damaged"
        ) from error
    return image


def _of_image(path: str, number: int, pixels_max: int, shown_max: int) -> Image.Image:
    with open_image(path) as (opened, count):
        _check(number, count)
        opened.seek(number - 1)
        check_size(opened.size, pixels_max)
        image = upright(opened)
    share = (shown_max / (image.width * image.height)) ** 0.5
    if share < 1:
        size = (max(int(image.width * share), 1), max(int(image.height * share), 1))
        image = image.resize(size, Image.Resampling.BOX)
    return image


def _check(number: int, count: int) -> None:
    if not 1 <= number <= count:
        raise Unreadable(f"there is no page {number}; the file has {count}", code=NO_PAGE)
