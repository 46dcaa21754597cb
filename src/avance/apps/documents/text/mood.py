"""
Whether a text sounds glad or sorry, by counting words that do. It is as simple as that.
"""

from collections.abc import Sequence
from functools import cache
from importlib import resources

from avance.apps.documents.text.stems import WordTable, fold

NEGATED_WORDS = 3
"""So far a negation reaches."""
_NEGATIONS = frozenset(["no", "not", "never", "without", "nunca", "jamas", "sin", "tampoco", "ni"])


def sentiment(words: Sequence[str]) -> str:
    """
    `positive`, `negative` or `neutral`.
    """
    values = list(map(_values.__getitem__, words))
    if not any(values):
        return "neutral"
    mood = 0
    for at, value in enumerate(values):
        if value:
            before = map(fold, words[max(at - NEGATED_WORDS, 0) : at])
            mood += value if _NEGATIONS.isdisjoint(before) else -value
    return "positive" if mood > 0 else "negative" if mood < 0 else "neutral"


def _value(word: str) -> int:
    folded = fold(word)
    return (folded in _words("glad")) - (folded in _words("sorry"))


@cache
def _words(mood: str) -> frozenset[str]:
    """
    Without accents, in Spanish and English.
    """
    text = resources.files(__package__).joinpath(f"mood_{mood}.txt").read_text("utf-8")
    return frozenset(text.split())


_values = WordTable(_value)
