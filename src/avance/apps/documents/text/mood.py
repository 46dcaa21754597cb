"""
Whether a text sounds glad or sorry, by counting words that do. It is as simple as that.
"""

import re
from functools import cache
from importlib import resources
from unicodedata import normalize

from avance.apps.documents.text.stems import WORD

NEGATED_WORDS = 3
"""So far a negation reaches."""
_ACCENTS = re.compile("[\u0300-\u036f]")
_NEGATIONS = frozenset(["no", "not", "never", "without", "nunca", "jamas", "sin", "tampoco", "ni"])


def sentiment(text: str) -> str:
    """
    `positive`, `negative` or `neutral`.
    """
    words = WORD.findall(_ACCENTS.sub("", normalize("NFKD", text.lower())))
    glad, sorry = _words("glad"), _words("sorry")
    if glad.isdisjoint(words) and sorry.isdisjoint(words):
        return "neutral"
    mood = 0
    for at, word in enumerate(words):
        value = (word in glad) - (word in sorry)
        if value:
            is_negated = not _NEGATIONS.isdisjoint(words[max(at - NEGATED_WORDS, 0) : at])
            mood += -value if is_negated else value
    return "positive" if mood > 0 else "negative" if mood < 0 else "neutral"


@cache
def _words(mood: str) -> frozenset[str]:
    """
    Without accents, in Spanish and English.
    """
    text = resources.files(__package__).joinpath(f"mood_{mood}.txt").read_text("utf-8")
    return frozenset(text.split())
