"""
All travel times that one run needs, gathered beforehand.
"""

import itertools
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from avance.apps.routes.model import Finding, Point
from avance.apps.routes.travel.cache import Cache, Pair
from avance.apps.routes.travel.osrm import Osrm, Refused

SNAP_WARN_M = 200.0
SNAP_MAX_M = 2_000.0
PARALLEL = 3
"""Requests under way at once."""

Tell = Callable[[int, int], None]


class Gathered(msgspec.Struct, kw_only=True):
    """
    What it took.
    """

    cache_hits: int = 0
    fallbacks: int = 0
    findings: list[Finding] = []


class KnownRoads:
    """
    Travel times in seconds between places; what is not in it has none.
    """

    def __init__(self) -> None:
        self._seconds: dict[Pair, float] = {}
        self.reached: set[Point] = set()
        """Places that lie on a road; from one of them to itself takes no time."""

    def learn(self, known: dict[Pair, float | None]) -> None:
        self._seconds.update({pair: s for pair, s in known.items() if s is not None})

    def path_s(self, path: Sequence[Point], /) -> float | None:
        total = 0.0
        for here, there in itertools.pairwise(path):
            seconds = self.pair_s(here, there)
            if seconds is None:
                return None
            total += seconds
        return total

    def pair_s(self, start: Point, end: Point, /) -> float | None:
        if start == end and start in self.reached:
            return 0.0
        return self._seconds.get((start, end))


class Gatherer:
    """
    Asks the cache first, then the server in chunks; what neither tells is counted and falls back.
    """

    def __init__(self, osrm: Osrm, cache: Cache, *, chunk: int) -> None:
        self._osrm = osrm
        self._cache = cache
        self._chunk = chunk
        self._bad: set[Point] = set()
        self.roads = KnownRoads()
        self.gathered = Gathered(findings=[])

    def probe(self, points: Iterable[Point]) -> None:
        """
        Find out which places lie off the road network: one of them would spoil the answers for all others in its request.
        """
        pairs = [(point, point) for point in dict.fromkeys(points)]
        known = self._cache.read(pairs)
        missing = [pair for pair in pairs if pair not in known]
        with ThreadPoolExecutor(PARALLEL) as threads:
            new = dict(zip(missing, threads.map(self._nearest, missing), strict=True))
        self._cache.write(new)
        for (point, _), metres in {**known, **new}.items():
            if metres is None:
                continue
            is_off = metres > SNAP_MAX_M
            if not is_off:
                self.roads.reached.add(point)
            if metres <= SNAP_WARN_M:
                continue
            if is_off:
                self._bad.add(point)
            self.gathered.findings.append(
                Finding(
                    code="off_road" if is_off else "far_from_road",
                    message=f"({point.lat:g}, {point.lon:g}) is {metres:.0f} m from the nearest road"
                    + ("; great circles are used for it" if is_off else ""),
                    is_fatal=False,
                )
            )

    def legs(self, paths: Sequence[Sequence[Point]], tell: Tell) -> None:
        """
        The legs of paths.
        """
        wanted = {pair for path in paths for pair in itertools.pairwise(path) if pair[0] != pair[1]}
        known = self._take_known(wanted)
        missing = []
        for path in paths:
            pairs = list(itertools.pairwise(path))
            is_known = all(pair in known or pair[0] == pair[1] for pair in pairs)
            if not is_known and self._bad.isdisjoint(path):
                missing.append(pairs)
        with ThreadPoolExecutor(PARALLEL) as threads:
            for number, legs in enumerate(threads.map(self._ask_legs, missing), 1):
                self._learn(legs)
                tell(number, len(missing))

    def pairs(self, wanted: Collection[Pair], tell: Tell) -> None:
        """
        The times of pairs, asked in tables.
        """
        known = self._take_known(wanted)
        missing = [
            pair
            for pair in wanted
            if pair not in known and pair[0] != pair[1] and self._bad.isdisjoint(pair)
        ]
        sources = list(dict.fromkeys(pair[0] for pair in missing))
        done, left = 0, set(missing)
        by_source: dict[Point, list[Point]] = {}
        for here, there in missing:
            by_source.setdefault(here, []).append(there)
        for first in range(0, len(sources), self._chunk):
            rows = sources[first : first + self._chunk]
            columns = list(dict.fromkeys(there for row in rows for there in by_source[row]))
            for start in range(0, len(columns), self._chunk):
                part = columns[start : start + self._chunk]
                block = [(here, there) for here in rows for there in part if (here, there) in left]
                if block:
                    self._learn(self._ask_table(rows, part, block))
                done += len(block)
                tell(done, len(missing))
        self.gathered.fallbacks += sum(self.roads.pair_s(*pair) is None for pair in wanted)

    def _take_known(self, wanted: Iterable[Pair]) -> dict[Pair, float | None]:
        known = self._cache.read(wanted)
        self.gathered.cache_hits += len(known)
        self.roads.learn(known)
        return known

    def _learn(self, known: dict[Pair, float | None]) -> None:
        self._cache.write(known)
        self.roads.learn(known)

    def _nearest(self, pair: Pair) -> float | None:
        try:
            return self._osrm.nearest_m(pair[0])
        except Refused:
            return None

    def _ask_legs(self, pairs: Sequence[Pair]) -> dict[Pair, float | None]:
        path = [pairs[0][0], *(there for _, there in pairs)]
        try:
            return dict(zip(pairs, self._osrm.path_legs_s(path), strict=True))
        except Refused:
            return dict.fromkeys(pairs)

    def _ask_table(
        self, rows: Sequence[Point], columns: Sequence[Point], wanted: Sequence[Pair]
    ) -> dict[Pair, float | None]:
        try:
            table = self._osrm.table_s(rows, columns)
        except Refused:
            return dict.fromkeys(wanted)
        row = {point: number for number, point in enumerate(rows)}
        column = {point: number for number, point in enumerate(columns)}
        return {pair: table[row[pair[0]]][column[pair[1]]] for pair in wanted}
