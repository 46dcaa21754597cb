"""
Who and what a text names, by how it is written: nothing is known of the world.
"""

import re
from collections.abc import Iterator

import msgspec

ENTITIES_MAX = 20
NAME_WORDS_MAX = 6
# Kind, what none of it is without (a quick look spares most texts the slow one), and how it is written.
_KINDS = (
    ("email", re.compile("@"), re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}\b")),
    ("url", re.compile("http"), re.compile(r"\bhttps?://[^\s<>\"')\]]{1,300}")),
    (
        "date",
        re.compile(r"\d[-/.]\d"),
        re.compile(r"\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}[/.]\d{1,2}[/.]\d{4}\b"),
    ),
    (
        "amount",
        re.compile(r"[€$£]|EUR|USD|euro"),
        re.compile(r"[€$£] ?\d[\d.,]{0,20}|\b\d[\d.,]{0,20} ?(?:€|\$|£|EUR\b|USD\b|euros?\b)"),
    ),
)
_CAPITAL = r"[A-ZÁÉÍÓÚÑÜ][\w'’-]{1,40}"
_NAME = re.compile(
    rf"{_CAPITAL}(?:[ ](?:(?:de|del|la|las|los|el|of|the)[ ]){{0,2}}{_CAPITAL}){{0,{NAME_WORDS_MAX - 1}}}"
)
_SENTENCE_END = re.compile(r"(?:^|[.!?:;\n\"“«(])[\s]*$")


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
    for kind, sign, looks in _KINDS:
        if sign.search(text) is None:
            continue
        for one in looks.finditer(text):
            yield Entity(kind, one[0].rstrip(".,")), one.start()


def _names(text: str) -> Iterator[tuple[Entity, int]]:
    for one in _NAME.finditer(text):
        # The first word of a sentence is written with a capital, whatever it is.
        is_first = _SENTENCE_END.search(text[max(one.start() - 4, 0) : one.start()]) is not None
        if " " in one[0] or not is_first:
            yield Entity("name", one[0]), one.start()
