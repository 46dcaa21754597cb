"""
Files of every unpleasant kind: each has a clear end, and the server lives on. docs/contract/ocr.md.
"""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2 as httpx
import numpy as np
import pytest
from PIL import Image
from reportlab.pdfgen import canvas
from tests.integration.ocr.conftest import ended, uploaded
from tests.integration.ocr.paper import LETTER, digital_pdf, drawn, packed

from avance.apps.ocr.engines.child import read_picture
from avance.apps.ocr.engines.pictures import pictures
from avance.apps.ocr.engines.tesseract import Tesseract
from avance.apps.ocr.settings import OcrSettings
from avance.apps.reading import Unreadable

NINE = LETTER[0]


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of(width: int, height: int, *, rows: int | None = None) -> bytes:
    """
    A grey PNG of any announced size, white, small on the disk.
    """
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    packer = zlib.compressobj(9)
    body = b"".join(packer.compress(b"\0" + b"\xff" * width) for _ in range(rows or height))
    body += packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def locked_pdf() -> bytes:
    out = io.BytesIO()
    made = canvas.Canvas(out, encrypt="word")
    made.drawString(72, 720, "A secret letter with many words")
    made.save()
    return out.getvalue()


def sixteen_bit() -> bytes:
    grey = np.asarray(drawn(LETTER), dtype=np.uint16) * 40 + 2_000
    return packed(Image.fromarray(grey))


def animated() -> bytes:
    """
    A PNG that moves: its first picture is the page.
    """
    first, second = drawn(LETTER), drawn(("another picture",) * 4)
    return packed(first, save_all=True, append_images=[second])


def book() -> bytes:
    """
    A TIFF of one page more than are read.
    """
    leaf = Image.new("1", (16, 16), 1)
    return packed(leaf, "TIFF", save_all=True, append_images=[leaf] * 200)


def on_nothing() -> bytes:
    """
    Black letters on a transparent ground.
    """
    letters = drawn(LETTER)
    page = Image.new("RGBA", letters.size, (0, 0, 0, 0))
    page.putalpha(letters.point(lambda value: 255 - value))
    return packed(page)


READ = {
    "cmyk.jpg": lambda: packed(drawn(LETTER).convert("CMYK"), "JPEG", quality=90),
    "sixteen.png": sixteen_bit,
    "animated.png": animated,
    "bits.tiff": lambda: packed(drawn(LETTER).convert("1"), "TIFF", compression="group4"),
    "palette.png": lambda: packed(drawn(LETTER).convert("P")),
    "nothing-behind.png": on_nothing,
    "white-on-black.png": lambda: packed(drawn(LETTER).point(lambda value: 255 - value)),
    "pages.tif": lambda: packed(
        drawn(LETTER), "TIFF", save_all=True, append_images=[drawn(("the second page",))]
    ),
    "turned.jpg": lambda: packed(
        drawn(LETTER).rotate(90, expand=True), "JPEG", exif=b"Exif\0\0" + orientation(6)
    ),
}
REFUSED = {
    "bomb.png": (lambda: png_of(30_000, 30_000, rows=40), "900000000|30000 × 30000"),
    "bomb.tiff": (
        lambda: packed(Image.new("1", (20_000, 20_000), 1), "TIFF", compression="group4"),
        "20000 × 20000",
    ),
    "book.tiff": (book, "201 pages"),
    "moving.png": (lambda: packed(drawn(LETTER), "GIF"), "not png"),
    "strip.png": (lambda: png_of(1, 100_000), "1 × 100000"),
    "half.png": (lambda: packed(drawn(LETTER))[:3_000], "damaged"),
    "broken.pdf": (lambda: b"%PDF-1.7\n" + b"rubbish " * 50, "cannot be opened"),
    "locked.pdf": (locked_pdf, "password"),
    "false.pdf": (lambda: packed(drawn(LETTER)), "not pdf"),
    "false.png": (lambda: b"only a text", "not png"),
}


def orientation(value: int) -> bytes:
    """
    The EXIF block that says how a camera was held.
    """
    return struct.pack("<2sHLHHHLHHL", b"II", 42, 8, 1, 0x0112, 3, 1, value, 0, 0)


SENT = ("sixteen.png", "pages.tif", "turned.jpg")
"""These go through a server, each with a process of its own; the others are read by one engine after the other."""


async def test_pictures_of_several_kinds_are_read_by_a_server(http: httpx.AsyncClient) -> None:
    ids = await uploaded(http, *((name, READ[name]()) for name in SENT))
    for name, document in zip(SENT, ids, strict=True):
        told = await ended(http, document)
        assert told["status"] == "completed", (name, told)
        assert NINE in told["ocrResult"]["extractedText"], name
        assert told["ocrResult"]["confidence"] > 80, name
        assert told["pages"] == (2 if name == "pages.tif" else 1)
        assert ("the second page" in told["ocrResult"]["extractedText"]) == (name == "pages.tif")


@pytest.fixture(scope="module")
def engine() -> Iterator[Tesseract]:
    made = Tesseract("spa+eng", None)
    yield made
    made.close()


@pytest.mark.parametrize("name", [name for name in READ if name not in SENT])
def test_every_kind_of_picture_is_read(name: str, engine: Tesseract, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(READ[name]())
    settings = OcrSettings()
    [page] = [
        read_picture(engine, one)
        for one in pictures(
            str(file), "image", pages_max=settings.pages_max, pixels_max=settings.pixels_max
        )
    ]
    assert NINE in page.text
    assert page.confidence > 0.8


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: png_of(100_000, 1), "100000 × 1"),
        (lambda: png_of(3, 3), "too few"),
        (lambda: packed(drawn(LETTER), "JPEG")[:2_000], "damaged"),
    ],
    ids=["long", "dot", "half"],
)
def test_a_picture_that_is_none_is_refused_by_what_it_is(
    make: Callable[[], bytes], reason: str, tmp_path: Path
) -> None:
    file = tmp_path / "picture"
    file.write_bytes(make())
    settings = OcrSettings()
    with pytest.raises(Unreadable, match=reason):
        list(
            pictures(
                str(file), "image", pages_max=settings.pages_max, pixels_max=settings.pixels_max
            )
        )


async def test_what_cannot_be_read_says_why(http: httpx.AsyncClient) -> None:
    """Bombs, strips, broken, locked and mislabelled files: failed with a reason, the next one is read."""
    ids = await uploaded(http, *((name, make()) for name, (make, _) in REFUSED.items()))
    for (name, (_, reason)), document in zip(REFUSED.items(), ids, strict=True):
        told = await ended(http, document)
        assert told["status"] == "failed", (name, told)
        assert any(one in told["error"] for one in reason.split("|")), (name, told["error"])
    [after] = await uploaded(http, ("after.pdf", digital_pdf("The server is still there")))
    assert (await ended(http, after))["status"] == "completed"


async def test_an_empty_page_is_rejected_and_never_looks_sure(http: httpx.AsyncClient) -> None:
    ids = await uploaded(http, ("white.png", png_of(1_200, 800)), ("white.pdf", digital_pdf("")))
    for document in ids:
        told = await ended(http, document)
        assert told["status"] == "completed", told
        assert told["finalDecision"] == "REJECTED"
        assert told["ocrResult"]["confidence"] == 0
        assert told["ocrResult"]["success"] is False


async def test_another_script_is_never_sure(http: httpx.AsyncClient) -> None:
    """What the languages of the engine do not know is at the most for a person to look at."""
    lines = ("Ещё детство она любила", "читать старые книги про море", "про далёкие страны мира")
    [document] = await uploaded(http, ("letter.png", packed(drawn(lines))))
    told = await ended(http, document)
    assert told["finalDecision"] in ("MANUAL_REVIEW", "REJECTED"), told["ocrResult"]


async def test_an_empty_upload_and_too_many_are_refused(http: httpx.AsyncClient) -> None:
    for files in (
        [("files[]", ("a.png", b""))],
        [("files[]", ("a.docx", b"PK\3\4"))],
        [("files[]", (f"{n}.pdf", b"%PDF-1.4")) for n in range(31)],
        [],
    ):
        answer = await http.post("/api/ocr/upload", files=files)
        assert answer.status_code == 400, answer.text
        assert answer.json()["success"] is False
