"""
What runs in the child process: a file in, its pages out, each as soon as it is read.
"""

import math
from collections.abc import Iterator
from typing import Any, Protocol

from PIL import Image

from avance.apps.ocr.engines.pictures import Picture, pictures
from avance.apps.ocr.engines.prepare import coverage, ink, prepare
from avance.apps.ocr.engines.second_look import with_second_look
from avance.apps.ocr.engines.words import PageRead, Word, in_lines, mean_confidence, sure
from avance.apps.ocr.engines.zone import with_zone

DOUBTFUL = 0.65
"""A page that is read worse is tried in other directions."""
NOISE = 0.25
"""Words that are less sure are no words."""


class Engine(Protocol):
    def words(self, image: Image.Image) -> list[Word]: ...

    def close(self) -> None: ...


def read(
    path: str,
    kind: str,
    engine: str,
    languages: str,
    tessdata: str | None,
    pages_max: int,
    pixels_max: int,
) -> Iterator[PageRead]:
    """
    The target of the sandbox.
    """
    made: Engine | None = None
    try:
        for picture in pictures(path, kind, pages_max=pages_max, pixels_max=pixels_max):
            if picture.words is not None:
                yield _digital(picture, picture.words)
                continue
            made = made or make(engine, languages, tessdata)
            yield read_picture(made, picture)
    finally:
        if made is not None:
            made.close()


def make(engine: str, languages: str, tessdata: str | None) -> Engine:
    # Each is heavy, and only one is used.
    if engine == "rapidocr":
        from avance.apps.ocr.engines.rapid import Rapid  # noqa: PLC0415

        return Rapid()
    from avance.apps.ocr.engines.tesseract import Tesseract  # noqa: PLC0415

    return Tesseract(languages, tessdata)


def read_picture(engine: Engine, picture: Picture) -> PageRead:
    """
    Read it as it stands; in doubt, the other ways round as well, and keep the best.
    """
    best = _attempt(engine, picture, 0)
    if not best.words and not ink(picture.image.convert("L")).any():
        # An empty sheet is as empty the other way round.
        return best
    if best.confidence < DOUBTFUL or not best.words:
        for degrees in _directions(engine, picture.image):
            other = _attempt(engine, picture, degrees)
            if _merit(other) > _merit(best):
                best = other
            if best.confidence >= 0.8:
                break
    return best


def _merit(page: PageRead) -> float:
    return page.confidence * math.log1p(sum(len(word.text) for word in page.words))


def _directions(engine: Engine, image: Image.Image) -> list[int]:
    told = getattr(engine, "turned", lambda _: None)(image.convert("L"))
    usual = [180, 90, 270]
    return usual if not told else [told, *(one for one in usual if one != told)]


def _attempt(engine: Engine, picture: Picture, degrees: int) -> PageRead:
    image = picture.image if degrees == 0 else picture.image.rotate(degrees, expand=True)
    ready = prepare(image)
    seen = engine.words(ready.image)
    look = getattr(engine, "look", None)
    if look is not None:
        seen = with_second_look(seen, ready.image, look)
    found = [word for word in seen if word.confidence >= NOISE]
    zone = getattr(engine, "zone", None)
    if zone is not None:
        found = with_zone(found, ready.image, zone)
    boxes = [(word.left, word.top, word.right, word.bottom) for word in found]
    covered = coverage(ready.image, boxes)
    words, text = _arranged(found)
    back = _Back(ready.image.size, ready.scale, ready.turned, image.size)
    return PageRead(
        number=picture.number,
        of=picture.of,
        width=image.width,
        height=image.height,
        text=text,
        words=[back.word(word) for word in words],
        confidence=sure(mean_confidence(found), covered),
        coverage=covered,
        turned=float(degrees),
        measured={name: round(getattr(ready.measured, name), 4) for name in _MEASURES},
    )


_MEASURES = ("unevenness", "noise", "line_height", "skew", "contrast")


def _arranged(found: list[Word]) -> tuple[list[Word], str]:
    """
    The words in reading order, each with the number of its line, and the text.
    """
    words, lines = [], []
    for number, line in enumerate(in_lines(found)):
        words += [_numbered(word, number) for word in line]
        lines.append(" ".join(word.text for word in line))
    return words, "\n".join(lines)


def _numbered(word: Word, line: int) -> Word:
    return Word(
        text=word.text,
        confidence=word.confidence,
        left=word.left,
        top=word.top,
        right=word.right,
        bottom=word.bottom,
        line=line,
    )


class _Back:
    """
    From the prepared picture back to the page: turned and enlarged boxes to those of the original.
    """

    def __init__(
        self, size: tuple[int, int], scale: float, turned: float, original: tuple[int, int]
    ) -> None:
        self._scale = scale
        self._middle = (size[0] / scale / 2, size[1] / scale / 2)
        self._original = (original[0] / 2, original[1] / 2)
        # The picture was turned against the clock, where y points down.
        self._cos, self._sin = math.cos(math.radians(turned)), math.sin(math.radians(turned))

    def _point(self, x: float, y: float) -> tuple[float, float]:
        dx, dy = x / self._scale - self._middle[0], y / self._scale - self._middle[1]
        return (
            self._original[0] + dx * self._cos - dy * self._sin,
            self._original[1] + dx * self._sin + dy * self._cos,
        )

    def word(self, word: Word) -> Word:
        middle = self._point((word.left + word.right) / 2, (word.top + word.bottom) / 2)
        width = (word.right - word.left) / self._scale / 2
        height = (word.bottom - word.top) / self._scale / 2
        return Word(
            text=word.text,
            confidence=round(word.confidence, 3),
            left=round(middle[0] - width, 1),
            top=round(middle[1] - height, 1),
            right=round(middle[0] + width, 1),
            bottom=round(middle[1] + height, 1),
            line=word.line,
        )


def _digital(picture: Picture, words: list[Word]) -> PageRead:
    arranged, text = _arranged(words)
    facts: dict[str, Any] = {"number": picture.number, "of": picture.of}
    return PageRead(
        **facts,
        width=picture.image.width,
        height=picture.image.height,
        text=text,
        words=[_rounded(word) for word in arranged],
        confidence=1.0,
        coverage=1.0,
        is_digital=True,
    )


def _rounded(word: Word) -> Word:
    """
    To a tenth of a pixel: more is weight.
    """
    return Word(
        text=word.text,
        confidence=word.confidence,
        left=round(word.left, 1),
        top=round(word.top, 1),
        right=round(word.right, 1),
        bottom=round(word.bottom, 1),
        line=word.line,
    )
