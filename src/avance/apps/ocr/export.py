"""
A result to take away: JSON, CSV, and a PDF whose pictures can be searched.
"""

import csv
import io
from typing import Any

import anyio
import msgspec

from avance import Avance
from avance.apps.ocr.catalog import Catalog
from avance.apps.ocr.engines.words import PageRead, Written
from avance.apps.ocr.errors import DocumentUnknown
from avance.apps.ocr.model import Stored
from avance.apps.ocr.settings import OcrSettings
from avance.apps.reading import ReadingLimits, Sandbox, Unreadable
from avance.apps.reading.pages import Refused
from avance.errors import Conflict

FORMATS = {"json": "application/json", "csv": "text/csv; charset=utf-8", "pdf": "application/pdf"}
_pages = msgspec.json.Decoder(PageRead)
_encode = msgspec.json.Encoder().encode


async def exported(host: Avance, stored: Stored, kind: str) -> tuple[bytes, str]:
    """
    The bytes and their type.

    Raises:
        Conflict: It has not ended.
    """
    if not stored.document.status.is_final:
        raise Conflict(
            f"document {stored.document.id} is {stored.document.status}; wait until it has ended",
            code="ocr_not_ended",
        )
    found = await Catalog(host.records).pages(stored.document.id)
    if kind == "json":
        body = {"document": stored.document, "pages": [msgspec.Raw(one) for one in found]}
        return _encode(body), FORMATS[kind]
    if kind == "csv":
        return _csv(stored).encode("utf-8-sig"), FORMATS[kind]
    return await _pdf(host, stored, found), FORMATS[kind]


def _csv(stored: Stored) -> str:
    document = stored.document
    result = document.ocr_result
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(["documentId", "fileName", "documentType", "field", "value", "confidence"])
    fields = {} if result is None else result.fields
    for name, value in fields.items():
        sure = "" if result is None else result.field_confidence.get(name, "")
        row = [document.id, document.file_name, document.document_type, name, value, sure]
        table.writerow([_harmless(one) for one in row])
    return out.getvalue()


def _harmless(value: Any) -> str:
    """
    A cell that no spreadsheet takes for a formula.
    """
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


async def _pdf(host: Avance, stored: Stored, found: Any) -> bytes:
    if stored.blob_key is None or not found:
        raise DocumentUnknown(f"there is no file of {stored.document.id}, so no PDF of it")
    settings = host.settings.section(OcrSettings)
    name = stored.document.file_name.lower()
    pages = [_slim(_pages.decode(one)) for one in found]
    limits = ReadingLimits(
        memory_bytes_max=settings.reader_bytes_max, cpu_s_max=settings.reader_cpu_s_max
    )
    async with host.blobs.local(stored.blob_key) as path, anyio.TemporaryDirectory() as folder:
        out = anyio.Path(folder) / "result.pdf"
        words = anyio.Path(folder) / "words.json"
        await words.write_bytes(_encode(pages))
        arguments = {
            "path": str(path),
            "kind": "pdf" if name.endswith(".pdf") else "image",
            "words": str(words),
            "out": str(out),
            "pages_max": settings.pages_max,
            "pixels_max": settings.pixels_max,
        }
        target = "avance.apps.ocr.engines.searchable:write"
        async for frame in Sandbox(limits).run(target, arguments):
            told = msgspec.json.decode(frame, type=Written | Refused)
            if isinstance(told, Refused):
                raise Unreadable(told.message, code=told.code)
        return await out.read_bytes()


def _slim(page: PageRead) -> dict[str, Any]:
    return {
        "width": page.width,
        "height": page.height,
        "turned": page.turned,
        "words": [[one.text, one.left, one.top, one.right, one.bottom] for one in page.words],
    }
