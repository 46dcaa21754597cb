"""
Travel times that were asked before, in a SQLite file of their own: worker processes have no store, and a lost cache loses nothing.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from typing import Self

from avance.apps.routes.model import Point

NEGATIVE_TTL_S = 120.0
BUSY_S = 10.0
BATCH = 400

Pair = tuple[Point, Point]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS travel (
    provider TEXT NOT NULL,
    here TEXT NOT NULL,
    there TEXT NOT NULL,
    seconds REAL,
    at_s REAL NOT NULL,
    PRIMARY KEY (provider, here, there)
) WITHOUT ROWID
"""


class Cache:
    """
    A context manager. Places are the same when they agree in five decimals.
    """

    def __init__(self, path: str, provider: str, now_s: Callable[[], float]) -> None:
        self._path = path or ":memory:"
        self._provider = provider
        self._now_s = now_s

    def __enter__(self) -> Self:
        self._database = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute(_SCHEMA)
        return self

    def __exit__(self, *error: object) -> None:
        self._database.close()

    def read(self, pairs: Iterable[Pair]) -> dict[Pair, float | None]:
        """
        What is known of these; None for those that failed a short while ago.
        """
        wanted: dict[str, dict[str, Pair]] = {}
        for pair in pairs:
            wanted.setdefault(_key(pair[0]), {})[_key(pair[1])] = pair
        fresh_s = self._now_s() - NEGATIVE_TTL_S
        found: dict[Pair, float | None] = {}
        for here, theres in wanted.items():
            names = list(theres)
            for first in range(0, len(names), BATCH):
                part = names[first : first + BATCH]
                marks = ",".join("?" * len(part))
                query = f"SELECT there, seconds FROM travel WHERE provider = ? AND here = ? AND (seconds IS NOT NULL OR at_s > ?) AND there IN ({marks})"
                with closing(
                    self._database.execute(query, (self._provider, here, fresh_s, *part))
                ) as rows:
                    found.update({theres[there]: seconds for there, seconds in rows})
        return found

    def write(self, known: Mapping[Pair, float | None]) -> None:
        at_s = self._now_s()
        rows = [
            (self._provider, _key(here), _key(there), seconds, at_s)
            for (here, there), seconds in known.items()
        ]
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany("INSERT OR REPLACE INTO travel VALUES (?, ?, ?, ?, ?)", rows)
        self._database.execute("COMMIT")


def _key(point: Point) -> str:
    return f"{point.lat:.5f},{point.lon:.5f}"
