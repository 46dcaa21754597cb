"""
What a text is about, from the text alone.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import compress, pairwise

from avance.apps.documents.text.stems import WordTable, stop_words

KEYWORDS_MAX = 10
SUMMARY_CHARS_MAX = 240
SAMPLE_CHARS = 1_000
_SENTENCE_ENDS = frozenset(".!?")
_EASY_WORDS, _HARD_WORDS = 14, 24
"""Words in a sentence, on average."""


def keywords(
    words: Sequence[str], languages: tuple[str, ...], most: int = KEYWORDS_MAX
) -> list[str]:
    """
    The words and pairs of words that come again and again, weighed by their length: short words are rarely what a text is about.
    """
    dull = _dull(languages)
    words = list(compress(words, map(_lengths.__getitem__, words)))
    counts = Counter(words)
    lengths = {word: _lengths[word] for word in counts if word not in dull}
    score: dict[tuple[str, ...], int] = {
        (word,): counts[word] * min(length, 12) for word, length in lengths.items()
    }
    for pair, times in Counter(pairwise(words)).items():
        first, second = pair
        if first in lengths and second in lengths:
            score[pair] = times * min(lengths[first] + lengths[second], 24)
    best = sorted(score, key=score.__getitem__, reverse=True)[: most * 4]
    return _apart(map(" ".join, best), most)


def _length(word: str) -> int:
    """
    Nothing for what is no word to tell of.
    """
    return 0 if len(word) <= 2 or word.isdigit() else len(word)


@cache
def _dull(languages: tuple[str, ...]) -> frozenset[str]:
    return frozenset().union(*(stop_words(language) for language in languages))


def _apart(phrases: Iterable[str], most: int) -> list[str]:
    """
    None that has another in it.
    """
    chosen: list[str] = []
    joined = ""
    for phrase in phrases:
        if phrase not in joined and not any(map(phrase.__contains__, chosen)):
            chosen.append(phrase)
            joined += "\n" + phrase
            if len(chosen) == most:
                break
    return chosen


_lengths = WordTable(_length)


def summary(said: Sequence[str]) -> str:
    """
    The first sentence of what was said, or the beginning of it.
    """
    first = " ".join(said[: next(_sentence_ends(said), len(said))])
    return first if len(first) <= SUMMARY_CHARS_MAX else first[: SUMMARY_CHARS_MAX - 1] + "…"


def complexity(said: Sequence[str]) -> str:
    """
    How long its sentences are: easy, medium or hard.
    """
    sentences = 1 + sum(end < len(said) for end in _sentence_ends(said))
    words = len(said) / sentences
    return "easy" if words < _EASY_WORDS else "medium" if words < _HARD_WORDS else "hard"


def _sentence_ends(said: Sequence[str]) -> Iterator[int]:
    """
    After which words one ends.
    """
    return (number for number, word in enumerate(said, start=1) if word[-1] in _SENTENCE_ENDS)
