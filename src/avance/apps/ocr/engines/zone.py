"""
The lines for machines on passports and cards are no language: they are read a second time as what they are.
"""

from collections.abc import Callable, Sequence

import msgspec
from PIL import Image

from avance.apps.ocr.engines.words import Word, in_lines
from avance.apps.ocr.fields import mrz

CHARS_MIN = 24
MARGIN = 0.6
"""Around the zone, in heights of a line."""
YEAR = 2000
"""Only the check digits are looked at here."""


def with_zone(
    found: Sequence[Word], image: Image.Image, read: Callable[[Image.Image], list[str]]
) -> list[Word]:
    """
    The words, those of the zone replaced where the second reading has more right check digits.
    """
    lines = [line for line in in_lines(found) if _is_of_zone(line)]
    if not lines:
        return list(found)
    words = [word for line in lines for word in line]
    space = MARGIN * max(word.height for word in words)
    box = (
        max(round(min(word.left for word in words) - 2 * space), 0),
        max(round(min(word.top for word in words) - space), 0),
        min(round(max(word.right for word in words) + 2 * space), image.width),
        min(round(max(word.bottom for word in words) + space), image.height),
    )
    again = [line.replace(" ", "") for line in read(image.crop(box))]
    if len(again) != len(lines) or _right(again) <= _right([_text(line) for line in lines]):
        return list(found)
    rest = [word for word in found if word not in words]
    return rest + [_whole(line, text) for line, text in zip(lines, again, strict=True)]


def _is_of_zone(line: Sequence[Word]) -> bool:
    text = _text(line)
    figures = sum(char.isdigit() for char in text)
    return len(text) >= CHARS_MIN and text.upper() == text and ("<" in text or figures > 12)


def _text(line: Sequence[Word]) -> str:
    return "".join(word.text for word in line)


def _right(lines: Sequence[str]) -> int:
    found = mrz.find("\n".join(lines), year=YEAR)
    return -1 if found is None else found.valid


def _whole(line: Sequence[Word], text: str) -> Word:
    return msgspec.structs.replace(
        line[0],
        text=text,
        confidence=sum(word.confidence for word in line) / len(line),
        right=max(word.right for word in line),
        top=min(word.top for word in line),
        bottom=max(word.bottom for word in line),
    )
