"""
A value stands right of its label, or below it.
"""

import unicodedata
from collections.abc import Iterable, Sequence

import msgspec

from avance.apps.ocr.engines.words import Word, in_lines

GAP = 2.5
"""Words of one value are no further apart, in heights of a line."""


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


class Reading:
    """
    The lines of one page, and where labels stand in them.
    """

    def __init__(self, words: Sequence[Word], labels: Iterable[str]) -> None:
        self.lines = in_lines(words)
        self._plain = [[plain(word.text).strip() for word in line] for line in self.lines]
        # Longer ones first: `fecha de nacimiento` is no `fecha`.
        self._labels = sorted({plain(one) for one in labels}, key=len, reverse=True)
        self._spots = [self._spots_of(number) for number in range(len(self.lines))]

    def values(self, label: str, *, below: int = 1) -> list[list[Value]]:
        """
        For every place of a label, what stands right of it and what stands in the lines below it.
        """
        wanted = plain(label)
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
        later = [one.first for one, _ in self._spots[number] if one.first >= spot.after]
        end = min(later, default=len(line))
        beside = [word for word in line[spot.after : end] if plain(word.text).strip()]
        values = [_value(beside)] if beside else []
        left = line[spot.first].left - line[spot.first].height
        right = line[end].left - 1 if end < len(line) else float("inf")
        gathered: list[Word] = []
        for other in range(number + 1, min(number + 1 + below, len(self.lines))):
            if any(one.first == 0 for one, _ in self._spots[other]) and other > number + 1:
                break
            taken = {at for one, _ in self._spots[other] for at in range(one.first, one.after)}
            part = [
                word
                for at, word in enumerate(self.lines[other])
                if at not in taken and left <= word.left < right
            ]
            gathered += part
        if gathered:
            values.append(_value(gathered))
        return values


def _value(words: Sequence[Word]) -> Value:
    length = sum(len(word.text) for word in words)
    return Value(
        text=" ".join(word.text for word in words).strip(" :;"),
        confidence=sum(word.confidence * len(word.text) for word in words) / max(length, 1),
    )
