"""
An engine that reads a line at a time loses spaces. The paper still shows them: between words there is more of it than between letters.
"""

import itertools
import re
import unicodedata
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

SPACE = 0.3
"""Of the height of a line: paper that is narrower stands between letters."""
WIDER = 3.0
"""So many times as wide as the usual gap of its line is a space; wide letters have wide gaps."""
EDGE = 0.08
"""Of the height, above and below, that may show the lines beside it."""
FOR_MACHINES = "<"
_HOUR = re.compile(r"(?<=[-/.]\d{4})(?=\d{1,2}:\d\d)")
"""Where an hour stands after a date."""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    middle: float


class Strip(msgspec.Struct, frozen=True, kw_only=True):
    """
    Where a line lies: its upper and lower edge at its left and right end.
    """

    left: float
    right: float
    top: tuple[float, float]
    bottom: tuple[float, float]

    @property
    def height(self) -> float:
        return (sum(self.bottom) - sum(self.top)) / 2

    def rows(self, x: float) -> tuple[int, int]:
        share = (x - self.left) / max(self.right - self.left, 1.0)
        top = self.top[0] + share * (self.top[1] - self.top[0])
        bottom = self.bottom[0] + share * (self.bottom[1] - self.bottom[0])
        edge = EDGE * (bottom - top)
        return max(round(top + edge), 0), max(round(bottom - edge), 0)


def in_words(
    line: str, letters: Sequence[Letter], strip: Strip, dark: NDArray[np.bool_] | None
) -> list[list[Letter]]:
    """
    The letters of a line as words: parted where the engine saw a space, and where the paper shows one.

    Args:
        letters: Those of `line` that are no spaces.
        dark: Where the page has ink; None where it is not known well enough where the letters are.
    """
    if not letters:
        return []
    parted = _read(line)
    is_across = strip.right - strip.left > strip.height
    if dark is not None and is_across and FOR_MACHINES not in line:
        shown = _shown(letters, parted, strip, dark)
        parted = [one or other for one, other in zip(parted, shown, strict=True)]
    words = [[letters[0]]]
    for letter, is_apart in zip(letters[1:], parted, strict=True):
        if is_apart:
            words.append([])
        words[-1].append(letter)
    return words


def _read(line: str) -> list[bool]:
    """
    For each letter but the first, whether the engine read a space before it.
    """
    parts = [len(part) for part in line.split()]
    flags = [number == 0 for part in parts for number in range(part)]
    return flags[1:]


def _shown(
    letters: Sequence[Letter], parted: Sequence[bool], strip: Strip, dark: NDArray[np.bool_]
) -> list[bool]:
    gaps = [
        _paper(one.middle, other.middle, strip, dark) for one, other in itertools.pairwise(letters)
    ]
    inside = [gap for gap, is_apart in zip(gaps, parted, strict=True) if not is_apart]
    if not inside:
        return list(parted)
    enough = max(SPACE * strip.height, WIDER * float(np.median(inside)))
    hours = {found.start() for found in _HOUR.finditer("".join(one.text for one in letters))}
    return [
        gap >= enough and (at + 1 in hours or _may_part(letters[at].text, letters[at + 1].text))
        for at, gap in enumerate(gaps)
    ]


def _paper(left: float, right: float, strip: Strip, dark: NDArray[np.bool_]) -> int:
    """
    How many columns without ink stand side by side between the middles of two letters.
    """
    top, bottom = strip.rows((left + right) / 2)
    has_ink = dark[top:bottom, max(round(left), 0) : max(round(right), 0) + 1].any(axis=0)
    edges = np.flatnonzero(np.concatenate(([True], has_ink, [True])))
    return int(np.diff(edges).max()) - 1


def _may_part(one: str, other: str) -> bool:
    """
    Figures stand wide apart in amounts, and other scripts have no spaces.
    """
    return _is_latin(one) and _is_latin(other) and not (one.isdigit() and other.isdigit())


def _is_latin(char: str) -> bool:
    return char.isalnum() and (char.isdigit() or unicodedata.name(char, "").startswith("LATIN"))
