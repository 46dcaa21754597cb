"""
A small line plot with logarithmic axes, as SVG: growth is read from its slope.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 560, 340
LEFT, RIGHT, TOP, BOTTOM = 70, 150, 34, 48
COLOURS = ("#2563eb", "#d97706", "#059669", "#be185d")

Point = tuple[float, float]


def slope(points: Sequence[Point]) -> float:
    """
    The exponent of growth, by least squares over the logarithms: 1 is linear.
    """
    logs = [(math.log(x), math.log(y)) for x, y in points if x > 0 and y > 0]
    if len(logs) < 2:
        return 0.0
    mean_x = sum(x for x, _ in logs) / len(logs)
    mean_y = sum(y for _, y in logs) / len(logs)
    spread = sum((x - mean_x) ** 2 for x, _ in logs)
    return sum((x - mean_x) * (y - mean_y) for x, y in logs) / spread if spread else 0.0


def _decades(low: float, high: float) -> range:
    return range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)


def _scale(value: float, decades: range, start: float, end: float) -> float:
    share = (math.log10(value) - decades[0]) / max(1, decades[-1] - decades[0])
    return start + share * (end - start)


def _label(power: int) -> str:
    return f"{10.0**power:g}" if -4 < power < 6 else f"1e{power}"


def svg(title: str, x_title: str, y_title: str, series: Mapping[str, Sequence[Point]]) -> str:
    points = [point for line in series.values() for point in line if point[0] > 0 and point[1] > 0]
    if not points:
        return ""
    across = _decades(min(x for x, _ in points), max(x for x, _ in points))
    up = _decades(min(y for _, y in points), max(y for _, y in points))
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/><text x="{LEFT}" y="20" font-size="14">{escape(title)}</text>',
    ]
    for power in across:
        x = _scale(10.0**power, across, LEFT, right)
        parts.append(f'<path d="M{x:.0f} {TOP}V{bottom}" stroke="#ddd"/>')
        parts.append(
            f'<text x="{x:.0f}" y="{bottom + 16}" text-anchor="middle">{_label(power)}</text>'
        )
    for power in up:
        y = _scale(10.0**power, up, bottom, TOP)
        parts.append(f'<path d="M{LEFT} {y:.0f}H{right}" stroke="#ddd"/>')
        parts.append(
            f'<text x="{LEFT - 6}" y="{y + 4:.0f}" text-anchor="end">{_label(power)}</text>'
        )
    for index, (name, line) in enumerate(series.items()):
        colour = COLOURS[index % len(COLOURS)]
        spots = [
            (_scale(x, across, LEFT, right), _scale(y, up, bottom, TOP))
            for x, y in line
            if x > 0 and y > 0
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in spots]
        parts.append(
            f'<text x="{right + 8}" y="{TOP + 14 + 18 * index}" fill="{colour}">{escape(name)}</text>'
        )
    parts.append(
        f'<text x="{(LEFT + right) / 2:.0f}" y="{HEIGHT - 10}" text-anchor="middle">{escape(x_title)}</text>'
    )
    middle = (TOP + bottom) / 2
    parts.append(
        f'<text transform="translate(16 {middle:.0f}) rotate(-90)" text-anchor="middle">{escape(y_title)}</text>'
    )
    return "\n".join([*parts, "</svg>"]) + "\n"
