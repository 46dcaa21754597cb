"""
Cutting a text into passages that keep their place: page, first and last character.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import msgspec

from avance.apps.reading import Kind, Page

MODEL = "gpt-4"
"""Whose tokens are counted; the table of them is part of the library."""
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
    *,
    tokens: int,
    overlap: int,
    is_left: Callable[[], bool] = lambda: False,
) -> list[Chunk]:
    """
    Passages of at most so many tokens, at the best borders there are: sections, paragraphs, sentences. None goes over the end of a page, so that
    whoever opens a citation finds it on that page.

    Args:
        is_left: Asked from time to time; once nobody waits for the passages any more, the cutting ends.
    """
    # Loaded where a document is cut, not wherever the app is imported.
    from semantic_text_splitter import MarkdownSplitter, TextSplitter  # noqa: PLC0415

    chosen = MarkdownSplitter if kind is Kind.MARKDOWN else TextSplitter
    splitter = chosen.from_tiktoken_model(MODEL, tokens, min(overlap, tokens // 2))
    block = max(BLOCK_CHARS, tokens * CHARS_A_TOKEN)
    chunks: list[Chunk] = []
    for page in pages:
        for start, found in _passages(splitter, page.text, block):
            chunks.append(Chunk(text=found, page=page.number, start=start, end=start + len(found)))
            if is_left():
                return chunks
    return chunks


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
