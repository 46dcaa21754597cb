"""
Cutting long texts: a block at a time, with the borders that it would have had as a whole.
"""

from itertools import count, pairwise

from semantic_text_splitter import TextSplitter

from avance.apps.documents.text.chunks import BLOCK_CHARS, MODEL, cut
from avance.apps.reading import Kind, Page

TOKENS, OVERLAP = 100, 20
LONG = "".join(f"Párrafo {n} del libro mayor, con sus cuentas.\n\n" for n in range(3_000))


def test_a_text_of_several_blocks_has_the_passages_of_the_whole() -> None:
    assert len(LONG) > 2 * BLOCK_CHARS
    found = cut([Page(number=1, text=LONG)], Kind.TEXT, tokens=TOKENS, overlap=OVERLAP)
    whole = TextSplitter.from_tiktoken_model(MODEL, TOKENS, OVERLAP).chunk_indices(LONG)
    assert [(one.start, one.text) for one in found] == whole
    assert all(LONG[one.start : one.end] == one.text for one in found)
    assert all(before.end > after.start for before, after in pairwise(found))


def test_a_text_without_any_border_is_cut_to_its_end() -> None:
    text = "x" * (BLOCK_CHARS + 7) + " " * BLOCK_CHARS + "fin"
    found = cut([Page(number=1, text=text)], Kind.TEXT, tokens=TOKENS, overlap=0)
    assert "".join(one.text for one in found) == text.replace(" ", "")


def test_the_cutting_ends_when_nobody_waits_for_it() -> None:
    asked = count(1)
    found = cut(
        [Page(number=1, text=LONG)],
        Kind.TEXT,
        tokens=TOKENS,
        overlap=OVERLAP,
        is_left=lambda: next(asked) >= 3,
    )
    assert len(found) == 3
