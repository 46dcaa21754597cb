"""
What a file is, by its first bytes; the name decides only where bytes cannot.
"""

from enum import StrEnum
from pathlib import Path

from avance.apps.reading.container import parts_of
from avance.apps.reading.errors import Unreadable
from avance.apps.reading.limits import READING_LIMITS, ReadingLimits

HEAD_BYTES = 4_096
DOCX_BYTES_MIN = 100


class Kind(StrEnum):
    PDF = "pdf"
    DOCX = "docx"
    XLSX = "xlsx"
    HTML = "html"
    MARKDOWN = "markdown"
    TEXT = "text"
    PNG = "png"
    JPEG = "jpeg"
    TIFF = "tiff"

    @property
    def is_image(self) -> bool:
        return self in (Kind.PNG, Kind.JPEG, Kind.TIFF)


_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", Kind.PNG),
    (b"\xff\xd8\xff", Kind.JPEG),
    (b"II*\x00", Kind.TIFF),
    (b"MM\x00*", Kind.TIFF),
)
_TEXT_NAMES = {
    ".md": Kind.MARKDOWN,
    ".markdown": Kind.MARKDOWN,
    ".html": Kind.HTML,
    ".htm": Kind.HTML,
    ".txt": Kind.TEXT,
}
_BINARY_NAMES = {
    ".pdf": Kind.PDF,
    ".docx": Kind.DOCX,
    ".xlsx": Kind.XLSX,
    ".png": Kind.PNG,
    ".jpg": Kind.JPEG,
    ".jpeg": Kind.JPEG,
    ".tif": Kind.TIFF,
    ".tiff": Kind.TIFF,
}


def sniff(path: Path, name: str, limits: ReadingLimits = READING_LIMITS) -> Kind:
    """
    Tell what a file is. Costs a millisecond; nothing is unpacked.

    Raises:
        Unreadable: It is empty, a bomb, or not what its name says.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head.strip():
        raise Unreadable(f"{name} is empty", code="document_empty", name=name)
    found = _by_bytes(path, head, name, limits)
    claimed = _BINARY_NAMES.get(_suffix(name))
    if claimed is not None and found is not claimed:
        what = f"a file of kind {found.value}" if found is not None else "something else"
        raise Unreadable(
            f"{name} is not {claimed.value} but {what}; name it as what it is",
            code="document_mislabelled",
            name=name,
        )
    if found is not None:
        return found
    if b"\0" in head:
        raise Unreadable(f"{name} is of no kind that is read here", code="document_kind", name=name)
    return _by_text(head, name)


def _by_bytes(path: Path, head: bytes, name: str, limits: ReadingLimits) -> Kind | None:
    # Some writers put a few bytes before the mark; readers accept it within the first kilobyte.
    if b"%PDF-" in head[:1024]:
        return Kind.PDF
    if head.startswith(b"PK\x03\x04"):
        return _container(path, name, limits)
    return next((kind for magic, kind in _MAGIC if head.startswith(magic)), None)


def _by_text(head: bytes, name: str) -> Kind:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return Kind.HTML
    return _TEXT_NAMES.get(_suffix(name), Kind.TEXT)


def _container(path: Path, name: str, limits: ReadingLimits) -> Kind:
    """
    Look at the directory of a zip file: the sizes that it announces, and what kind of document it is.
    """
    entries = parts_of(path, name, code="document_damaged")
    size = path.stat().st_size
    inside = sum(entry.file_size for entry in entries)
    if (
        len(entries) > limits.zip_entries_max
        or inside > limits.zip_bytes_max
        or inside > size * limits.zip_ratio_max
    ):
        raise Unreadable(
            f"{name} holds {inside} bytes in {len(entries)} parts, {inside // max(size, 1)} times its size; it is not unpacked",
            code="document_bomb",
            name=name,
        )
    names = {entry.filename for entry in entries}
    if "[Content_Types].xml" in names and size >= DOCX_BYTES_MIN:
        if "word/document.xml" in names:
            return Kind.DOCX
        if "xl/workbook.xml" in names:
            return Kind.XLSX
    raise Unreadable(
        f"{name} is a zip file without a document that is read here",
        code="document_damaged" if _suffix(name) in _BINARY_NAMES else "document_kind",
        name=name,
    )


def _suffix(name: str) -> str:
    return Path(name).suffix.lower()
