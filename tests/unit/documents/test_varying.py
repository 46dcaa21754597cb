"""
Choosing passages that do not repeat each other.
"""

from avance.apps.documents.varying import common, spread

FITS = [0.9, 0.8, 0.7, 0.2]
TOPICS = ["tax", "tax", "rent", "sea"]


def alike(one: int, other: int) -> float:
    return float(TOPICS[one] == TOPICS[other])


def test_the_weight_says_whether_fitting_or_being_new_counts() -> None:
    assert spread(FITS, alike, 4, 1.0) == [0, 1, 2, 3]
    assert spread(FITS, alike, 2, 0.5) == [0, 2]
    assert spread(FITS, alike, 4, 0.5) == [0, 2, 3, 1]
    assert spread([], alike, 4, 0.5) == []


def test_passages_are_compared_with_those_chosen_and_not_all_with_all() -> None:
    compared: list[tuple[int, int]] = []

    def counted(one: int, other: int) -> float:
        compared.append((one, other))
        return 0.0

    assert spread([0.5] * 100, counted, 5, 0.5) == [0, 1, 2, 3, 4]
    assert len(compared) == 99 + 98 + 97 + 96 + 95


def test_words_in_common_are_counted_once() -> None:
    assert common(frozenset("ab"), frozenset("ab")) == 1.0
    assert common(frozenset("abcd"), frozenset("a")) == 0.5
    assert common(frozenset(), frozenset("a")) == 0.0
