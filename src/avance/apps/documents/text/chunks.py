"""
Cutting a text into passages that keep their place: page, first and last character.
"""

from bisect import bisect_right
from collections.abc import Sequence

import msgspec

from avance.apps.reading import Kind, Page

PAGE_BREAK = "\n\n"
MODEL = "gpt-4"
"""Whose tokens are counted; the table of them is part of the library."""


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    page: int
    start: int
    """In the text of the page."""
    end: int


def cut(pages: Sequence[Page], kind: Kind, *, tokens: int, overlap: int) -> list[Chunk]:
    """
    Passages of at most so many tokens, at the best borders there are: sections, paragraphs, sentences.
    """
    # Loaded where a document is cut, not wherever the app is imported.
    from semantic_text_splitter import MarkdownSplitter, TextSplitter  # noqa: PLC0415

    chosen = MarkdownSplitter if kind is Kind.MARKDOWN else TextSplitter
    splitter = chosen.from_tiktoken_model(MODEL, tokens, min(overlap, tokens // 2))
    text = PAGE_BREAK.join(page.text for page in pages)
    starts, place = [], 0
    for page in pages:
        starts.append(place)
        place += len(page.text) + len(PAGE_BREAK)
    chunks = []
    for first, found in splitter.chunk_indices(text):
        index = bisect_right(starts, first) - 1
        start = first - starts[index]
        chunks.append(
            Chunk(text=found, page=pages[index].number, start=start, end=start + len(found))
        )
    return chunks
