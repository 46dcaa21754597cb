"""
Words with their places, the lines that they make, and how sure one may be of a page.
"""

from collections.abc import Sequence
from statistics import median

import msgspec

NO_PAGE = "document_page"
"""The code of a child that is asked for a page which its file has not."""


class Word(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    text: str
    confidence: float
    """0 to 1."""
    left: float
    top: float
    right: float
    bottom: float
    line: int = -1

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2

    @property
    def height(self) -> float:
        return self.bottom - self.top


class PageRead(msgspec.Struct, frozen=True, kw_only=True, tag="read", tag_field="type"):
    """
    One page as it was read. The boxes are pixels of the picture that is shown (`width` × `height`).
    """

    number: int
    of: int
    width: int
    height: int
    text: str
    words: list[Word]
    confidence: float
    coverage: float
    """Which part of what looks like text lies in a word."""
    is_digital: bool = False
    """The text is the file's own."""
    turned: float = 0.0
    """Degrees by which the page was turned to be read."""
    measured: dict[str, float] = {}
    """What the page looked like, by which its preparation was chosen."""


class Written(msgspec.Struct, frozen=True, kw_only=True, tag="written", tag_field="type"):
    """
    A file was written, of so many pages.
    """

    pages: int


def mean_confidence(words: Sequence[Word]) -> float:
    """
    By length: a long word that is unsure counts more than a comma.
    """
    length = sum(len(word.text) for word in words)
    return sum(word.confidence * len(word.text) for word in words) / length if length else 0.0


def sure(confidence: float, coverage: float, *, enough: float = 0.85) -> float:
    """
    How sure one may be: a good score of the few words that were found says nothing of a page that was mostly not read.
    """
    return confidence if coverage >= enough else confidence * coverage / enough


def in_lines(words: Sequence[Word]) -> list[list[Word]]:
    """
    Words that stand beside each other, from top to bottom.
    """
    lines: list[list[Word]] = []
    for word in sorted(words, key=lambda one: one.middle):
        for line in reversed(lines[-6:]):
            middle = median(one.middle for one in line)
            height = median(one.height for one in line)
            if abs(word.middle - middle) < 0.5 * min(height, word.height) + 0.1 * height:
                line.append(word)
                break
        else:
            lines.append([word])
    return [sorted(line, key=lambda one: one.left) for line in lines]
