"""
Passages that fit a question and do not repeat each other: maximal marginal relevance.
"""

from collections.abc import Callable, Sequence
from functools import partial
from math import sqrt

import numpy

from avance import Avance
from avance.apps.documents.finding import stems_of
from avance.apps.documents.model import Hit
from avance.apps.documents.vectors import vectors_of

Alike = Callable[[int, int], float]


async def varied(
    host: Avance, hits: Sequence[Hit], asked: bytes | None, limit: int, weight: float
) -> list[Hit]:
    """
    Choose among passages, best first. How alike two of them are is told by their vectors; where the question has none, or one of the passages has
    none, by the words that they have in common.

    Args:
        asked: The vector of the question.
        weight: Of fitting the question, from 0 to 1.
    """
    ids = [hit.chunk_id for hit in hits]
    kept = {} if asked is None else await vectors_of(host).kept(len(asked) // 4, ids)
    if asked is not None and all(chunk_id in kept for chunk_id in ids):
        matrix = [numpy.frombuffer(kept[chunk_id], dtype="<f4") for chunk_id in ids]
        question = numpy.frombuffer(asked, dtype="<f4")
        fits = [float(one @ question) for one in matrix]
        alike: Alike = lambda one, other: float(matrix[one] @ matrix[other])  # noqa: E731
    else:
        words = await host.records.read(partial(stems_of, ids), is_long=True)
        fits = [hit.score for hit in hits]
        alike = lambda one, other: common(words[ids[one]], words[ids[other]])  # noqa: E731
    return [hits[number] for number in spread(fits, alike, limit, weight)]


def spread(fits: Sequence[float], alike: Alike, limit: int, weight: float) -> list[int]:
    """
    Choose the next by how much it fits, less how much it is like the nearest of those that are chosen. Each is compared once with each of those, so
    that the work is bounded by the number of candidates times the number of chosen.
    """
    left, chosen = list(range(len(fits))), list[int]()
    nearest = [0.0] * len(fits)
    while left and len(chosen) < limit:
        best = max(left, key=lambda one: weight * fits[one] - (1 - weight) * nearest[one])
        chosen.append(best)
        left.remove(best)
        for one in left:
            nearest[one] = max(nearest[one], alike(best, one))
    return chosen


def common(one: frozenset[str], other: frozenset[str]) -> float:
    """
    The cosine of two passages as vectors of the words that they have, each counted once.
    """
    return len(one & other) / sqrt(len(one) * len(other)) if one and other else 0.0
