"""
Reading a file with a local engine, in a process that can be killed.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from weakref import WeakKeyDictionary

import msgspec

from avance import Avance
from avance.apps.ocr.engines.words import PageRead
from avance.apps.ocr.settings import OcrSettings
from avance.apps.reading import Kind, ReadingLimits, Sandbox, Unreadable
from avance.apps.reading.pages import Refused

_told = msgspec.json.Decoder(PageRead | Refused)
_turns: WeakKeyDictionary[Avance, asyncio.Semaphore] = WeakKeyDictionary()


def turn(host: Avance) -> asyncio.Semaphore:
    """
    So many are read at the same time in this process, because each takes its memory.
    """
    return _turns.setdefault(host, asyncio.Semaphore(host.settings.section(OcrSettings).readers))


async def read_pages(
    path: Path, kind: Kind, settings: OcrSettings
) -> AsyncGenerator[PageRead, None]:
    """
    The pages of a file, each as soon as it is read. Leaving the iteration ends the child.

    Raises:
        Unreadable: The code says why.
    """
    is_photo = settings.engine == "rapidocr"
    limits = ReadingLimits(
        memory_bytes_max=settings.photo_reader_bytes_max if is_photo else settings.reader_bytes_max,
        cpu_s_max=settings.reader_cpu_s_max,
        image_pixels_max=settings.pixels_max,
    )
    arguments = {
        "path": str(path),
        "kind": kind.value,
        "engine": settings.engine,
        "languages": settings.languages,
        "tessdata": settings.tessdata,
        "pages_max": settings.pages_max,
        "pixels_max": settings.pixels_max,
    }
    target = "avance.apps.ocr.engines.child:read"
    async with aclosing(Sandbox(limits).run(target, arguments)) as frames:
        async for frame in frames:
            told = _told.decode(frame)
            if isinstance(told, Refused):
                raise Unreadable(told.message, code=told.code)
            yield told
