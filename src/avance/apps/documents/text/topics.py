"""
Where a text begins to speak of something else: its words before and after a sentence have little in common. No model is asked.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from math import sqrt
from statistics import fmean, pstdev

from avance.apps.documents.text.stems import LANGUAGES, WORD, fold, stop_words

BLOCK_CHARS = 200_000
"""So much is looked at together; its end is a border as well."""
WINDOW = 3
"""Sentences before and after a border that are compared."""
SENTENCES_MIN = 3
"""No topic is shorter."""
SLOPE_MAX = 10
"""How far the likeness is followed upwards from a valley."""
STEM_CHARS = 6
_GAP = re.compile(r"(?<=[.!?…])\s+|\n+")


def topics(text: str) -> Iterator[int]:
    """
    The first characters of its topics, the beginning among them.
    """
    for block in range(0, len(text), BLOCK_CHARS):
        yield block
        yield from (block + start for start in _borders(text[block : block + BLOCK_CHARS]))


def _borders(text: str) -> Iterator[int]:
    starts = [0, *(gap.end() for gap in _GAP.finditer(text))]
    words = [
        _words(text[start:end]) for start, end in zip(starts, [*starts[1:], len(text)], strict=True)
    ]
    alike = [_alike(words, sentence) for sentence in range(1, len(words))]
    depths = [_depth(alike, gap) for gap in range(len(alike))]
    if not depths:
        return
    deep, last = fmean(depths) + pstdev(depths), 0
    for gap, depth in enumerate(depths):
        sentence = gap + 1
        is_valley = alike[gap] <= min(alike[max(gap - 1, 0) : gap + 2])
        is_room = min(sentence - last, len(words) - sentence) >= SENTENCES_MIN
        if depth > deep and is_valley and is_room:
            last = sentence
            yield starts[sentence]


def _words(sentence: str) -> frozenset[str]:
    found = (word for word in WORD.findall(sentence.lower()) if len(word) > 2)
    return frozenset(fold(word)[:STEM_CHARS] for word in found if word not in _dull())


@cache
def _dull() -> frozenset[str]:
    return frozenset().union(*(stop_words(language) for language in LANGUAGES))


def _alike(words: Sequence[frozenset[str]], sentence: int) -> float:
    before: frozenset[str] = frozenset().union(*words[max(sentence - WINDOW, 0) : sentence])
    after: frozenset[str] = frozenset().union(*words[sentence : sentence + WINDOW])
    return len(before & after) / sqrt(len(before) * len(after)) if before and after else 0.0


def _depth(alike: Sequence[float], gap: int) -> float:
    """
    How much less alike both sides are here than a little before and a little after.
    """
    before, after = alike[gap], alike[gap]
    for value in alike[max(gap - SLOPE_MAX, 0) : gap][::-1]:
        if value < before:
            break
        before = value
    for value in alike[gap + 1 : gap + 1 + SLOPE_MAX]:
        if value < after:
            break
        after = value
    return before + after - 2 * alike[gap]
