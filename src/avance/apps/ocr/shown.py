"""
Pages as pictures to look at: each is drawn once, in a process that can be killed, and kept beside its file.
"""

from pathlib import Path

import anyio
import anyio.to_thread
import msgspec

from avance import Avance
from avance.apps.ocr.catalog import Catalog
from avance.apps.ocr.engines.words import NO_PAGE, PageRead, Written
from avance.apps.ocr.errors import DocumentUnknown, PageUnknown
from avance.apps.ocr.model import Stored
from avance.apps.ocr.settings import OcrSettings
from avance.apps.reading import ReadingLimits, Sandbox, Unreadable, sniff
from avance.apps.reading.pages import Refused
from avance.storage import Blob

PIXELS_MAX = 4_000_000
"""Of a picture that is shown: an A4 page at 200 dpi. What is larger is drawn smaller."""
_page = msgspec.json.Decoder(PageRead)
_told = msgspec.json.Decoder(Written | Refused)


def folder_of(blob_key: str) -> str:
    """
    Where a document's file lies with all that is made from it.
    """
    return f"{blob_key.rpartition('/')[0]}/"


async def page_image(host: Avance, stored: Stored, number: int) -> Blob:
    """
    The PNG of a page, turned as it was read so that the places of words are right on it.

    Raises:
        PageUnknown: There is no such page.
        DocumentUnknown: The file is not here.
        Unreadable: It cannot be drawn; the code says why.
    """
    document = stored.document
    if stored.blob_key is None:
        raise DocumentUnknown(f"the file of {document.id[:80]} is not here")
    if document.pages and number > document.pages:
        raise PageUnknown(f"there is no page {number}; the document has {document.pages}")
    read = await Catalog(host.records).page(document.id, number)
    turned = 0 if read is None else round(_page.decode(read).turned)
    key = f"{folder_of(stored.blob_key)}page-{number}-{turned}.png"
    return await host.blobs.info(key) or await _drawn(host, stored, number, turned, key)


async def _drawn(host: Avance, stored: Stored, number: int, turned: int, key: str) -> Blob:
    async with (
        host.blobs.local(str(stored.blob_key)) as path,
        anyio.TemporaryDirectory(prefix="avance-page-") as folder,
    ):
        out = Path(folder) / "page.png"
        await _draw(host, stored, path, number, turned, out)
        kept = await host.blobs.take(key, out)
    if await Catalog(host.records).find(stored.document.id) is None:
        # It was removed meanwhile, and what was made from it must not outlive it.
        await host.blobs.remove(key)
        raise DocumentUnknown(f"there is no document {stored.document.id[:80]}")
    return kept


async def _draw(
    host: Avance, stored: Stored, path: Path, number: int, turned: int, out: Path
) -> None:
    settings = host.settings.section(OcrSettings)
    kind = await anyio.to_thread.run_sync(sniff, path, stored.document.file_name)
    limits = ReadingLimits(
        memory_bytes_max=settings.reader_bytes_max, cpu_s_max=settings.reader_cpu_s_max
    )
    arguments = {
        "path": str(path),
        "kind": kind.value,
        "number": number,
        "turned": turned,
        "out": str(out),
        "pixels_max": settings.pixels_max,
        "shown_max": PIXELS_MAX,
    }
    target = "avance.apps.ocr.engines.page_image:write"
    async for frame in Sandbox(limits).run(target, arguments):
        told = _told.decode(frame)
        if isinstance(told, Refused):
            if told.code == NO_PAGE:
                raise PageUnknown(told.message)
            raise Unreadable(told.message, code=told.code)
