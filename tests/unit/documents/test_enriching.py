"""
What is found out of a passage without any model: docs/contract/uploads.md, 3.2.
"""

import pytest

from avance.apps.documents.text.entities import ENTITIES_MAX, Entity, entities
from avance.apps.documents.text.mood import sentiment


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
    assert sentiment(text) == mood
