"""
Cutting texts: long ones a block at a time, with the borders that they would have had as a whole; each strategy at the borders that it knows.
"""

import json
from itertools import count, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from semantic_text_splitter import TextSplitter

from avance.apps.documents.text.chunks import BLOCK_CHARS, cut
from avance.apps.documents.text.strategies import Cutting, Strategy
from avance.apps.documents.text.tokens import MODEL
from avance.apps.reading import Kind, Page

TOKENS, OVERLAP = 100, 20
CUTTING = Cutting(tokens=TOKENS, overlap=OVERLAP)
LONG = "".join(f"Párrafo {n} del libro mayor, con sus cuentas.\n\n" for n in range(3_000))


def test_a_text_of_several_blocks_has_the_passages_of_the_whole() -> None:
    assert len(LONG) > 2 * BLOCK_CHARS
    found = cut([Page(number=1, text=LONG)], Kind.TEXT, CUTTING)
    whole = TextSplitter.from_tiktoken_model(MODEL, TOKENS, OVERLAP).chunk_indices(LONG)
    assert [(one.start, one.text) for one in found] == whole
    assert all(LONG[one.start : one.end] == one.text for one in found)
    assert all(before.end > after.start for before, after in pairwise(found))


def test_a_text_without_any_border_is_cut_to_its_end() -> None:
    text = "x" * (BLOCK_CHARS + 7) + " " * BLOCK_CHARS + "fin"
    found = cut([Page(number=1, text=text)], Kind.TEXT, Cutting(tokens=TOKENS, overlap=0))
    assert "".join(one.text for one in found) == text.replace(" ", "")


def test_the_cutting_ends_when_nobody_waits_for_it() -> None:
    asked = count(1)
    found = cut(
        [Page(number=1, text=LONG)],
        Kind.TEXT,
        CUTTING,
        is_left=lambda: next(asked) >= 3,
    )
    assert len(found) == 3


def passages(text: str, strategy: Strategy, tokens: int, kind: Kind = Kind.TEXT) -> list[str]:
    found = cut(
        [Page(number=1, text=text)], kind, Cutting(tokens=tokens, overlap=0, strategy=strategy)
    )
    assert all(text[one.start : one.end] == one.text for one in found)
    return [one.text for one in found]


SHIPS = "The ship left the harbour at dawn. The captain steered the ship past the harbour wall. "
BREAD = "Bread needs flour and water. The baker kneads flour into dough for bread. "


def test_a_semantic_cut_is_where_the_text_begins_to_speak_of_something_else() -> None:
    text = SHIPS * 4 + BREAD * 4
    assert passages(text, Strategy.RECURSIVE, 400) == [text.strip()]
    assert passages(text, Strategy.SEMANTIC, 400) == [(SHIPS * 4).strip(), (BREAD * 4).strip()]


def test_markdown_is_cut_at_headings_whatever_the_file_is_called() -> None:
    # By the text alone, the first passage would go on to where its tokens end.
    text = "# One\n\nalpha beta gamma\n\n# Two\n\ndelta epsilon zeta\n"
    assert passages(text, Strategy.MARKDOWN, 12) == [
        "# One\n\nalpha beta gamma",
        "# Two\n\ndelta epsilon zeta",
    ]


def test_html_is_cut_at_each_heading_and_then_at_other_elements() -> None:
    one, two = "<h1>One</h1><p>alpha</p>", "<h2>Two</h2><p>beta</p>"
    assert passages(one + two, Strategy.HTML, 500) == [one, two]
    long = "<ul>" + "".join(f"<li>item number {n} of the list</li>" for n in range(8)) + "</ul>"
    found = passages(long, Strategy.HTML, 40)
    assert len(found) > 1
    assert all(one.startswith("<li>") for one in found[1:])
    read = "One\nalpha\n\nTwo\nbeta"
    assert passages(read, Strategy.HTML, 500, Kind.HTML) == ["One\nalpha", "Two\nbeta"]


CODE = '''import os


@cached
def first(path):
    """
    Nothing is cut within a function that is short enough to be a passage of its own.
    """
    return os.stat(path).st_size


class Second:
    def one(self):
        return "one and some more words"

    def two(self):
        return "two and some more words"
'''


def test_python_is_cut_before_classes_and_functions_and_then_before_methods() -> None:
    whole = passages(CODE, Strategy.PYTHON_CODE, 39)
    assert [one.split("\n", 1)[0] for one in whole] == ["import os", "@cached", "class Second:"]
    finer = passages(CODE, Strategy.PYTHON_CODE, 22)
    assert 'def two(self):\n        return "two and some more words"' in finer


def test_json_is_cut_between_its_outer_elements() -> None:
    rows = [{"name": f"row {n}", "tags": ["a, b", "}", '"']} for n in range(6)]
    text = json.dumps(rows)
    found = passages(text, Strategy.JSON, 60)
    assert len(found) > 1
    assert json.loads("".join(found)) == rows
    assert all(one.startswith('{"name"') for one in found[1:])
    lines = "\n".join(json.dumps(row) for row in rows)
    assert all(one.startswith('{"name"') for one in passages(lines, Strategy.JSON, 60))


@pytest.mark.parametrize("strategy", Strategy)
@given(st.text(alphabet='ab <h1>\n{}[],".@def#é', max_size=300))
@settings(max_examples=40, deadline=None)
def test_every_strategy_keeps_each_character_that_is_seen(strategy: Strategy, text: str) -> None:
    for kind in (Kind.TEXT, Kind.HTML):
        assert "".join("".join(passages(text, strategy, 20, kind)).split()) == "".join(text.split())


def test_a_string_of_json_that_never_ends_is_looked_at_once() -> None:
    text = '["' + '\\"' * 20_000
    assert "".join(passages(text, Strategy.JSON, 1_000)) == text
