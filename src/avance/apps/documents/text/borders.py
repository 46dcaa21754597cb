"""
Where texts of some kinds are best cut. Sections are kept apart; marks are places that a passage rather ends at than elsewhere.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator

import msgspec

from avance.apps.documents.text.strategies import Strategy
from avance.apps.documents.text.topics import topics
from avance.apps.reading import Kind

MARK_CHARS_MIN = 40
"""Marks are not nearer to each other, so that they cost few tokens."""
_BREAKS = ("\n" * 8, "\n" * 7, "\n" * 6, "\n" * 5)
"""Many blank lines are what splitters of texts like best to cut at; one for each level."""
_READ_WITH_HEADINGS = (Kind.HTML, Kind.DOCX)
_HEADING_TAG = re.compile(r"<h[1-6][\s>]", re.IGNORECASE)
_BLANK_LINE = re.compile(r"\n\n+")
_TAGS = (
    re.compile(r"<(?:section|article|main|header|footer|table)[\s>]", re.IGNORECASE),
    re.compile(r"<(?:div|ul|ol|dl|pre|blockquote|form)[\s>]", re.IGNORECASE),
    re.compile(r"<(?:p|li|tr|dt|dd)[\s>]", re.IGNORECASE),
)
_PYTHON = (
    re.compile(r"^(?P<is_decorator>@)|^(?:async[ ]+def|def|class)\b", re.MULTILINE),
    re.compile(r"^[ \t]+(?:(?P<is_decorator>@)|(?:async[ ]+def|def|class)\b)", re.MULTILINE),
)
# Possessive, and a text that never ends is one as well: otherwise each quote in it would be looked from to the end.
_JSON = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[\]{},]', re.DOTALL)


class Mark(msgspec.Struct, frozen=True):
    at: int
    level: int
    """From 0, which is rather cut at than the others."""


class Marked:
    """
    A text with its marks as blank lines, and the way back.
    """

    def __init__(self, text: str, marks: Iterable[Mark]) -> None:
        self._starts, self._shifts = [0], [0]
        pieces, last, shift = [], 0, 0
        for mark in _apart(marks):
            lines = _BREAKS[mark.level]
            pieces += [text[last : mark.at], lines]
            last, shift = mark.at, shift + len(lines)
            self._starts.append(mark.at + shift)
            self._shifts.append(shift)
        self.text = "".join([*pieces, text[last:]])

    def origin(self, at: int) -> int:
        """
        Where a character of it is in the text without marks.
        """
        return at - self._shifts[bisect_right(self._starts, at) - 1]


def sections(text: str, kind: Kind, strategy: Strategy) -> Iterator[tuple[int, int]]:
    """
    The parts of a text that no passage goes over.
    """
    start = 0
    for border in _section_starts(text, kind, strategy):
        if border > start:
            yield start, border
            start = border
    if start < len(text):
        yield start, len(text)


def _section_starts(text: str, kind: Kind, strategy: Strategy) -> Iterator[int]:
    if strategy is Strategy.SEMANTIC:
        yield from topics(text)
    elif strategy is Strategy.HTML and kind in _READ_WITH_HEADINGS:
        # Their reader leaves an empty line before a heading, and nowhere else.
        yield from (found.end() for found in _BLANK_LINE.finditer(text))
    elif strategy is Strategy.HTML:
        yield from (found.start() for found in _HEADING_TAG.finditer(text))


def marks(text: str, kind: Kind, strategy: Strategy) -> list[Mark]:
    """
    The places where a text is rather cut, in their order.
    """
    if strategy is Strategy.PYTHON_CODE:
        found = _python_marks(text)
    elif strategy is Strategy.JSON and text.lstrip()[:1] in ("{", "["):
        found = _json_marks(text)
    elif strategy is Strategy.HTML and kind not in _READ_WITH_HEADINGS:
        found = (
            Mark(one.start(), level)
            for level, tag in enumerate(_TAGS)
            for one in tag.finditer(text)
        )
    else:
        return []
    return sorted(found, key=lambda mark: (mark.at, mark.level))


def _python_marks(text: str) -> Iterator[Mark]:
    for level, begins in enumerate(_PYTHON):
        is_decorated = False
        for found in begins.finditer(text):
            # What is decorated begins with the first of its decorators.
            if not is_decorated:
                yield Mark(found.start(), level)
            is_decorated = found["is_decorator"] is not None


def _json_marks(text: str) -> Iterator[Mark]:
    depth = 0
    for found in _JSON.finditer(text):
        match found[0]:
            case "{" | "[":
                depth += 1
            case "}" | "]":
                depth = max(depth - 1, 0)
                if not depth:
                    # The next of many JSON texts, one in a line.
                    yield Mark(found.end(), 0)
            case "," if depth < len(_BREAKS):
                yield Mark(found.end(), depth)


def _apart(found: Iterable[Mark]) -> Iterator[Mark]:
    last: Mark | None = None
    for mark in found:
        if last is None or mark.at - last.at >= MARK_CHARS_MIN or mark.level < last.level:
            last = mark
            yield mark
