"""
Spaces that an engine lost are found on the paper.
"""

from itertools import accumulate

import numpy as np
import pytest

from avance.apps.ocr.engines.spacing import Letter, Strip, in_words

HEIGHT = 40
WIDTH = 20
NARROW, SPACE, FIGURE = 4, 22, 14
"""Gaps between letters, between words, and between wide figures."""


def words_of(
    read: str, drawn: str, *, slope: float = 0.0, is_known: bool = True, gap: int = NARROW
) -> list[str]:
    """
    A line as an engine read it, over paper on which it stands as it was drawn: each letter a block of ink.
    """
    steps = [WIDTH + (SPACE if char == " " else gap) for char in drawn if char != " "]
    places = list(accumulate(steps, initial=10))
    at, lefts = 0, []
    for char in drawn:
        if char == " ":
            places = [*places[:at], *(place + SPACE for place in places[at:])]
        else:
            lefts.append(places[at])
            at += 1
    dark = np.zeros((200, places[-1] + 50), dtype=bool)
    for left in lefts:
        top = round(80 + slope * left)
        dark[top + 6 : top + HEIGHT - 6, left : left + WIDTH] = True
    # The line below, which a straight box around a slanting line shows as well.
    dark[150:190] = True
    letters = [
        Letter(text=char, middle=left + WIDTH / 2)
        for char, left in zip(read.replace(" ", ""), lefts, strict=True)
    ]
    end = places[-1] + 10
    strip = Strip(
        left=0, right=end, top=(80, 80 + slope * end), bottom=(120, 120 + slope * end)
    )  # fmt: skip
    found = in_words(read, letters, strip, dark if is_known else None)
    return ["".join(letter.text for letter in word) for word in found]


@pytest.mark.parametrize("slope", [0.0, 0.05])
def test_a_space_that_was_not_read_is_seen_on_the_paper(slope: float) -> None:
    assert words_of("JULIÁNANA", "JULIÁN ANA", slope=slope) == ["JULIÁN", "ANA"]
    assert words_of("RUN17 B", "RUN 17 B", slope=slope) == ["RUN", "17", "B"]
    assert words_of("FECHA DENACER", "FECHA DE NACER", slope=slope) == ["FECHA", "DE", "NACER"]


def test_an_hour_is_parted_from_the_date_before_it() -> None:
    """Nowhere else between figures: see below."""
    drawn = "20/08/2025 21:57"
    assert words_of("20/08/202521:57", drawn) == ["20/08/2025", "21:57"]
    assert words_of("20/08/202521:57", "20/08/202521:57") == ["20/08/202521:57"]


def test_a_space_that_was_read_stays_where_the_paper_shows_none() -> None:
    assert words_of("JULIÁN ANA", "JULIÁNANA") == ["JULIÁN", "ANA"]


@pytest.mark.parametrize(
    ("read", "drawn"),
    [
        ("12990", "12 990"),
        ("A,B.C", "A, B. C"),
        ("P<CHLTAPIA<", "P<CHL TAPIA<"),
        ("姓名张三", "姓名 张三"),
    ],
)
def test_figures_marks_zones_and_other_scripts_are_left_alone(read: str, drawn: str) -> None:
    assert words_of(read, drawn) == [read]


def test_wide_letters_have_wide_gaps_and_no_spaces() -> None:
    assert words_of("TOTAL", "TOTAL", gap=FIGURE) == ["TOTAL"]
    assert words_of("TOTALDUE", "TOTAL DUE", gap=FIGURE) == ["TOTALDUE"]


def test_without_the_places_of_the_letters_the_engine_is_believed() -> None:
    assert words_of("JULIÁNANA", "JULIÁN ANA", is_known=False) == ["JULIÁNANA"]
    assert in_words("", [], Strip(left=0, right=9, top=(0, 0), bottom=(4, 4)), None) == []
