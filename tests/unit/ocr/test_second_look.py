"""
Doubtful words are looked at by themselves.
"""

from collections.abc import Callable

import msgspec
from PIL import Image

from avance.apps.ocr.engines.second_look import LOOKS_MAX, with_second_look
from avance.apps.ocr.engines.words import Word

PAGE = Image.new("L", (2_000, 4_000), 255)


def word(text: str, confidence: float, left: float, top: float = 100) -> Word:
    return Word(
        text=text,
        confidence=confidence,
        left=left,
        top=top,
        right=left + 20 * len(text),
        bottom=top + 40,
    )


def saying(text: str, sure: float) -> Callable[[Image.Image], tuple[str, float]]:
    return lambda _: (text, sure)


def texts(words: list[Word]) -> list[str]:
    return [one.text for one in words]


SURE = [word(f"word{n}", 0.95, 130 * n) for n in range(6)]


def test_what_is_read_better_alone_replaces_what_was_read_on_the_page() -> None:
    found = with_second_look([*SURE, word("Uy", 0.2, 1_200)], PAGE, saying("7,57", 0.94))
    assert texts(found) == [*texts(SURE), "7,57"]
    assert found[-1].confidence == 0.94
    assert (found[-1].left, found[-1].right) == (1_200, 1_240)


def test_doubtful_neighbours_are_one_and_those_far_apart_are_not() -> None:
    seen: list[tuple[int, int]] = []

    def look(image: Image.Image) -> tuple[str, float]:
        seen.append(image.size)
        return "99,78", 0.9

    near = [word("NS),", 0.4, 1_000), word("Ts)", 0.4, 1_100)]
    assert texts(with_second_look([*SURE, *near], PAGE, look)) == [*texts(SURE), "99,78"]
    assert len(seen) == 1
    far = [word("NS),", 0.4, 1_000), word("Ts)", 0.4, 1_300)]
    assert len(with_second_look([*SURE, *far], PAGE, look)) == len(SURE) + 2
    assert len(seen) == 3


def test_a_look_that_is_no_surer_changes_nothing() -> None:
    doubtful = [*SURE, word("O22", 0.3, 1_200)]
    for text, sure in (("0,22", 0.5), ("", 0.99)):
        assert with_second_look(doubtful, PAGE, saying(text, sure)) == doubtful


def test_looks_are_bounded_and_a_page_the_wrong_way_round_gets_none() -> None:
    looks: list[int] = []

    def look(_: Image.Image) -> tuple[str, float]:
        looks.append(1)
        return "again", 0.9

    rows = [
        one
        for n in range(60)
        for one in (word("sure", 0.9, 0, 60 * n), word("no", 0.2, 900, 60 * n))
    ]
    with_second_look(rows, PAGE, look)
    assert len(looks) == LOOKS_MAX
    looks.clear()
    all_bad = [msgspec.structs.replace(one, confidence=0.3) for one in rows]
    assert with_second_look(all_bad, PAGE, look) == all_bad
    assert looks == []
