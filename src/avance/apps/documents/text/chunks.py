"""
Cutting a text into passages that keep their place: page, first and last character.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import msgspec

from avance.apps.documents.text.borders import Marked, marks, sections
from avance.apps.documents.text.strategies import Cutting, Strategy
from avance.apps.reading import Kind, Page

BLOCK_CHARS = 50_000
"""So much is cut at a time: a tenth of a second, after which it is seen whether anybody still wants it."""
CHARS_A_TOKEN = 16
"""More than tokens have, so that a block is always many passages long."""


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    page: int
    start: int
    """In the text of the page."""
    end: int


class Splitter(Protocol):
    def chunk_indices(self, text: str, /) -> list[tuple[int, str]]: ...


def cut(
    pages: Sequence[Page],
    kind: Kind,
    cutting: Cutting,
    *,
    is_left: Callable[[], bool] = lambda: False,
) -> list[Chunk]:
    """
    Passages of at most so many tokens, at the best borders there are: sections, paragraphs, sentences. None goes over the end of a page, so that
    whoever opens a citation finds it on that page.

    Args:
        is_left: Asked from time to time; once nobody waits for the passages any more, the cutting ends.
    """
    splitter = _splitter(kind, cutting)
    block = max(BLOCK_CHARS, cutting.tokens * CHARS_A_TOKEN)
    chunks: list[Chunk] = []
    for page in pages:
        for start, end in _spans(splitter, page.text, kind, cutting.strategy, block):
            text = page.text[start:end]
            chunks.append(Chunk(text=text, page=page.number, start=start, end=end))
            if is_left():
                return chunks
    return chunks


def _splitter(kind: Kind, cutting: Cutting) -> Splitter:
    # Loaded where a document is cut, not wherever the app is imported.
    from avance.apps.documents.text.splitting import TokenSplitter  # noqa: PLC0415

    is_markdown = cutting.strategy is Strategy.MARKDOWN or (
        cutting.strategy is Strategy.RECURSIVE and kind is Kind.MARKDOWN
    )
    return TokenSplitter(
        cutting.tokens, min(cutting.overlap, cutting.tokens // 2), is_markdown=is_markdown
    )


def _spans(
    splitter: Splitter, text: str, kind: Kind, strategy: Strategy, block: int
) -> Iterator[tuple[int, int]]:
    """
    The first character of each passage, and the one after its last.
    """
    for first, after in sections(text, kind, strategy):
        section = text[first:after]
        marked = Marked(section, marks(section, kind, strategy))
        for start, passage in _passages(splitter, marked.text, block):
            end = marked.origin(start + len(passage) - 1) + 1
            yield first + marked.origin(start), first + end


def _passages(splitter: Splitter, text: str, block: int) -> Iterator[tuple[int, str]]:
    """
    Cut a long text a block at a time. The last passage of a block is where the next begins, so that the borders of blocks are borders of passages.
    """
    start = 0
    while start < len(text):
        found = splitter.chunk_indices(text[start : start + block])
        is_last = start + block >= len(text)
        whole = found if is_last or len(found) < 2 else found[:-1]
        yield from ((start + at, passage) for at, passage in whole)
        if is_last or len(found) < 2 or not found[-1][0]:
            start += block
        else:
            start += found[-1][0]
