"""
Random small days, an exhaustive search that shares nothing with the solver, and a run without processes.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import permutations
from typing import Any

from hypothesis import strategies as st

from avance.apps.routes.capacity import may_follow
from avance.apps.routes.engine import Engine
from avance.apps.routes.model import Kind, Route, Stop, Trip, clock_text
from avance.apps.routes.request import Request
from avance.apps.routes.result import Answer
from avance.apps.routes.solver.block import Block
from avance.apps.routes.solver.depots.yard import Yard
from avance.apps.routes.solver.options import SearchOptions
from avance.apps.routes.solver.run import search
from avance.apps.routes.solver.weighing.problem import Weighing
from avance.apps.routes.solver.wire import Up
from avance.apps.routes.trips import NoRoads, build_trips, gap_min

QUICK = SearchOptions(shakes=10, search_s=5.0, selection_s=1.0)


class InProcess:
    """
    The search here, one after the other.
    """

    def run(
        self,
        blocks: Sequence[Block],
        options: Any,
        seeds: Sequence[Sequence[int]] = (),
        yard: Yard | None = None,
        weighing: Weighing | None = None,
        /,
    ) -> Iterator[Up]:
        told: list[Up] = []
        search(
            blocks,
            options,
            told.append,
            clock_s=lambda: 0.0,
            seeds=seeds,
            yard=yard,
            weighing=weighing,
        )
        yield from told


class Heard:
    """
    Keeps what it is told.
    """

    def __init__(self) -> None:
        self.phases: list[str] = []
        self.shown: list[tuple[str, float, dict[str, object]]] = []
        self.saved: list[Answer] = []
        self.plans: list[dict[str, object]] = []

    def enter(self, phase: str, message: str, /) -> None:
        self.phases.append(phase)

    def leave(self, phase: str, /) -> None:
        pass

    def show(
        self, phase: str, share: float, message: str | None, data: Mapping[str, object], /
    ) -> None:
        self.shown.append((phase, share, dict(data)))

    def plan(self, told: Mapping[str, object], /) -> None:
        self.plans.append(dict(told))


def solve(
    routes: Sequence[Route],
    *,
    heard: Heard | None = None,
    options: SearchOptions = QUICK,
    **more: Any,
) -> Answer:
    heard = heard or Heard()
    request = Request(routes=tuple(routes), search=options, **more)
    return Engine(request, InProcess(), heard, heard.saved.append, lambda: 0.0).run()


def fewest_buses(routes: Sequence[Route]) -> int:
    """
    By trying everything.
    """
    trips, _ = build_trips(routes, NoRoads())

    @cache
    def drivable(chosen: frozenset[int]) -> bool:
        mine = [trips[number] for number in chosen]
        if max(t.seats_min for t in mine) > min(t.seats_max for t in mine):
            return False
        return any(drives(order) for order in permutations(mine))

    @cache
    def cover(left: frozenset[int]) -> int:
        if not left:
            return 0
        first, *others = sorted(left)
        best = len(left)
        for mask in range(1 << len(others)):
            part = frozenset([first, *(o for bit, o in enumerate(others) if mask >> bit & 1)])
            if drivable(part):
                best = min(best, 1 + cover(left - part))
        return best

    return cover(frozenset(range(len(trips))))


def drives(order: Sequence[Trip]) -> bool:
    at = 0
    for place, trip in enumerate(order):
        if place:
            before = order[place - 1]
            if not may_follow(before.demand, trip.demand):
                return False
            at += before.duration_s + 60 * gap_min(before.end, trip.start, NoRoads())
        at = max(at, trip.earliest_s)
        if at > trip.latest_s:
            return False
    return True


def _stop(step: float) -> Stop:
    return Stop(lat=42.5 + step, lon=-8.2, time_from_start=0)


def pair_of_routes(minutes_between: int) -> list[Route]:
    """
    An exit of 30 minutes at 13:00 that ends where another begins, so many minutes after the first has ended.
    """
    first = Route(id="a", type=Kind.EXIT, stops=(_stop(0.1), Stop(lat=42.5, lon=-8.2, time_from_start=30)), departure_time="13:00", capacity_needed=30)  # fmt: skip
    second = Route(id="b", type=Kind.EXIT, stops=(_stop(0.3), Stop(lat=42.6, lon=-8.2, time_from_start=30)), departure_time=f"13:{30 + minutes_between:02d}", capacity_needed=30)  # fmt: skip
    return [first, second]


@st.composite
def days(draw: st.DrawFn, *, most: int) -> list[Route]:
    """
    Days on which buses can be shared: few places, few hours, demands near the limits of the rules.
    """
    count = draw(st.integers(1, most))
    return [draw(one_route(number)) for number in range(count)]


@st.composite
def one_route(draw: st.DrawFn, number: int) -> Route:
    kind = draw(st.sampled_from(Kind))
    place = st.integers(0, 12).map(lambda step: step * 0.02)
    stops = tuple(
        Stop(
            lat=42.5 + draw(place),
            lon=-8.2 + draw(place),
            order=order,
            time_from_start=draw(st.sampled_from([None, 5.0 * order, 7.5 * order])),
        )
        for order in range(draw(st.integers(1, 3)))
    )
    at = clock_text(
        draw(st.integers(6 * 60, 9 * 60)) * 60 + draw(st.sampled_from([0, 0, 0, 30, 17]))
    )
    return Route(
        id=f"r{number}",
        type=kind,
        stops=stops,
        arrival_time=at if kind is Kind.ENTRY else None,
        departure_time=at if kind is Kind.EXIT else None,
        capacity_needed=draw(st.sampled_from([5, 9, 10, 18, 25, 26, 33, 36, 45, 55, 56])),
        vehicle_capacity_range=draw(st.sampled_from([None, None, None, "26-38", "> 55", [5, 12]])),
    )
