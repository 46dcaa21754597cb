"""
A page is measured, and gets the preparation that the measurement asks for; a good scan gets none.
"""

import math
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Grey = NDArray[np.uint8]

UNEVEN_FROM = 45.0
"""Difference between the brightest and the darkest background of a page, in grey levels, from which it is divided away."""
NOISE_FROM = 0.002
"""Part of the pixels that are specks, from which they are filtered."""
SPECK = 60
"""By so many grey levels a speck is darker than the darkest pixel beside it."""
LINE_PIXELS_MIN = 21.0
"""Lines of text that are lower are enlarged."""
SKEW_FROM = 0.25
SKEW_MAX = 12.0
BLOCK = 32
MEASURED_PIXELS = 1_000


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    unevenness: float
    noise: float
    line_height: float
    skew: float
    contrast: float


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    image: Any
    measured: Measured
    scale: float
    turned: float


def prepare(image: Image.Image) -> Prepared:
    """
    A grey picture on white paper, straight, and large enough to be read.
    """
    grey = image.convert("L")
    unevenness = _unevenness(grey)
    noise = _noise(grey)
    if noise >= NOISE_FROM:
        grey = grey.filter(ImageFilter.MedianFilter(3))
    if unevenness >= UNEVEN_FROM:
        grey = divided(grey)
    elif _is_dark(grey):
        grey = Image.eval(grey, lambda value: 255 - value)
    contrast = _contrast(grey)
    skew = _skew(grey)
    if abs(skew) >= SKEW_FROM:
        grey = grey.rotate(skew, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    height = _line_height(grey)
    scale = _scale(height)
    if scale != 1:
        size = (round(grey.width * scale), round(grey.height * scale))
        grey = grey.resize(size, Image.Resampling.LANCZOS)
    measured = Measured(
        unevenness=unevenness, noise=noise, line_height=height, skew=skew, contrast=contrast
    )
    is_turned = abs(skew) >= SKEW_FROM
    return Prepared(image=grey, measured=measured, scale=scale, turned=skew if is_turned else 0.0)


def divided(grey: Image.Image) -> Image.Image:
    """
    Divide by the paper, so that a shadow is white as well.
    """
    # A window that suits a page of 300 dpi leaves the edge of a shadow on a small picture.
    step = min(max(min(grey.size) // 200, 2), 8)
    size = (max(grey.width // step, 1), max(grey.height // step, 1))
    paper = grey.resize(size, Image.Resampling.BOX)
    paper = paper.filter(ImageFilter.MaxFilter(9)).filter(ImageFilter.GaussianBlur(6))
    back = np.asarray(paper.resize(grey.size, Image.Resampling.BILINEAR), dtype=np.float32)
    flat = np.asarray(grey, dtype=np.float32) / np.maximum(back, 1.0) * 255.0
    return Image.fromarray(np.clip(flat, 0, 255).astype(np.uint8))


_INK_BELOW = [math.ceil(level * 0.65) for level in range(256)]


def ink(grey: Image.Image) -> NDArray[np.bool_]:
    """
    What is darker than the paper around it.
    """
    small = grey.resize((max(grey.width // 16, 1), max(grey.height // 16, 1)), Image.Resampling.BOX)
    paper = small.filter(ImageFilter.MaxFilter(5)).resize(grey.size, Image.Resampling.BILINEAR)
    # Grey levels are whole numbers, so that pixels need no floating point.
    found: NDArray[np.bool_] = np.asarray(grey) < np.asarray(paper.point(_INK_BELOW))
    return found


def coverage(grey: Image.Image, boxes: list[tuple[float, float, float, float]]) -> float:
    """
    Which part of the blocks that look like text lies in a box: those in which ink and paper change often, as letters do and photographs and rules do not.
    """
    dark = ink(grey)
    height, width = (side // BLOCK * BLOCK for side in dark.shape)
    if not height or not width:
        return 1.0
    dark = dark[:height, :width]
    changes = np.zeros(dark.shape, dtype=np.bool_)
    changes[:, 1:] = dark[:, 1:] != dark[:, :-1]
    often, share = _in_blocks(changes), _in_blocks(dark) / BLOCK**2
    is_text = (often >= BLOCK) & (share > 0.05) & (share < 0.6)
    total = int(is_text.sum())
    if total == 0:
        return 1.0
    covered = np.zeros(is_text.shape, dtype=bool)
    for left, top, right, bottom in boxes:
        rows = slice(max(int(top) // BLOCK, 0), int(bottom) // BLOCK + 1)
        columns = slice(max(int(left) // BLOCK, 0), int(right) // BLOCK + 1)
        covered[rows, columns] = True
    return float((is_text & covered).sum()) / total


def _in_blocks(marks: NDArray[np.bool_]) -> NDArray[np.int64]:
    """
    How many pixels of each block are marked.
    """
    height, width = marks.shape
    columns = marks.reshape(height // BLOCK, BLOCK, width).sum(axis=1, dtype=np.uint8)
    blocks: NDArray[np.int64] = columns.reshape(height // BLOCK, width // BLOCK, BLOCK).sum(
        axis=2, dtype=np.int64
    )
    return blocks


def _unevenness(grey: Image.Image) -> float:
    cells = np.asarray(grey.resize((256, 256), Image.Resampling.BOX))
    paper = _brightest(_brightest(cells, 15, 0), 15, 1)
    low, high = np.percentile(paper, (4, 96))
    return float(high - low)


def _brightest(cells: Grey, side: int, axis: int) -> Grey:
    """
    Each cell as bright as the brightest of so many around it, in one direction; both directions one after the other are quicker than together.
    """
    edge = [(side // 2, side // 2) if at == axis else (0, 0) for at in range(2)]
    wide = np.pad(cells, edge)
    found: Grey = np.lib.stride_tricks.sliding_window_view(wide, side, axis=axis).max(axis=-1)
    return found


def _noise(grey: Image.Image) -> float:
    """
    The part of the pixels that are dark among light ones alone: strokes of letters, however thin, have a neighbour.
    """
    part = _middle(grey)
    values = np.asarray(part, dtype=np.int16)
    next_darkest = np.asarray(part.filter(ImageFilter.RankFilter(3, 1)), dtype=np.int16)
    return float((next_darkest - values > SPECK).mean())


def _middle(grey: Image.Image) -> Image.Image:
    width, height = (min(side, 1_200) for side in grey.size)
    left, top = (grey.width - width) // 2, (grey.height - height) // 2
    return grey.crop((left, top, left + width, top + height))


def _is_dark(grey: Image.Image) -> bool:
    return float(np.median(np.asarray(grey.resize((64, 64), Image.Resampling.BOX)))) < 90


def _contrast(grey: Image.Image) -> float:
    low, high = np.percentile(np.asarray(grey.resize((512, 512))), (2, 98))
    return float(high - low)


def _skew(grey: Image.Image) -> float:
    """
    The angle at which lines of text are sharpest from one row to the next.
    """
    scale = MEASURED_PIXELS / max(grey.size)
    small = (
        grey.resize(
            (max(round(grey.width * scale), 1), max(round(grey.height * scale), 1)),
            Image.Resampling.BOX,
        )
        if scale < 1
        else grey
    )
    dark = Image.fromarray(ink(small).astype(np.uint8) * 255)
    if dark.getbbox() is None:
        return 0.0

    def sharpness(angle: float) -> float:
        turned = np.asarray(dark.rotate(angle, Image.Resampling.NEAREST), dtype=np.float32)
        rows = turned.sum(axis=1)
        return float(((rows[1:] - rows[:-1]) ** 2).sum())

    best = max(np.arange(-SKEW_MAX, SKEW_MAX + 0.5, 1.0), key=sharpness)
    for step in (0.25, 0.1):
        around = np.arange(best - 3 * step, best + 3.5 * step, step)
        best = max(around, key=sharpness)
    # A page without clear lines is best left as it is.
    return float(best) if sharpness(float(best)) > 1.15 * sharpness(0.0) else 0.0


def _line_height(grey: Image.Image) -> float:
    """
    The usual height of a run of rows with ink; 0 where there is none.
    """
    rows = np.count_nonzero(ink(grey), axis=1) / max(grey.width, 1)
    if not rows.size or float(rows.max()) == 0:
        return 0.0
    has_ink = rows > max(0.12 * float(np.percentile(rows, 97)), 1e-6)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], has_ink.astype(np.int8), [0]))))
    runs = edges[1::2] - edges[::2]
    runs = runs[runs >= 4]
    return float(np.median(runs)) if runs.size else 0.0


def _scale(height: float) -> float:
    if height == 0 or height >= LINE_PIXELS_MIN:
        return 1.0
    return 3.0 if height < 8 else 2.0
