"""
Cutting a text into passages that keep their place: page, first and last character.
"""

from collections.abc import Sequence

import msgspec

from avance.apps.reading import Kind, Page

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
    Passages of at most so many tokens, at the best borders there are: sections, paragraphs, sentences. None goes over the end of a page, so that
    whoever opens a citation finds it on that page.
    """
    # Loaded where a document is cut, not wherever the app is imported.
    from semantic_text_splitter import MarkdownSplitter, TextSplitter  # noqa: PLC0415

    chosen = MarkdownSplitter if kind is Kind.MARKDOWN else TextSplitter
    splitter = chosen.from_tiktoken_model(MODEL, tokens, min(overlap, tokens // 2))
    chunks = []
    for page in pages:
        for start, found in splitter.chunk_indices(page.text):
            chunks.append(Chunk(text=found, page=page.number, start=start, end=start + len(found)))
    return chunks
