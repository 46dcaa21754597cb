"""
Reading pages that are pictures, where Tesseract is installed.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from glob import glob
from importlib.util import find_spec
from pathlib import Path

import msgspec

from avance.apps.reading.limits import READING_LIMITS, ReadingLimits
from avance.apps.reading.pages import Page
from avance.apps.reading.read import run_reader

PLACES = ("/usr/share/tesseract-ocr/*/tessdata", "/usr/share/tessdata", "/usr/local/share/tessdata")
CPU_S_A_PAGE = 60
_TARGET = "avance.apps.reading.extract.scan:read"


class Eyes(msgspec.Struct, frozen=True, kw_only=True):
    """
    A Tesseract with the languages that are wanted.
    """

    languages: str
    folder: str


def eyes_for(languages: str, folder: str | None = None) -> Eyes | None:
    """
    What can read pictures here, or None: the extra `ocr` and the models of all these languages (`spa+eng`) are needed.
    """
    if any(find_spec(name) is None for name in ("tesserocr", "PIL")):
        return None
    wanted = [f"{name}.traineddata" for name in languages.split("+")]
    places = [folder] if folder else [one for pattern in PLACES for one in sorted(glob(pattern))]
    for place in reversed(places):
        if all((Path(place) / name).is_file() for name in wanted):
            return Eyes(languages=languages, folder=place)
    return None


async def read_scans(
    path: Path, numbers: Sequence[int], eyes: Eyes, limits: ReadingLimits = READING_LIMITS
) -> AsyncGenerator[Page, None]:
    """
    Read these pages of a PDF in a child, each as soon as it is read.

    Raises:
        Unreadable: The code says why.
    """
    bounds = msgspec.structs.replace(
        limits, cpu_s_max=max(limits.cpu_s_max, CPU_S_A_PAGE * len(numbers))
    )
    arguments = {
        "path": str(path),
        "numbers": list(numbers),
        "languages": eyes.languages,
        "folder": eyes.folder,
        "limits": msgspec.to_builtins(bounds),
    }
    async with aclosing(run_reader(_TARGET, arguments, bounds)) as told:
        async for one in told:
            if isinstance(one, Page):
                yield one
