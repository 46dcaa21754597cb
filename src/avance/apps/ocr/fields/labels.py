"""
A value stands right of its label, or below it.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence, Set

import msgspec

from avance.apps.ocr.engines.words import Word, in_lines

GAP = 2.5
"""Words of one value are no further apart, in heights of a line."""
SPECKS_MAX = 1
"""So many lines further down a value is looked for."""
PART_CHARS_MIN = 3
"""Of a word of a label, so that `s/n` stays one word."""
_CLOSE = re.compile(r"(?<=\D)(/)(?=\D)|(?<=[^\W\d]:)(?=\w)")
_NUMERO = re.compile("N[Oo0E2]?")


class Value(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    confidence: float


class Spot(msgspec.Struct, frozen=True, kw_only=True):
    line: int
    first: int
    after: int


def plain(text: str) -> str:
    """
    Capitals without accents and marks, for comparing.
    """
    parts = unicodedata.normalize("NFKD", text.upper())
    return "".join(char for char in parts if char.isalnum() or char in " /&%<")


def _compared(text: str) -> list[str]:
    """
    The words of a label, or of a line that may hold one. `Nº` is read as N2, N*, Ne or No.
    """
    words = (plain(word).strip() for word in text.split())
    return ["N" if _NUMERO.fullmatch(word) else word for word in words]


class Reading:
    """
    The lines of one page, and where labels stand in them.
    """

    def __init__(self, words: Sequence[Word], labels: Iterable[str]) -> None:
        labels = {" ".join(_compared(one)) for one in labels}
        known = {part for label in labels for part in label.split()}
        self.lines = [_parted(line, known) for line in _lines(words)]
        self._plain = [[" ".join(_compared(word.text)) for word in line] for line in self.lines]
        # Longer ones first: `fecha de nacimiento` is no `fecha`.
        self._labels = sorted(labels, key=len, reverse=True)
        self._spots = [self._spots_of(number) for number in range(len(self.lines))]

    def values(self, label: str, *, below: int = 1) -> list[list[Value]]:
        """
        For every place of a label, what stands right of it and what stands in the lines below it.
        """
        wanted = " ".join(_compared(label))
        found = []
        for number, spots in enumerate(self._spots):
            for spot, name in spots:
                if name == wanted:
                    found.append(self._at(number, spot, below))
        return found

    def text(self) -> str:
        return "\n".join(" ".join(word.text for word in line) for line in self.lines)

    def _spots_of(self, number: int) -> list[tuple[Spot, str]]:
        words = self._plain[number]
        taken: set[int] = set()
        found = []
        for label in self._labels:
            parts = label.split()
            for first in range(len(words) - len(parts) + 1):
                place = range(first, first + len(parts))
                if words[first : first + len(parts)] == parts and not taken & set(place):
                    taken |= set(place)
                    found.append((Spot(line=number, first=first, after=first + len(parts)), label))
        return sorted(found, key=lambda one: one[0].first)

    def _at(self, number: int, spot: Spot, below: int) -> list[Value]:
        line = self.lines[number]
        after, end = self._extent(number, spot)
        beside = [word for word in line[after:end] if plain(word.text).strip()]
        values = [_value(beside)] if beside else []
        left = line[spot.first].left - line[spot.first].height
        right = line[end].left - 1 if end < len(line) else float("inf")
        gathered: list[Word] = []
        for count, other in enumerate(self._below(number), 1):
            gathered = (
                self._within(other, left, right)
                if count > below
                else gathered + self._within(other, left, right)
            )
            # Beyond what belongs to it only for a reader that finds nothing before: a speck may stand between.
            if gathered and count >= below:
                values.append(_value(gathered))
            if count == below + SPECKS_MAX:
                break
        else:
            if gathered and len(values) == bool(beside):
                values.append(_value(gathered))
        return values

    def _extent(self, number: int, spot: Spot) -> tuple[int, int]:
        """
        Where a label ends, and where the next begins. `APELLIDOS / SURNAME` is one label in two languages.
        """
        after = spot.after
        for one, _ in self._spots[number]:
            if one.first < spot.after:
                continue
            if set(self._plain[number][after : one.first]) != {"/"}:
                return after, one.first
            after = one.after
        return after, len(self.lines[number])

    def _below(self, number: int) -> Iterator[int]:
        """
        The lines below one, up to the next that begins with a label.
        """
        for other in range(number + 1, len(self.lines)):
            if other > number + 1 and any(one.first == 0 for one, _ in self._spots[other]):
                return
            yield other

    def _within(self, number: int, left: float, right: float) -> list[Word]:
        taken = {at for one, _ in self._spots[number] for at in range(one.first, one.after)}
        return [
            word
            for at, word in enumerate(self.lines[number])
            if at not in taken and left <= word.left < right
        ]


def _lines(words: Sequence[Word]) -> list[list[Word]]:
    """
    As the engine saw them, where it says so: on a page that lies askew, boxes alone mix them up.
    """
    if any(word.line < 0 for word in words):
        return in_lines(words)
    lines: dict[int, list[Word]] = {}
    for word in words:
        lines.setdefault(word.line, []).append(word)
    return [lines[number] for number in sorted(lines)]


def _parted(line: Sequence[Word], known: Set[str]) -> list[Word]:
    """
    `NACIONALIDAD/NATIONALITY` and `Fecha:19/01/2023`, written or read without spaces, as the words that they are.
    """
    words: list[Word] = []
    for word in line:
        parts = [part for part in _CLOSE.split(word.text) if part]
        if len(parts) > 1 and any(_is_of_label(part, known) for part in parts):
            words += _places(word, parts)
        else:
            words.append(word)
    return words


def _is_of_label(part: str, known: Set[str]) -> bool:
    is_long = len(part) >= PART_CHARS_MIN or part.endswith(":")
    return is_long and any(one in known for one in _compared(part))


def _places(word: Word, parts: Sequence[str]) -> Iterator[Word]:
    step, at = (word.right - word.left) / len(word.text), 0
    for part in parts:
        left = word.left + at * step
        at += len(part)
        right = word.left + at * step
        yield msgspec.structs.replace(word, text=part, left=left, right=right)


def _value(words: Sequence[Word]) -> Value:
    length = sum(len(word.text) for word in words)
    return Value(
        text=" ".join(word.text for word in words).strip(" :;"),
        confidence=sum(word.confidence * len(word.text) for word in words) / max(length, 1),
    )
