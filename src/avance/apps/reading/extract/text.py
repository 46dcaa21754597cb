from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from avance.apps.reading.errors import Unreadable
from avance.apps.reading.limits import ReadingLimits
from avance.apps.reading.pages import About, Page

_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def read(path: str, limits: dict[str, Any]) -> Iterator[About | Page]:
    yield from pages_of(decode(Path(path).read_bytes()), msgspec.convert(limits, ReadingLimits))


def decode(data: bytes) -> str:
    """
    UTF-8, what a mark at the beginning says, or else the encoding of old Windows files, in which every byte means something.
    """
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def pages_of(
    text: str, limits: ReadingLimits, *, title: str | None = None, author: str | None = None
) -> Iterator[About | Page]:
    """
    A text without pages, as one page or as several of bounded size.
    """
    text = text.replace("\r\n", "\n").replace("\0", "")
    if not text.strip():
        raise Unreadable("the file has no text", code="document_empty")
    if len(text) > limits.file_chars_max:
        raise Unreadable(
            f"the file has {len(text)} characters; the limit is {limits.file_chars_max}",
            code="document_too_large",
        )
    yield About(pages=1, title=title, author=author)
    for start in range(0, len(text), limits.page_chars_max):
        yield Page(number=1, text=text[start : start + limits.page_chars_max])
