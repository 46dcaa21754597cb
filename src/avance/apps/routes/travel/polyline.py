"""
Coordinates in few characters, as OSRM takes them (precision 5).
"""

from collections.abc import Iterable

from avance.apps.routes.model import Point


def encode(points: Iterable[Point]) -> str:
    text: list[str] = []
    last_lat = last_lon = 0
    for point in points:
        lat, lon = round(point.lat * 1e5), round(point.lon * 1e5)
        text += (_number(lat - last_lat), _number(lon - last_lon))
        last_lat, last_lon = lat, lon
    return "".join(text)


def _number(value: int) -> str:
    value = ~(value << 1) if value < 0 else value << 1
    characters = []
    while value >= 0x20:
        characters.append(chr((0x20 | (value & 0x1F)) + 63))
        value >>= 5
    characters.append(chr(value + 63))
    return "".join(characters)
