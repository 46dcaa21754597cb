"""
What a file is, before anything is unpacked.
"""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from avance.apps.reading import Kind, Unreadable, sniff

Put = Callable[[str, bytes], Path]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    def write(name: str, data: bytes) -> Path:
        path = tmp_path / "file"
        path.write_bytes(data)
        return path

    return write


def zipped(**entries: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as container:
        for name, data in entries.items():
            container.writestr(name.replace("__", "/").replace("_xml", ".xml"), data)
    return buffer.getvalue()


def of_version(version: int, data: bytes) -> bytes:
    """
    As if it took such a version of the format to unpack it.
    """
    places = [at for at in range(len(data)) if data.startswith(b"PK\x01\x02", at)]
    changed = bytearray(data)
    for at in places:
        changed[at + 6 : at + 8] = version.to_bytes(2, "little")
    return bytes(changed)


DOCX = zipped(**{"[Content_Types]_xml": b"x" * 99, "word__document_xml": b"<w/>"})
XLSX = zipped(**{"[Content_Types]_xml": b"x" * 99, "xl__workbook_xml": b"<w/>"})


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.pdf", b"%PDF-1.7\n...", Kind.PDF),
        ("a.pdf", b"\n\n%PDF-1.4\n...", Kind.PDF),
        ("noname", b"%PDF-1.7\n...", Kind.PDF),
        ("a.docx", DOCX, Kind.DOCX),
        ("a.xlsx", XLSX, Kind.XLSX),
        ("a.png", b"\x89PNG\r\n\x1a\n....", Kind.PNG),
        ("a.jpg", b"\xff\xd8\xff\xe0....", Kind.JPEG),
        ("a.tif", b"II*\x00....", Kind.TIFF),
        ("a.txt", "canción".encode(), Kind.TEXT),
        ("a.txt", "canción".encode("latin-1"), Kind.TEXT),
        ("a.md", b"# Title", Kind.MARKDOWN),
        ("a.txt", b"<!DOCTYPE html><p>x", Kind.HTML),
        ("a.htm", b"<p>x", Kind.HTML),
    ],
)
def test_a_file_is_known_by_its_bytes(name: str, data: bytes, kind: Kind, put: Put) -> None:
    assert sniff(put(name, data), name) is kind


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.pdf", b"", "document_empty"),
        ("a.txt", b" \r\n\t", "document_empty"),
        ("a.pdf", b"<!doctype html><p>x", "document_mislabelled"),
        ("a.pdf", DOCX, "document_mislabelled"),
        ("a.docx", b"%PDF-1.7\n", "document_mislabelled"),
        ("a.docx", b"PK\x03\x04 and no directory", "document_damaged"),
        ("a.docx", of_version(99, DOCX), "document_damaged"),
        ("a.docx", zipped(readme=b"hello"), "document_damaged"),
        ("a.zip", zipped(readme=b"hello"), "document_kind"),
        ("a.bin", b"\x7fELF\x02\x01\x01\0\0\0", "document_kind"),
        ("a.docx", zipped(word__document_xml=b"\0" * 3_000_000), "document_bomb"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_code(
    name: str, data: bytes, code: str, put: Put
) -> None:
    with pytest.raises(Unreadable, match="a\\.") as refused:
        sniff(put(name, data), name)
    assert refused.value.code == code
    assert refused.value.status == 400
