"""
Travel times from a file, where somebody has measured them or another service has computed them.
"""

import csv
import itertools
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from avance.apps.routes.model import Point
from avance.errors import TaskFailed

HEADINGS = ("from_lat", "from_lon", "to_lat", "to_lon", "seconds")
ROWS_MAX = 4_000_000
DECIMALS = 5
"""About a metre."""

Key = tuple[float, float, float, float]


class MatrixRoads:
    """
    What the file tells; for every other pair a great circle is left.
    """

    def __init__(self, seconds: Mapping[Key, float]) -> None:
        self._seconds = seconds

    def path_s(self, path: Sequence[Point], /) -> float | None:
        total = 0.0
        for here, there in itertools.pairwise(path):
            seconds = self.pair_s(here, there)
            if seconds is None:
                return None
            total += seconds
        return total

    def pair_s(self, start: Point, end: Point, /) -> float | None:
        key = _key(start.lat, start.lon, end.lat, end.lon)
        return 0.0 if key[:2] == key[2:] else self._seconds.get(key)


def read_matrix(path: str) -> MatrixRoads:
    """
    A CSV with the columns from_lat, from_lon, to_lat, to_lon, seconds.

    Raises:
        TaskFailed: It cannot be read; the message names the row.
    """
    try:
        stamp = Path(path).stat().st_mtime_ns
        return _read(path, stamp)
    except OSError as error:
        raise _unusable(f"the matrix of travel times cannot be read: {error}") from error


@lru_cache(maxsize=1)
def _read(path: str, stamp: int) -> MatrixRoads:
    seconds: dict[Key, float] = {}
    with Path(path).open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        missing = set(HEADINGS) - set(rows.fieldnames or ())
        if missing:
            raise _unusable(f"{path} has no column {', '.join(sorted(missing))}")
        for row in rows:
            try:
                *places, time_s = (float(row[name]) for name in HEADINGS)
            except (TypeError, ValueError) as error:
                raise _unusable(f"{path}, line {rows.line_num}: {error}") from error
            if not 0 <= time_s < 86_400:
                raise _unusable(f"{path}, line {rows.line_num}: {time_s:g} s is no travel time")
            seconds[_key(*places)] = time_s
            if len(seconds) > ROWS_MAX:
                raise _unusable(f"{path} has over {ROWS_MAX} rows")
    return MatrixRoads(seconds)


def _key(*numbers: float) -> Key:
    a, b, c, d = (round(number, DECIMALS) for number in numbers)
    return a, b, c, d


def _unusable(message: str) -> TaskFailed:
    return TaskFailed(
        f"{message}; correct the file, or unset AVANCE_ROUTES_MATRIX_FILE", code="matrix_unusable"
    )
