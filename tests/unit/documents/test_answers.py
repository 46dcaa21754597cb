from avance.apps.documents.answers import CHARS_MAX, ENTRIES_MAX, Answers, key_of
from avance.apps.documents.settings import DocumentsSettings


def test_an_answer_is_known_until_it_is_too_old() -> None:
    answers = Answers()
    answers.keep(b"a", ["Siete ", "de la tarde"], until_s=60)
    assert answers.find(b"a", 59.9) == ("Siete ", "de la tarde")
    assert answers.find(b"b", 59.9) is None
    assert answers.find(b"a", 60) is None
    assert answers.find(b"a", 0) is None


def test_with_no_time_to_live_nothing_is_known() -> None:
    answers = Answers()
    answers.keep(b"a", ["Siete"], until_s=10)
    assert answers.find(b"a", 10) is None


def test_the_least_used_answers_make_room_and_long_ones_are_not_kept() -> None:
    answers = Answers()
    answers.keep(b"first", ["x"], until_s=9)
    answers.keep(b"second", ["x"], until_s=9)
    for number in range(ENTRIES_MAX - 1):
        assert answers.find(b"first", 0) is not None
        answers.keep(b"%d" % number, ["x"], until_s=9)
    assert answers.find(b"second", 0) is None
    assert answers.find(b"first", 0) is not None
    answers.keep(b"long", ["x" * (CHARS_MAX + 1)], until_s=9)
    assert answers.find(b"long", 0) is None


def test_another_passage_or_model_is_another_question() -> None:
    asked = [{"role": "user", "content": "[1] El tren\n\n¿Cuándo?"}]
    other = [{"role": "user", "content": "[1] El bus\n\n¿Cuándo?"}]
    settings = DocumentsSettings(llm_url="http://127.0.0.1/v1", llm_model="one")
    second = DocumentsSettings(llm_url="http://127.0.0.1/v1", llm_model="two")
    keys = {key_of(asked, settings), key_of(other, settings), key_of(asked, second)}
    assert len(keys) == 3
    assert key_of(list(asked), settings) in keys
