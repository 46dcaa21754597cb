"""
Words as they are indexed and asked: without accents, without endings, without those that say nothing.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from importlib import resources
from typing import Protocol

WORD = re.compile(r"[^\W_]+", re.UNICODE)
WORD_CHARS_MAX = 64
STEMS_KEPT_MAX = 65_536
LANGUAGES = {"es": "spanish", "en": "english"}


class Stemmer(Protocol):
    def stemWords(self, words: list[str]) -> list[str]: ...


def stems(text: str, languages: Iterable[str]) -> list[str]:
    """
    The stems of a text in each of the languages, in order.
    """
    words = WORD.findall(text.lower())
    found: list[str] = []
    for language in languages:
        dull = stop_words(language)
        found += [_stem(language, word) for word in words if word not in dull]
    return found


# Texts say the same words again and again.
@lru_cache(STEMS_KEPT_MAX)
def _stem(language: str, word: str) -> str:
    (stem,) = _stemmer(language).stemWords([word[:WORD_CHARS_MAX]])
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
