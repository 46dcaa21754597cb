from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from selectolax.lexbor import LexborHTMLParser

from avance.apps.reading.extract.text import decode, pages_of
from avance.apps.reading.limits import ReadingLimits
from avance.apps.reading.pages import About, Page

_BLOCKS = (
    "p, div, section, article, li, tr, h1, h2, h3, h4, h5, h6, br, pre, blockquote, table, ul, ol"
)
_ABOVE_HEADING = "\ue000"
"""A character that means nothing, and so is in no text."""


def read(path: str, limits: dict[str, Any]) -> Iterator[About | Page]:
    tree = LexborHTMLParser(decode(Path(path).read_bytes()))
    title = _text(tree, "title") or _text(tree, "h1")
    author = _content(tree, 'meta[name="author"]')
    bounds = msgspec.convert(limits, ReadingLimits)
    yield from pages_of(text_of(tree), bounds, title=title, author=author)


def text_of(tree: LexborHTMLParser) -> str:
    """
    What a reader sees, with a line for each block, and an empty one before each heading.
    """
    tree.strip_tags(["script", "style", "noscript", "template", "svg", "head"])
    body = tree.body
    if body is None:
        return ""
    for block in body.css(_BLOCKS):
        block.insert_after("\n")
    for heading in body.css("h1, h2, h3, h4, h5, h6"):
        heading.insert_before(f"\n{_ABOVE_HEADING}\n")
    lines = (" ".join(line.split()) for line in body.text(deep=True, separator="").split("\n"))
    return "\n".join(_spaced(line for line in lines if line))


def _spaced(lines: Iterable[str]) -> Iterator[str]:
    is_first, is_new = True, False
    for line in lines:
        if line == _ABOVE_HEADING:
            is_new = True
            continue
        if is_new and not is_first:
            yield ""
        yield line
        is_first = is_new = False


def _text(tree: LexborHTMLParser, selector: str) -> str | None:
    node = tree.css_first(selector)
    return (node.text(strip=True) or None) if node is not None else None


def _content(tree: LexborHTMLParser, selector: str) -> str | None:
    node = tree.css_first(selector)
    return node.attributes.get("content") or None if node is not None else None
