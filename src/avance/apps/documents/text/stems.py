"""
Words as they are indexed and asked: without accents, without endings, without those that say nothing.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache
from importlib import resources
from typing import Protocol, TypeVar

T = TypeVar("T")

WORD = re.compile(r"[^\W_]+", re.UNICODE)
WORD_CHARS_MAX = 64
WORDS_KEPT_MAX = 65_536
LANGUAGES = {"es": "spanish", "en": "english"}


class Stemmer(Protocol):
    def stemWords(self, words: list[str]) -> list[str]: ...


class WordTable(dict[str, T]):
    """
    What is known of a word. Texts say the same words again and again.
    """

    def __init__(self, find: Callable[[str], T]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, word: str) -> T:
        found = self._find(word)
        if len(word) <= WORD_CHARS_MAX:
            if len(self) >= WORDS_KEPT_MAX:
                self.clear()
            self[word] = found
        return found


def words_of(text: str) -> list[str]:
    """
    In lower case, in order. Some files have an accent as a character of its own, which would be the end of a word.
    """
    lowered = text.lower()
    return WORD.findall(lowered if lowered.isascii() else unicodedata.normalize("NFC", lowered))


def stems(text: str, languages: Iterable[str]) -> list[str]:
    """
    The stems of a text in each of the languages, in order.
    """
    words = words_of(text)
    found: list[str] = []
    for language in languages:
        found += filter(None, map(_stems(language).__getitem__, words))
    return found


@cache
def _stems(language: str) -> WordTable[str]:
    """
    Nothing for a word that says nothing.
    """
    dull, stemmer = stop_words(language), _stemmer(language)
    return WordTable(lambda word: "" if word in dull else _stem(stemmer, word))


def _stem(stemmer: Stemmer, word: str) -> str:
    (stem,) = stemmer.stemWords([word[:WORD_CHARS_MAX]])
    return fold(stem)


def fold(word: str) -> str:
    """
    Without accents: `canción` and `cancion` are one word to somebody who types in a hurry.
    """
    if word.isascii():
        return word
    return "".join(
        char for char in unicodedata.normalize("NFKD", word) if not unicodedata.combining(char)
    )


@cache
def stop_words(language: str) -> frozenset[str]:
    text = resources.files(__package__).joinpath(f"stop_{language}.txt").read_text("utf-8")
    return frozenset(text.split())


@cache
def _stemmer(language: str) -> Stemmer:
    # Only where documents are read or asked, not wherever the app is imported.
    import snowballstemmer  # noqa: PLC0415

    made: Stemmer = snowballstemmer.stemmer(LANGUAGES[language])
    return made
