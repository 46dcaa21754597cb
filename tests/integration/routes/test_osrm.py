"""
Travel times of a real OSRM: tables over its limits, places off the road, a server that dies half-way, a slow one.
"""

import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from avance.apps.routes.check import check_schedule
from avance.apps.routes.engine import Engine
from avance.apps.routes.model import Depot, Kind, Point, Route, Stop, Vehicle, clock_text
from avance.apps.routes.request import Request, RoadOptions, Wishes
from avance.apps.routes.result import Answer
from avance.apps.routes.solve import SolverProcess
from avance.apps.routes.solver.options import SearchOptions
from avance.apps.routes.travel.breaker import Breaker
from avance.apps.routes.travel.cache import Cache
from avance.apps.routes.travel.osrm import Osrm, Refused
from avance.apps.routes.travel.roads import Gatherer
from avance.apps.routes.trips import Roads
from avance.apps.routes.vehicles import depot_point

from .osrm_service import ORIGIN, SIZE, STEP_DEG, build_town, running

pytestmark = pytest.mark.timeout(90)


def crossing(row: int, column: int) -> Point:
    return Point(ORIGIN[0] + row * STEP_DEG, ORIGIN[1] + column * STEP_DEG)


ALL = [crossing(row, column) for row in range(SIZE) for column in range(SIZE)]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_town(tmp_path_factory.mktemp("town"))


@pytest.fixture
def server(town: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    with running(town) as started:
        yield started


def client(url: str, *, timeout_s: float = 10.0) -> Osrm:
    return Osrm(url, timeout_s=timeout_s, breaker=Breaker(time.monotonic), sleep=lambda _: None)


def gather(osrm: Osrm, path: str, pairs: set[tuple[Point, Point]], chunk: int = 100) -> Gatherer:
    with Cache(path, "test", time.time) as cache:
        gatherer = Gatherer(osrm, cache, chunk=chunk)
        gatherer.probe(point for pair in pairs for point in pair)
        gatherer.pairs(pairs, lambda done, total: None)
    return gatherer


def test_a_table_over_the_limits_of_the_server_is_asked_in_parts(
    server: tuple[str, subprocess.Popen[bytes]],
) -> None:
    """001-32"""
    with closing(client(server[0])) as osrm:
        whole = osrm.table_s(ALL[:150], ALL[200:350])
        one = osrm.table_s(ALL[149:150], ALL[349:350])
    assert (len(whole), len(whole[0])) == (150, 150)
    assert whole[149][149] == one[0][0]
    assert all(seconds is not None for row in whole for seconds in row)


def test_too_big_is_halved_until_it_fits(town: Path) -> None:
    with running(town, table_size_max=7) as (url, _), closing(client(url)) as osrm:
        table = osrm.table_s(ALL[:20], ALL[:20])
    assert [row[number] for number, row in enumerate(table)] == [0] * 20


def test_a_place_far_from_every_road_is_named_and_spoils_no_other(
    server: tuple[str, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """001-T13: a point in the sea."""
    sea, near = Point(41.0, -9.5), Point(ORIGIN[0] + 0.004, ORIGIN[1] + 0.004)
    pairs = {(ALL[0], ALL[5]), (ALL[0], sea), (sea, ALL[3]), (near, ALL[7])}
    with closing(client(server[0])) as osrm:
        got = gather(osrm, str(tmp_path / "c.db"), pairs)
    assert got.roads.pair_s(ALL[0], ALL[5])
    assert got.roads.pair_s(ALL[0], sea) is None
    assert got.roads.pair_s(near, ALL[7])
    assert {one.code for one in got.gathered.findings} == {"off_road", "far_from_road"}
    assert got.gathered.fallbacks == 2


def test_a_second_run_asks_the_cache_and_not_the_server(
    server: tuple[str, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    pairs = {(a, b) for a in ALL[:12] for b in ALL[30:42]}
    path = str(tmp_path / "c.db")
    with closing(client(server[0])) as osrm:
        first = gather(osrm, path, pairs)
        server[1].kill()
        server[1].wait()
        again = gather(osrm, path, pairs)
    assert first.gathered.cache_hits == 0
    assert again.gathered.cache_hits == len(pairs)
    assert all(again.roads.pair_s(*pair) == first.roads.pair_s(*pair) for pair in pairs)


def test_a_server_that_dies_half_way_leaves_great_circles_for_the_rest(
    server: tuple[str, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """001-44: the breaker leaves it alone after three failures."""
    pairs = {(a, b) for a in ALL[:40] for b in ALL[100:140]}
    with closing(client(server[0])) as osrm, Cache(str(tmp_path / "c.db"), "t", time.time) as cache:
        gatherer = Gatherer(osrm, cache, chunk=10)
        gatherer.probe(point for pair in pairs for point in pair)

        def kill_at_half(done: int, total: int) -> None:
            if done >= total / 2 and server[1].poll() is None:
                server[1].kill()
                server[1].wait()

        gatherer.pairs(pairs, kill_at_half)
    known = sum(gatherer.roads.pair_s(*pair) is not None for pair in pairs)
    assert 0 < known < len(pairs)
    assert gatherer.gathered.fallbacks == len(pairs) - known


def test_a_server_that_never_answers_is_given_up_after_its_time() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        breaker = Breaker(time.monotonic)
        osrm = Osrm(
            f"http://127.0.0.1:{silent.getsockname()[1]}",
            timeout_s=0.05,
            breaker=breaker,
            sleep=lambda _: None,
        )
        with closing(osrm), pytest.raises(Refused):
            osrm.table_s(ALL[:2], ALL[:2])
    assert breaker.is_open


def test_a_url_that_the_server_hangs_up_on_is_halved() -> None:
    """A small server that closes the connection on more than three places, as OSRM does on very long URLs."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                peer, _ = listener.accept()
                with peer:
                    line = peer.recv(65_536).split(b"\r\n")[0].decode()
                    asked = line.partition("destinations=")[2].partition("&")[0].replace("%3B", ";")
                    sources = line.partition("sources=")[2].partition("&")[0].replace("%3B", ";")
                    rows, columns = len(sources.split(";")), len(asked.split(";"))
                    if rows + columns <= 3 and not stop.is_set():
                        body = msgspec.json.encode(
                            {"code": "Ok", "durations": [[1.0] * columns] * rows}
                        )
                        peer.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))  # fmt: skip

        thread = threading.Thread(target=serve)
        thread.start()
        port = listener.getsockname()[1]
        patient = Breaker(time.monotonic, failures_max=1000)
        osrm = Osrm(f"http://127.0.0.1:{port}", timeout_s=5, breaker=patient, sleep=lambda _: None)
        try:
            with closing(osrm):
                table = osrm.table_s(ALL[:4], ALL[:4])
        finally:
            stop.set()
            socket.create_connection(("127.0.0.1", port)).close()
            thread.join()
    assert table == [[1.0] * 4] * 4


def day_in_town() -> list[Route]:
    routes = []
    for number in range(24):
        far, school = crossing(number % SIZE, 2 + number % 5), crossing(10, 10)
        minute = 8 * 60 + 20 * (number % 8)
        routes.append(
            Route(
                id=f"r{number}",
                type=Kind.ENTRY,
                stops=(
                    Stop(lat=far.lat, lon=far.lon, order=1),
                    Stop(lat=school.lat, lon=school.lon, order=2, is_school=True),
                ),
                arrival_time=clock_text(60 * minute),
                capacity_needed=30,
            )
        )
    return routes


def depot_in_town() -> Depot:
    school = day_in_town()[0].stops[-1]
    return Depot(lat=school.lat, lon=school.lon)


class Quiet:
    def enter(self, phase: str, message: str, /) -> None: ...
    def leave(self, phase: str, /) -> None: ...
    def show(self, *told: object) -> None: ...
    def plan(self, *told: object) -> None: ...


def solve(
    engine_of: RoadOptions, solver: SolverProcess, vehicles: tuple[Vehicle, ...] = ()
) -> tuple[Answer, Roads]:
    request = Request(
        routes=tuple(day_in_town()),
        roads=engine_of,
        search=SearchOptions(shakes=5),
        wishes=Wishes(vehicles=vehicles),
    )
    engine = Engine(request, solver, Quiet(), lambda _: None, time.monotonic, sleep=lambda _: None)
    return engine.run(), engine.roads


def test_a_day_is_planned_with_road_times_and_without_the_server_with_great_circles(
    server: tuple[str, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """001-29 001-32 001-T14"""
    solver = SolverProcess()
    options = RoadOptions(table_url=server[0], cache_path=str(tmp_path / "c.db"))
    try:
        by_road, roads = solve(options, solver)
        garage = (Vehicle(id="a", count=24, depot=depot_in_town()),)
        from_depot, ways = solve(options, solver, garage)
        server[1].kill()
        server[1].wait()
        without, _ = solve(RoadOptions(table_url=server[0]), solver)
    finally:
        solver.end()
    assert not check_schedule(day_in_town(), by_road.result.schedule, roads)
    assert by_road.result.diagnostics["osrm_fallback_count"] == 0
    schedule = from_depot.result.schedule
    assert not check_schedule(day_in_town(), schedule, ways, vehicles=garage)
    assert from_depot.result.diagnostics["osrm_fallback_count"] == 0
    out = depot_point(garage[0])
    first = schedule[0].items[0].stops[0]
    assert out is not None
    assert ways.pair_s(out, Point(first.lat, first.lon)) is not None
    assert without.result.diagnostics["osrm_fallback_count"] > 0
    assert without.stats.total_routes == by_road.stats.total_routes == 24
    # Streets at right angles are longer than great circles, and OSRM knows it.
    ends = [{i.route_id: i.start_time for b in a.result.schedule for i in b.items} for a in (by_road, without)]  # fmt: skip
    assert ends[0] != ends[1]
