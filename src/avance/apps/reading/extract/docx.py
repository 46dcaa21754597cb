from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from zipfile import ZipFile

import mammoth
import msgspec
from selectolax.lexbor import LexborHTMLParser

from avance.apps.reading.errors import Unreadable
from avance.apps.reading.extract.html import text_of
from avance.apps.reading.extract.text import pages_of
from avance.apps.reading.limits import ReadingLimits
from avance.apps.reading.pages import About, Page

_DUBLIN = "{http://purl.org/dc/elements/1.1/}"
PROPERTIES_BYTES_MAX = 65_536


def read(path: str, limits: dict[str, Any]) -> Iterator[About | Page]:
    try:
        with Path(path).open("rb") as file:
            html = mammoth.convert_to_html(file, convert_image=_no_image).value
        title, author = _properties(path)
    except Unreadable:
        raise
    except Exception as error:
        # Whatever a stranger's XML makes the parser raise; nothing else runs here.
        raise Unreadable(
            f"the document is damaged: {type(error).__name__}: {error}", code="document_damaged"
        ) from error
    text = text_of(LexborHTMLParser(f"<body>{html}</body>"))
    yield from pages_of(text, msgspec.convert(limits, ReadingLimits), title=title, author=author)


@mammoth.images.img_element  # type: ignore[untyped-decorator]
def _no_image(image: object) -> dict[str, str]:
    # Pictures would be carried along as text.
    return {"src": ""}


def _properties(path: str) -> tuple[str | None, str | None]:
    with ZipFile(path) as container:
        if "docProps/core.xml" not in container.namelist():
            return None, None
        data = container.read("docProps/core.xml")[:PROPERTIES_BYTES_MAX]
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise Unreadable("the document defines entities of its own", code="document_bomb")
    root = ElementTree.fromstring(data)
    return root.findtext(f"{_DUBLIN}title") or None, root.findtext(f"{_DUBLIN}creator") or None
