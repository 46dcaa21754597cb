"""
OCR of papers: exact fields, and what the process that reads takes, with Tesseract.
"""

import io
import statistics
import time
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import anyio.to_thread
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen import canvas

from avance.apps.ocr.reader import read_pages
from avance.apps.ocr.settings import OcrSettings
from avance.apps.reading import Kind
from benchmarks.harness.question import Outcome, Settings, Table, arguments, ask
from benchmarks.ocr import SEED
from benchmarks.ocr_pages import PAPERS, letter
from benchmarks.ocr_pages.crew import crew, jobs
from benchmarks.ocr_pages.facts import PAPER_COLUMNS, papers_row

NAME = "ocr_fields"
TITLE = "OCR: fields of papers with Tesseract"
FIELDS_MIN = {
    "identity card": 0.95,
    "licence": 0.95,
    "passport": 0.95,
    "invoice": 0.95,
    "receipt": 0.85,
}
PAPER_CONDITIONS = ("clean, 300 dpi", "rotated 1.5 to 5°", "photographed")


def measure(settings: Settings) -> Outcome:
    outcome = Outcome()
    _papers(outcome, settings.pick(4, 1))
    anyio.run(_process, outcome, settings.pick(4, 2))
    return outcome


def _papers(outcome: Outcome, count: int) -> None:
    table = Table(title="Papers: kind, and fields that are exactly right", columns=PAPER_COLUMNS)
    right: dict[str, list[bool]] = defaultdict(list)
    with crew("tesseract") as readers:
        for name in PAPERS:
            for condition in PAPER_CONDITIONS:
                told = readers.read(jobs(name, condition, SEED, count))
                table.rows.append(papers_row(name, condition, told))
                if condition != "photographed":
                    # Photographs are for the other engine: benchmarks/ocr_photos.py.
                    right[name] += [is_right for one in told for is_right in one.right().values()]
    for name, wanted in FIELDS_MIN.items():
        outcome.at_least(f"exact fields, {name}", statistics.mean(right[name]), wanted)
    outcome.tables.append(table)


async def _process(outcome: Outcome, pages: int) -> None:
    """
    The reader's process: what a page costs with everything around it, how much memory it ever had, and how soon it ends.
    """
    settings = OcrSettings()
    table = Table(
        title="The reader's process, one document of many scanned pages",
        columns=("pages", "wall s a page", "peak MiB", "limit MiB", "cancel in a page, ms"),
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "pages.pdf"
        await anyio.to_thread.run_sync(_scanned, path, pages)
        began_s, count, peak = time.monotonic(), 0, 0
        async with anyio.create_task_group() as group:
            peaks: list[int] = []
            group.start_soon(_watch, peaks)
            async for _ in read_pages(path, Kind.PDF, settings):
                count += 1
            group.cancel_scope.cancel()
        wall_s, peak = (time.monotonic() - began_s) / count, max(peaks)
        cancel_ms = [await _cancelled(path, settings) for _ in range(3)]
    table.rows.append(
        (
            count,
            round(wall_s, 2),
            peak >> 20,
            settings.reader_bytes_max >> 20,
            round(statistics.median(cancel_ms)),
        )
    )
    outcome.tables.append(table)
    outcome.at_most("a process's memory of its limit", peak / settings.reader_bytes_max, 1.0)
    outcome.at_most("cancel in the middle of a page", max(cancel_ms), 1_000, " ms")


def _scanned(path: Path, pages: int) -> None:
    made = canvas.Canvas(str(path))
    for number in range(pages):
        image, _ = letter("es", SEED + 500 + number)
        made.setPageSize((595, 842))
        made.drawImage(ImageReader(_packed(image)), 0, 0, 595, 842)
        made.showPage()
    made.save()


def _packed(image: Image.Image) -> io.BytesIO:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    buffer.seek(0)
    return buffer


def readers() -> list[int]:
    """
    Processes that read a file for this one.
    """
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
                is_ours = b"avance.apps.reading.child" in (place / "cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if is_ours and parent == _SELF:
                found.append(int(place.name))
    return found


_SELF = int(Path("/proc/self").resolve().name)


async def _watch(peaks: list[int]) -> None:
    while True:
        for one in readers():
            try:
                lines = (await anyio.Path(f"/proc/{one}/status").read_text()).splitlines()
            except (FileNotFoundError, ProcessLookupError):
                continue
            peaks += [int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM")]
        await anyio.sleep(0.1)


async def _cancelled(path: Path, settings: OcrSettings) -> float:
    """
    From the cancel to the end of the process, in the middle of the second page.
    """
    is_reading = anyio.Event()
    began_s = 0.0

    async def read() -> None:
        async for _ in read_pages(path, Kind.PDF, settings):
            is_reading.set()

    async with anyio.create_task_group() as group:
        group.start_soon(read)
        await is_reading.wait()
        await anyio.sleep(0.2)
        began_s = time.monotonic()
        group.cancel_scope.cancel()
    while True:
        if not readers():
            return (time.monotonic() - began_s) * 1000
        await anyio.sleep(0.001)


if __name__ == "__main__":
    given = arguments(TITLE).parse_args()
    ask(NAME, TITLE, measure, Settings(quick=given.quick))
