"""
Reading a file in a child: its pages one by one, or one page as an image.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec

from avance.apps.reading.errors import Unreadable
from avance.apps.reading.extract.text import read as read_text
from avance.apps.reading.kinds import Kind
from avance.apps.reading.limits import READING_LIMITS, ReadingLimits
from avance.apps.reading.pages import About, Page, Refused, Rendered, Told
from avance.apps.reading.sandbox import Sandbox

_told = msgspec.json.Decoder(Told)

_EXTRACTORS = {
    Kind.PDF: "avance.apps.reading.extract.pdf:read",
    Kind.DOCX: "avance.apps.reading.extract.docx:read",
    Kind.XLSX: "avance.apps.reading.extract.xlsx:read",
    Kind.HTML: "avance.apps.reading.extract.html:read",
}
_DECODER = "avance.apps.reading.extract.text:read"
_PLAIN = (Kind.MARKDOWN, Kind.TEXT)
"""Nothing is parsed here: decoding bytes harms nobody, and a child for each costs more than all of it."""
PLAIN_BYTES_MAX = 67_108_864
"""A larger one is decoded in a child all the same, for its memory."""


async def read_file(
    path: Path, kind: Kind, limits: ReadingLimits = READING_LIMITS
) -> AsyncGenerator[About | Page, None]:
    """
    Read a file in a child of its own: first what it says of itself, then each page as soon as it is read.

    Raises:
        Unreadable: The code says why.
    """
    is_plain = kind in _PLAIN
    if is_plain and (await anyio.Path(path).stat()).st_size <= PLAIN_BYTES_MAX:
        for part in await anyio.to_thread.run_sync(_plain, path, limits):
            yield part
        return
    target = _DECODER if is_plain else _EXTRACTORS.get(kind)
    if target is None:
        raise Unreadable(f"a file of kind {kind.value} has no text; it needs OCR", code="needs_ocr")
    arguments = {"path": str(path), "limits": msgspec.to_builtins(limits)}
    async with aclosing(run_reader(target, arguments, limits, is_forked=True)) as told:
        async for one in told:
            if isinstance(one, About | Page):
                yield one


async def render_page(
    path: Path, number: int, out: Path, *, dpi: int = 200, limits: ReadingLimits = READING_LIMITS
) -> Rendered:
    """
    Draw one page of a PDF into a PNG file.

    Raises:
        Unreadable: There is no such page, or it cannot be drawn.
    """
    arguments = {
        "path": str(path),
        "number": number,
        "out": str(out),
        "dpi": dpi,
        "pixels_max": limits.image_pixels_max,
    }
    target = "avance.apps.reading.extract.pdf:render"
    async with aclosing(run_reader(target, arguments, limits)) as told:
        async for one in told:
            if isinstance(one, Rendered):
                return one
    raise Unreadable(f"page {number} cannot be drawn", code="document_damaged")


def _plain(path: Path, limits: ReadingLimits) -> list[About | Page]:
    return list(read_text(str(path), msgspec.to_builtins(limits)))


async def run_reader(
    target: str, arguments: dict[str, object], limits: ReadingLimits, *, is_forked: bool = False
) -> AsyncGenerator[Told, None]:
    """
    What a function yields in a child.

    Raises:
        Unreadable: It refuses the file, or the file is the end of it.
    """
    async with aclosing(Sandbox(limits, is_forked=is_forked).run(target, arguments)) as frames:
        async for frame in frames:
            told = _told.decode(frame)
            if isinstance(told, Refused):
                raise Unreadable(told.message, code=told.code)
            yield told
