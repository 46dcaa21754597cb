"""
Who and what a text names, by how it is written: nothing is known of the world.
"""

import re
from collections.abc import Callable, Iterator

import msgspec

ENTITIES_MAX = 20
NAME_WORDS_MAX = 6
_SIGNS_OF_MONEY = ("€", "$", "£", "EUR", "USD", "euro")
# Kind, a quick look that spares most texts the slow one, and how it is written.
_KINDS: tuple[tuple[str, Callable[[str], object], re.Pattern[str]], ...] = (
    (
        "email",
        lambda text: "@" in text,
        re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}\b"),
    ),
    ("url", lambda text: "http" in text, re.compile(r"\bhttps?://[^\s<>\"')\]]{1,300}")),
    (
        "date",
        re.compile(r"[/.]\d{4}|-\d\d-\d\d").search,
        re.compile(r"\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}[/.]\d{1,2}[/.]\d{4}\b"),
    ),
    (
        "amount",
        lambda text: any(sign in text for sign in _SIGNS_OF_MONEY),
        re.compile(r"[€$£] ?\d[\d.,]{0,20}|\b\d[\d.,]{0,20} ?(?:€|\$|£|EUR\b|USD\b|euros?\b)"),
    ),
)
_CAPITAL = r"[A-ZÁÉÍÓÚÑÜ][\w'’-]{1,40}"
_NAME = re.compile(
    rf"{_CAPITAL}(?:[ ](?:(?:de|del|la|las|los|el|of|the)[ ]){{0,2}}{_CAPITAL}){{0,{NAME_WORDS_MAX - 1}}}"
)
_SENTENCE_ENDS = frozenset('.!?:;\n"“«(')
_LOOK_BACK = 4


class Entity(msgspec.Struct, frozen=True):
    kind: str
    """`name`, `email`, `url`, `date` or `amount`."""
    text: str


def entities(text: str) -> list[Entity]:
    """
    Each once, in their order.
    """
    found: dict[Entity, int] = {}
    for entity, at in (*_written(text), *_names(text)):
        found.setdefault(entity, at)
    return sorted(found, key=found.__getitem__)[:ENTITIES_MAX]


def _written(text: str) -> Iterator[tuple[Entity, int]]:
    for kind, is_likely, looks in _KINDS:
        if is_likely(text):
            for one in looks.finditer(text):
                yield Entity(kind, one[0].rstrip(".,")), one.start()


def _names(text: str) -> Iterator[tuple[Entity, int]]:
    for one in _NAME.finditer(text):
        # The first word of a sentence is written with a capital, whatever it is.
        name = one[0]
        if " " in name or not _is_first(text, one.start()):
            yield Entity("name", name), one.start()


def _is_first(text: str, at: int) -> bool:
    before = text[max(at - _LOOK_BACK, 0) : at]
    words = before.rstrip()
    return not words or words[-1] in _SENTENCE_ENDS or "\n" in before[len(words) :]
