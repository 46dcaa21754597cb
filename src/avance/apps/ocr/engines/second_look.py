"""
Words of which the engine is unsure are looked at a second time, each alone: amounts that stand far to the right of a receipt are read wrong on the
page, at the size of the page, and right by themselves.
"""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from PIL import Image

from avance.apps.ocr.engines.words import Word, in_lines

Look = Callable[[Image.Image], tuple[str, float]]
DOUBT = 0.75
"""Words that are less sure are looked at again."""
SURE = 0.8
SURER = 0.2
"""So sure the second look must be, and so much surer than the first, to count."""
LOOKS_MAX = 40
"""On one page."""
SHARE_MAX = 0.5
"""Where more words are doubtful, the page stands the wrong way round or is none."""
MARGIN = 0.35
"""Around a word, in its heights."""
GAP = 0.8
"""Doubtful words that are nearer are one."""
HEIGHT = 48
"""Of the picture of a word: what the engine's own line is scaled to, with its margins."""


def with_second_look(found: Sequence[Word], image: Image.Image, look: Look) -> list[Word]:
    """
    The words, those that the second look is surer of as it reads them.
    """
    doubtful = sum(word.confidence < DOUBT for word in found)
    if not doubtful or doubtful > SHARE_MAX * len(found):
        return list(found)
    kept: list[Word] = []
    looks = 0
    for group in _groups(found):
        whole = _whole(group)
        if whole.confidence >= DOUBT or looks == LOOKS_MAX or whole.height < 4:
            kept += group
            continue
        looks += 1
        text, sure = look(_picture(image, whole))
        is_better = text != "" and sure >= SURE and sure - whole.confidence >= SURER
        kept += _split(whole, text, sure) if is_better else group
    return kept


def _groups(found: Sequence[Word]) -> list[list[Word]]:
    """
    Each sure word by itself, doubtful ones with the doubtful ones beside them.
    """
    groups: list[list[Word]] = []
    for line in in_lines(found):
        before: Word | None = None
        for word in line:
            is_doubtful = word.confidence < DOUBT
            if is_doubtful and before is not None and word.left - before.right < GAP * word.height:
                groups[-1].append(word)
            else:
                groups.append([word])
            before = word if is_doubtful else None
    return groups


def _whole(group: Sequence[Word]) -> Word:
    return msgspec.structs.replace(
        group[0],
        text=" ".join(word.text for word in group),
        confidence=min(word.confidence for word in group),
        top=min(word.top for word in group),
        right=max(word.right for word in group),
        bottom=max(word.bottom for word in group),
    )


def _picture(image: Image.Image, word: Word) -> Image.Image:
    across, down = MARGIN * word.height, 0.6 * MARGIN * word.height
    box = (
        max(round(word.left - across), 0),
        max(round(word.top - down), 0),
        min(round(word.right + across), image.width),
        min(round(word.bottom + down), image.height),
    )
    cut = image.crop(box)
    scale = HEIGHT / max(cut.height, 1)
    size = (max(round(cut.width * scale), 1), HEIGHT)
    small = cut.resize(size, Image.Resampling.LANCZOS)
    # Letters at the very edge are taken for dirt.
    paper = int(np.asarray(small).max())
    framed = Image.new("L", (size[0] + 24, size[1] + 24), paper)
    framed.paste(small, (12, 12))
    return framed


def _split(whole: Word, text: str, sure: float) -> list[Word]:
    """
    As words, whose places follow from their share of the letters.
    """
    step = (whole.right - whole.left) / len(text)
    words, at = [], 0
    for part in text.split(" "):
        left = whole.left + at * step
        if part:
            words.append(
                msgspec.structs.replace(
                    whole, text=part, confidence=sure, left=left, right=left + len(part) * step
                )
            )
        at += len(part) + 1
    return words
