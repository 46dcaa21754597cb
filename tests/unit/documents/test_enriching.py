"""
What is found out of a passage without any model: docs/contract/uploads.md, 3.2.
"""

import unicodedata

import pytest

from avance.apps.documents.text.entities import ENTITIES_MAX, Entity, entities
from avance.apps.documents.text.keywords import SUMMARY_CHARS_MAX, complexity, keywords, summary
from avance.apps.documents.text.mood import sentiment
from avance.apps.documents.text.stems import WORDS_KEPT_MAX, WordTable, stems, words_of


def test_what_a_text_names_is_found_by_how_it_is_written() -> None:
    text = (
        "El contrato con el Banco de España vence el 2026-03-01. Ana Pérez paga 1.250,50 € a"
        " Mercadona; escriba a ana@ejemplo.es o vea https://ejemplo.es/pagos. Mañana llega."
    )
    assert entities(text) == [
        Entity("name", "Banco de España"),
        Entity("date", "2026-03-01"),
        Entity("name", "Ana Pérez"),
        Entity("amount", "1.250,50 €"),
        Entity("name", "Mercadona"),
        Entity("email", "ana@ejemplo.es"),
        Entity("url", "https://ejemplo.es/pagos"),
    ]


def test_what_is_named_again_counts_once_and_there_is_a_limit() -> None:
    assert entities("It was Ana. It was Ana.") == [Entity("name", "Ana")]
    names = " and ".join(f"by Name{'abcdefghij'[n % 10]}{'klmnop'[n // 10]}" for n in range(40))
    assert len(entities(names)) == ENTITIES_MAX


@pytest.mark.parametrize(
    ("text", "mood"),
    [
        ("The work was excellent and we are happy with it.", "positive"),
        ("El servicio fue pésimo: un retraso y una avería.", "negative"),
        ("La reunión es el martes a las diez.", "neutral"),
        ("This is not good.", "negative"),
        ("No hubo ningún problema.", "positive"),
        ("", "neutral"),
    ],
)
def test_the_mood_is_that_of_its_words(text: str, mood: str) -> None:
    assert sentiment(words_of(text)) == mood


@pytest.mark.parametrize(
    "written", ["La canción sonó", unicodedata.normalize("NFD", "La canción sonó")]
)
def test_words_are_found_by_their_stems_however_their_accents_are_stored(written: str) -> None:
    assert stems(written, ("es",)) == stems("canciones sonó", ("es",)) == ["cancion", "son"]


def test_what_a_text_says_again_and_again_is_what_it_is_about() -> None:
    text = "El arrendamiento vence. El arrendamiento de fincas rústicas vence en 2026 y en 2027."
    assert keywords(words_of(text), ("es",), most=3) == [
        "arrendamiento",
        "fincas rústicas",
        "rústicas vence",
    ]


def test_a_table_of_words_is_bounded_and_right_all_the_same() -> None:
    table = WordTable(str.upper)
    words = ["a", *(f"a{number}" for number in range(WORDS_KEPT_MAX + 2)), "a", "a" * 1_000]
    assert list(map(table.__getitem__, words)) == [word.upper() for word in words]
    assert len(table) <= WORDS_KEPT_MAX
    assert "a" * 1_000 not in table


def test_a_summary_is_the_first_sentence_and_long_sentences_are_hard() -> None:
    said = ["Vence", "mañana.", "Nadie", "avisa."]
    assert (summary(said), complexity(said)) == ("Vence mañana.", "easy")
    long = ["palabra"] * 100
    assert len(summary(long)) == SUMMARY_CHARS_MAX
    assert complexity(long) == "hard"
    assert (summary([]), complexity([])) == ("", "easy")
