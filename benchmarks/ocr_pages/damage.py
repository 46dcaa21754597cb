"""
What happens to a page on its way: a poor scanner, a fax, a telephone.
"""

import io
import random
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

Damage = Callable[[Image.Image, random.Random], Image.Image]


def _clean(image: Image.Image, _: random.Random) -> Image.Image:
    return image


def _small(image: Image.Image, _: random.Random) -> Image.Image:
    return image.resize((image.width // 2, image.height // 2), Image.Resampling.BOX)


def _rotated(image: Image.Image, chance: random.Random) -> Image.Image:
    angle = chance.choice((-1, 1)) * chance.uniform(1.5, 5)
    return image.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=255)


def _noisy(image: Image.Image, chance: random.Random) -> Image.Image:
    noise = np.random.default_rng(chance.getrandbits(32))
    values = np.asarray(image.filter(ImageFilter.GaussianBlur(1.2)), dtype=np.float32)
    values = values + noise.normal(0, 18, values.shape)
    drawn = noise.random(values.shape)
    values[drawn < 0.004] = 0
    values[drawn > 0.996] = 255
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def _low(image: Image.Image, chance: random.Random) -> Image.Image:
    small = image.resize((image.width // 3, image.height // 3), Image.Resampling.BOX)
    packed = io.BytesIO()
    small.save(packed, "JPEG", quality=chance.randint(30, 45))
    return Image.open(io.BytesIO(packed.getvalue())).convert("L")


def _photographed(image: Image.Image, chance: random.Random) -> Image.Image:
    """
    A sheet on a desk: seen from the side, with the shadow of a hand and the light of a lamp.
    """
    width, height = image.width * 2 // 3, image.height * 2 // 3
    sheet = image.resize((width, height), Image.Resampling.LANCZOS)
    edge = 0.03
    corners = [(0, 0), (0, height), (width, height), (width, 0)]
    moved = [
        (x + chance.uniform(-edge, edge) * width, y + chance.uniform(-edge, edge) * height)
        for x, y in corners
    ]
    flat = _perspective(moved, corners)
    seen = sheet.transform(
        (width, height), Image.Transform.PERSPECTIVE, flat, Image.Resampling.BICUBIC, fillcolor=225
    )
    light = _light(width, height, chance)
    values = np.asarray(seen, dtype=np.float32) * light
    noise = np.random.default_rng(chance.getrandbits(32))
    values = values + noise.normal(0, 4, values.shape)
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(0.6)
    )


def _light(
    width: int, height: int, chance: random.Random
) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    lamp_x, lamp_y = chance.random(), chance.random()
    lamp = 1 - 0.55 * np.hypot(x - lamp_x, y - lamp_y)
    slope, start = chance.uniform(-0.6, 0.6), chance.uniform(0.3, 0.8)
    shadow = 1 / (1 + np.exp(-(x - start - slope * (y - 0.5)) * 25))
    return np.asarray(lamp * (1 - 0.45 * shadow), dtype=np.float32)


def _perspective(source: list[tuple[float, float]], target: list[tuple[int, int]]) -> list[float]:
    rows = []
    for (x, y), (u, v) in zip(target, source, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    wanted = np.array(source, dtype=float).reshape(8)
    return [float(one) for one in np.linalg.solve(np.array(rows, dtype=float), wanted)]


def _worn(image: Image.Image, chance: random.Random) -> Image.Image:
    """
    Thermal paper from a wallet under a poor scanner: faded, streaked, folded, a little askew.
    """
    noise = np.random.default_rng(chance.getrandbits(32))
    ink, paper = chance.uniform(70, 120), chance.uniform(225, 245)
    values = np.asarray(image, dtype=np.float32) / 255 * (paper - ink) + ink
    values += noise.normal(0, 5, values.shape[1])[None, :]
    for _ in range(chance.randint(1, 3)):
        values[chance.randrange(values.shape[0])] = paper
    values += noise.normal(0, 6, values.shape)
    worn = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
    worn = worn.rotate(
        chance.uniform(-2, 2), Image.Resampling.BICUBIC, expand=True, fillcolor=round(paper)
    )
    packed = io.BytesIO()
    worn.filter(ImageFilter.GaussianBlur(0.7)).save(packed, "JPEG", quality=chance.randint(45, 70))
    return Image.open(io.BytesIO(packed.getvalue())).convert("L")


def _upside_down(image: Image.Image, _: random.Random) -> Image.Image:
    return image.rotate(180)


CONDITIONS: dict[str, Damage] = {
    "clean, 300 dpi": _clean,
    "150 dpi": _small,
    "rotated 1.5 to 5°": _rotated,
    "noise and blur": _noisy,
    "100 dpi, JPEG": _low,
    "photographed": _photographed,
    "upside down": _upside_down,
}

OTHERS: dict[str, Damage] = {"worn": _worn}
"""Not for pages of running text."""


def damaged(image: Image.Image, condition: str, seed: int) -> Image.Image:
    return {**CONDITIONS, **OTHERS}[condition](image, random.Random(f"{condition} {seed}"))
