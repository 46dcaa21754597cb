"""
What a text is about, from the text alone.
"""

import re
from collections import Counter
from collections.abc import Iterable
from heapq import nlargest
from itertools import pairwise
from statistics import mean

from avance.apps.documents.text.stems import WORD, stop_words

KEYWORDS_MAX = 10
SUMMARY_CHARS_MAX = 240
SAMPLE_CHARS = 1_000
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_EASY_WORDS, _HARD_WORDS = 14, 24
"""Words in a sentence, on average."""


def keywords(text: str, languages: Iterable[str], most: int = KEYWORDS_MAX) -> list[str]:
    """
    The words and pairs of words that come again and again, weighed by their length: short words are rarely what a text is about.
    """
    dull = frozenset().union(*(stop_words(language) for language in languages))
    words = [word for word in WORD.findall(text.lower()) if len(word) > 2 and not word.isdigit()]
    score: dict[str, int] = {}
    for word, times in Counter(words).items():
        if word not in dull:
            score[word] = times * min(len(word), 12)
    for (first, second), times in Counter(pairwise(words)).items():
        if first not in dull and second not in dull:
            score[f"{first} {second}"] = times * min(len(first) + len(second), 24)
    chosen: list[str] = []
    for phrase in nlargest(most * 4, score, key=score.__getitem__):
        if not any(phrase in other or other in phrase for other in chosen):
            chosen.append(phrase)
        if len(chosen) == most:
            break
    return chosen


def summary(text: str) -> str:
    """
    Its first sentence, or the beginning of it.
    """
    first = _SENTENCE.split(" ".join(text[:SAMPLE_CHARS].split()), maxsplit=1)[0]
    return first if len(first) <= SUMMARY_CHARS_MAX else first[: SUMMARY_CHARS_MAX - 1] + "…"


def complexity(text: str) -> str:
    """
    How long its sentences are: easy, medium or hard.
    """
    lengths = [len(one.split()) for one in _SENTENCE.split(text[:SAMPLE_CHARS])]
    words = mean([length for length in lengths if length] or [0])
    return "easy" if words < _EASY_WORDS else "medium" if words < _HARD_WORDS else "hard"
