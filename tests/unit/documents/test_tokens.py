"""
Counting the tokens of passages: as the tokenizer does, whatever the text is; and what is cut by it is what the library's own counting cuts.
"""

import re
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from semantic_text_splitter import MarkdownSplitter, TextSplitter

from avance.apps.documents.text.splitting import TokenSplitter
from avance.apps.documents.text.tokens import MODEL, PIECE_CHARS_MAX, tokens_in

ROOT = Path(__file__).parents[3]
PAGES = [
    (ROOT / "docs" / language / "howto" / "documents.md").read_text("utf-8")
    for language in ("es", "en")
]
PIECES = (
    *("el", " contrato", "Año", " ÑANDÚ", " I'm", "DON'T", "we'Ll", "iPhone", "Straße", "1ª", "µm"),
    *(" ", "  ", "\n", "\n\n", " \n", "\t", "\u00a0", "\u2003", "\u2028", "\x1c", "\r\n", ".\n/"),
    *("1234567", "12", "...", "¿", "«", "»,", "—", "/", "€", "<|endoftext|>", "(x)", "a.b@c.es"),
    *(
        "e\u0301",
        "Ω",
        "жук",
        "\u017f",
        "'\u017f",
        "ⅷ",
        "²",
        "ª",
        "\ufffe",
        "漢字",
        "👍",
        "def f(x):\n    return",
    ),
)
texts = st.lists(
    st.one_of(st.sampled_from(PIECES), st.characters(max_codepoint=0x2FFF, codec="utf-8")),
    min_size=1,
    max_size=60,
).map("".join)


def tokens_of(text: str) -> int:
    """
    By the tokenizer of the library: after more blank lines than it has anywhere, a text is one passage with them, or begins the next.
    """
    most = max((len(one) for one in re.findall("\n+", text)), default=0)
    lines = "1" + "\n" * (most + 1) + ("a" if text[:1].isspace() else "")
    return smallest(lines + text) - smallest(lines)


def smallest(text: str) -> int:
    splitters = (TextSplitter.from_tiktoken_model(MODEL, one, trim=False) for one in count(1))
    return next(one for one, cut in enumerate(splitters, start=1) if len(cut.chunks(text)) == 1)


@settings(max_examples=150, deadline=None)
@given(texts, st.data())
def test_a_part_of_a_text_has_the_tokens_that_the_tokenizer_counts(
    text: str, data: st.DataObject
) -> None:
    found = tokens_in(text)
    if found is None:
        return
    for _ in range(3):
        start = data.draw(st.integers(0, len(text) - 1))
        part = text[start : data.draw(st.integers(start + 1, len(text)))]
        assert found.of(part) == tokens_of(part)


@settings(max_examples=60, deadline=None)
@given(texts, st.integers(3, 40), st.booleans())
def test_passages_are_those_that_the_counting_of_the_library_cuts(
    text: str, tokens: int, is_markdown: bool
) -> None:
    own = MarkdownSplitter if is_markdown else TextSplitter
    whole = own.from_tiktoken_model(MODEL, tokens, tokens // 3)
    ours = TokenSplitter(tokens, tokens // 3, is_markdown=is_markdown)
    assert ours.chunk_indices(text) == whole.chunk_indices(text)


@pytest.mark.parametrize("page", PAGES, ids=["es", "en"])
@pytest.mark.parametrize("is_markdown", [False, True])
def test_a_page_in_each_language_is_cut_as_by_the_library(page: str, is_markdown: bool) -> None:
    own = MarkdownSplitter if is_markdown else TextSplitter
    assert tokens_in(page) is not None
    for tokens, overlap in ((32, 8), (512, 80)):
        whole = own.from_tiktoken_model(MODEL, tokens, overlap)
        ours = TokenSplitter(tokens, overlap, is_markdown=is_markdown)
        assert ours.chunk_indices(page) == whole.chunk_indices(page)


@pytest.mark.parametrize(
    "text", ["x" * (PIECE_CHARS_MAX + 1), "日本語の契約書", "e\u0301" * PIECE_CHARS_MAX, "a\rb"]
)
def test_texts_in_other_scripts_and_without_an_end_are_left_to_the_tokenizer(text: str) -> None:
    assert tokens_in(text) is None
    whole = TextSplitter.from_tiktoken_model(MODEL, 5, 1).chunk_indices(text)
    assert TokenSplitter(5, 1, is_markdown=False).chunk_indices(text) == whole
