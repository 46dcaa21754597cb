"""
One run from request to answer, phase by phase. It knows nothing of jobs: what it tells goes to a sink, so that it runs in a worker of
avance, in one of Celery, or in a test.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, Protocol

import msgspec
import numpy as np
from msgspec.structs import replace

from avance.apps.routes.arrange import arrange
from avance.apps.routes.check import check_schedule
from avance.apps.routes.explain import Explainer
from avance.apps.routes.fleet import fit
from avance.apps.routes.goals import goal_diagnostics
from avance.apps.routes.ingest import of_day
from avance.apps.routes.live import told_plan
from avance.apps.routes.model import Bus, Leg, Plan, Route, Trip, Unassigned
from avance.apps.routes.progress import PLANS_PER_S, Pace, Sink
from avance.apps.routes.request import Request
from avance.apps.routes.result import (
    Answer,
    Effort,
    Proof,
    Result,
    build_diagnostics,
    build_schedule,
    build_stats,
    vehicle_diagnostics,
)
from avance.apps.routes.robustness import simulate
from avance.apps.routes.solver.block import Block, Ints
from avance.apps.routes.solver.depots.yard import Yard
from avance.apps.routes.solver.problem import great_circle_gaps, in_time, road_gaps
from avance.apps.routes.solver.search import Ended, Found, Step
from avance.apps.routes.solver.weighing.problem import Weighing
from avance.apps.routes.solver.wire import Up
from avance.apps.routes.suggest import bell_times
from avance.apps.routes.travel.breaker import Breaker
from avance.apps.routes.travel.cache import Cache
from avance.apps.routes.travel.matrix import read_matrix
from avance.apps.routes.travel.osrm import Osrm
from avance.apps.routes.travel.roads import Gatherer
from avance.apps.routes.trips import NoRoads, Roads, build_trips, places_of, run_order
from avance.apps.routes.vehicles import depot_point, fits
from avance.apps.routes.wishes import changes, unmet
from avance.errors import InvalidRequest, TaskFailed

_log = logging.getLogger("avance.routes")

SEEDS_MAX = 4_000
CHECKED_WHOLE = "the plan breaks rules, which is a fault of the search: "


class Solver(Protocol):
    """
    Where the numeric work is done.
    """

    def run(
        self,
        blocks: Sequence[Block],
        options: Any,
        seeds: Sequence[Sequence[int]] = (),
        yard: Yard | None = None,
        weighing: Weighing | None = None,
        /,
    ) -> Iterator[Up]: ...


class Save(Protocol):
    """
    Keeps the best answer so far.
    """

    def __call__(self, answer: Answer, /) -> None: ...


class Engine:
    """
    One run.
    """

    def __init__(
        self,
        request: Request,
        solver: Solver,
        sink: Sink,
        save: Save,
        clock_s: Callable[[], float],
        *,
        now_s: Callable[[], float] = time.time,  # noqa: TID251 - the cache outlives the process
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._request = request
        self._now_s = now_s
        self._sleep = sleep
        self._findings: list[Any] = list(request.findings)
        self._solver = solver
        self._pace = Pace(sink, clock_s)
        self._save = save
        self._clock_s = clock_s
        self._begun_s = clock_s()
        self._times: dict[str, float] = {}
        self._routes: dict[str, Route] = {}
        self._trips: list[Trip] = []
        self._rejected: list[Unassigned] = []
        """Rows that are no route. The id of one may be that of a route which is driven."""
        self._unassigned: list[Unassigned] = []
        self.roads: Roads = NoRoads()
        self._blocks: list[Block] = []
        self._yard: Yard | None = None
        self._weighing: Weighing | None = None
        self._best: Answer | None = None
        self._plan = Plan(buses=())
        self._proof = Proof()
        self._revision = 0
        self._pool: list[list[int]] = []
        self._gaps: Ints | None = None
        self._bells: list[dict[str, Any]] = []
        self._shown_s = float("-inf")
        self._effort: dict[str, Any] = {}

    def run(self) -> Answer:
        """
        The answer; on the way every better plan is checked and saved.
        """
        with self._phase("starting"):
            pass
        with self._phase("loading"):
            self._load()
        with self._phase("preprocessing"):
            self._preprocess()
        with self._phase("travel_matrix"):
            self._travel()
        self._search()
        with self._phase("finalizing"):
            self._finalize()
        with self._phase("calculating_stats"):
            answer = _with_robustness(self._answer())
        with self._phase("completed"):
            return answer

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        begun_s = self._clock_s()
        with self._pace.phase(name):
            yield
        self._times[name] = round(self._clock_s() - begun_s, 3)

    def _load(self) -> None:
        routes = of_day(self._request.routes, self._request.day)
        if not routes:
            raise InvalidRequest(f"no route runs on day {self._request.day}", code="INVALID_INPUT")
        self._routes = {route.id: route for route in routes}
        self._rejected = [
            Unassigned(route_id=row["id"], reason=row["reason"]) for row in self._request.rejected
        ]

    def _preprocess(self) -> None:
        # Durations by road come with the travel times; until then these trips tell what can follow what.
        self._trips, _ = build_trips(self._routes.values(), self.roads)

    def _travel(self) -> None:
        options = self._request.roads
        if options.matrix_path:
            self.roads = read_matrix(options.matrix_path)
        elif options.table_url:
            self.roads = self._gather()
        self._trips, unassigned = build_trips(self._routes.values(), self.roads)
        self._unassigned += unassigned
        trips = self._trips
        if not trips:
            return
        gaps = (
            great_circle_gaps(trips)
            if isinstance(self.roads, NoRoads)
            else road_gaps(trips, self.roads, in_time(trips, 0))
        )
        if options.matrix_path:
            self._effort["osrm_fallback_count"] = self._unknown_pairs()
        self._gaps = gaps
        self._arrange(gaps)
        pairs = len(trips) * (len(trips) - 1)
        links = sum(int(block.links.sum()) for block in self._blocks)
        self._effort |= {"pairs_total": pairs, "pairs_pruned": pairs - links}

    def _arrange(self, gaps: Ints) -> None:
        """
        Trips by groups that never share a bus; together where they share the vehicles that there are.
        """
        arranged = arrange(self._trips, gaps, self._request.wishes, self.roads)
        self._blocks, self._yard, self._weighing = arranged

    def _unknown_pairs(self) -> int:
        trips = self._trips
        return sum(
            end is not None and start is not None and self.roads.pair_s(end, start) is None
            for i, j in np.argwhere(in_time(trips, 0)).tolist()
            for end, start in [(trips[i].end, trips[j].start)]
        )

    def _gather(self) -> Roads:
        """
        Ask for the travel times that this day needs.
        """
        options = self._request.roads
        breaker = Breaker(self._clock_s)
        osrm = Osrm(
            options.table_url, timeout_s=options.timeout_s, breaker=breaker, sleep=self._sleep
        )
        with closing(osrm), Cache(options.cache_path, options.table_url, self._now_s) as cache:
            gatherer = Gatherer(osrm, cache, chunk=options.chunk)
            paths = [places_of(run_order(route)) for route in self._routes.values()]
            depots = [place for one in self._request.wishes.vehicles if (place := depot_point(one))]
            gatherer.probe([*(point for path in paths for point in path), *depots])
            self._pace.at(0.2)
            gatherer.legs(paths, lambda done, total: self._pace.at(0.2 + 0.3 * done / total))
            trips, _ = build_trips(self._routes.values(), gatherer.roads)
            ends = [(trip.end, trip.start) for trip in trips]
            wanted = {
                (end, start)
                for i, j in np.argwhere(in_time(trips, 0)).tolist()
                if (end := ends[i][0]) is not None and (start := ends[j][1]) is not None
            }
            wanted |= {(depot, start) for _, start in ends if start for depot in depots}
            wanted |= {(end, depot) for end, _ in ends if end for depot in depots}
            gatherer.pairs(wanted, lambda done, total: self._pace.at(0.5 + 0.5 * done / total))
        told = gatherer.gathered
        self._findings += told.findings
        self._effort |= {
            "osrm_cache_hits": told.cache_hits,
            "osrm_fallback_count": told.fallbacks,
        }
        return gatherer.roads

    def _search(self) -> None:
        """
        The three phases that the solver runs through.
        """
        told = self._told()
        for phase in ("building_chains", "matching_blocks", "local_search"):
            with self._phase(phase):
                told = self._listen(phase, told)

    def _told(self) -> Iterator[Up]:
        if self._blocks:
            yield from self._solver.run(
                self._blocks, self._request.search, self._seeds(), self._yard, self._weighing
            )

    def _listen(self, phase: str, told: Iterator[Up]) -> Iterator[Up]:
        """
        Hear of one phase, and answer what is to be heard in the next.
        """
        for one in told:
            if self._clock_s() - self._begun_s > self._request.time_limit_s:
                raise TaskFailed(
                    f"the optimization took over {self._request.time_limit_s:g} s, which is its limit; "
                    "its best plan so far is kept",
                    code="time_limit",
                )
            match one:
                case Step() if one.phase != phase:
                    return _again(one, told)
                case Step():
                    self._pace.at(one.done / one.total)
                case Found() if one.phase != phase:
                    return _again(one, told)
                case Found():
                    self._take(one)
                case Ended():
                    self._effort |= {
                        "rounds": one.rounds,
                        "chains": one.chains,
                        "ilp_solver_failures": one.failures,
                        "splits": one.splits,
                    }
                    self._pool = one.pool
        return told

    def _take(self, found: Found) -> None:
        """
        Check a plan, keep it, tell of it.
        """
        plan = Plan(buses=tuple(tuple(Leg(*leg) for leg in bus) for bus in found.buses))
        buses_max = self._request.wishes.buses_max
        if self._yard is not None:
            driven = {leg.trip for bus in plan.buses for leg in bus}
            unserved = tuple(sorted(set(range(len(self._trips))) - driven))
            self._plan = replace(plan, unserved=unserved, kinds=tuple(found.kinds))
        else:
            self._plan = plan if buses_max is None else fit(plan, self._blocks, buses_max)
        self._proof = Proof(
            unserved=len(self._plan.unserved),
            bound=found.bound,
            bound_minutes=found.bound_minutes,
            goal_bound=found.goal_bound,
            certificate=tuple(self._trips[number].route_id for number in found.certificate),
        )
        self._revision += 1
        now_s = self._clock_s()
        if now_s - self._shown_s < 1 / PLANS_PER_S:
            return
        self._shown_s = now_s
        self._show()

    def _show(self) -> None:
        answer = self._answer()
        self._best = answer
        self._save(answer)
        diagnostics = answer.result.diagnostics
        self._pace.at(
            0.0,
            data={
                "best": {
                    "buses": diagnostics["best_buses"],
                    "deadhead": diagnostics["deadhead_minutes"],
                    "shift": diagnostics["shift_minutes"],
                },
                "best_buses": diagnostics["best_buses"],
                "bound": diagnostics["lower_bound_buses"],
                "gap": diagnostics["optimality_gap"],
                "plan_rev": self._revision,
            },
        )
        self._pace.sink.plan(told_plan(self._revision, answer.result.schedule))

    def _finalize(self) -> None:
        self._findings += unmet(self._trips, self._plan, self._request.wishes, self._gaps)
        if self._gaps is not None:
            self._bells = bell_times(self._trips, self._gaps, self._routes)

    def _answer(self) -> Answer:
        """
        The plan as the contract writes it, after the check.
        """
        vehicles = self._request.wishes.vehicles
        schedule = build_schedule(
            self._plan, self._trips, self._routes, self.roads, vehicles=vehicles
        )
        left_out = (
            *self._unassigned,
            *(
                Unassigned(route_id=self._trips[trip].route_id, reason=self._why_left_out(trip))
                for trip in self._plan.unserved
            ),
        )
        violations = check_schedule(
            list(self._routes.values()),
            schedule,
            self.roads,
            unassigned=[one.route_id for one in left_out],
            buses_max=self._request.wishes.buses_max,
            vehicles=vehicles,
        )
        if violations:
            # The same input would give the same plan: trying again helps nobody.
            raise TaskFailed(
                CHECKED_WHOLE + "; ".join(f"{one.rule} {one.detail}" for one in violations[:5]),
                code="plan_invalid",
            )
        unassigned = (*self._rejected, *left_out)
        effort = Effort(phase_time_sec=dict(self._times), **self._effort)
        diagnostics = build_diagnostics(schedule, self._proof, effort)
        wishes = self._request.wishes
        if wishes.mode != "buses" or wishes.pinned or wishes.goal.is_weighed:
            # What the search counted there is not minutes alone.
            diagnostics["lower_bound_minutes"] = None
        is_kept = wishes.mode == "publishable" and wishes.reference
        is_bound = not (wishes.pinned or is_kept or self._plan.unserved)
        bound = self._proof.goal_bound if is_bound else None
        diagnostics["goal"] = goal_diagnostics(schedule, wishes.goal, bound)
        if vehicles:
            diagnostics |= vehicle_diagnostics(schedule, vehicles)
        if wishes.reference:
            now = [[item.route_id for item in bus.items] for bus in schedule]
            diagnostics["changes"] = changes(now, wishes.reference)
        return Answer(
            result=Result(
                schedule=schedule,
                unassigned=unassigned,
                diagnostics=diagnostics,
            ),
            stats=build_stats(schedule),
            findings=tuple(self._findings),
            explanations=self._explanations(schedule, unassigned, diagnostics),
            seeds=self._kept_chains(),
        )

    def _why_left_out(self, trip: int) -> str:
        vehicles = self._request.wishes.vehicles
        has_any = not vehicles or any(fits(one, self._trips[trip]) for one in vehicles)
        return "no_bus_left" if has_any else "no_vehicle_fits"

    def _explanations(
        self,
        schedule: Sequence[Bus],
        unassigned: Sequence[Unassigned],
        diagnostics: Mapping[str, Any],
    ) -> dict[str, Any]:
        trips = {trip.route_id: trip for trip in self._trips}
        told: dict[str, Any] = {"bell_times": self._bells}
        for language in ("es", "en"):
            explainer = Explainer(schedule, trips, self.roads, language)
            told[language] = {
                "why_not_fewer": explainer.why_not_fewer(diagnostics),
                "left_out": [
                    explainer.why_left_out(one.route_id, one.reason) for one in unassigned
                ],
            }
        return told

    def _kept_chains(self) -> tuple[tuple[int, ...], ...]:
        """
        The newest chains, which the last prices wanted, and the plan itself.
        """
        place = {route.id: at for at, route in enumerate(self._request.routes)}
        numbers = [place[trip.route_id] for trip in self._trips]
        plan = [[leg.trip for leg in bus] for bus in self._plan.buses]
        chains = kept_chains(self._pool, plan) if self._pool else []
        return tuple(tuple(numbers[trip] for trip in chain) for chain in chains)

    def _seeds(self) -> list[list[int]]:
        number = {trip.route_id: at for at, trip in enumerate(self._trips)}
        ids = [route.id for route in self._request.routes]
        return [
            [number[ids[place]] for place in chain]
            for chain in self._request.seeds
            if all(place < len(ids) and ids[place] in number for place in chain)
        ]


def _with_robustness(answer: Answer) -> Answer:
    told = msgspec.to_builtins(simulate(answer.result.schedule))
    diagnostics = {**answer.result.diagnostics, "robustness": told}
    return replace(answer, result=replace(answer.result, diagnostics=diagnostics))


def kept_chains(pool: Sequence[list[int]], plan: Sequence[list[int]]) -> list[list[int]]:
    """
    The newest of all chains, and the plan at the end, where the next search looks first.
    """
    known = {tuple(chain) for chain in plan}
    others = [chain for chain in pool[-SEEDS_MAX:] if tuple(chain) not in known]
    return [*others, *plan]


class GuardedSink:
    """
    Whatever goes wrong with telling, the work goes on.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def enter(self, phase: str, message: str, /) -> None:
        self._try(lambda: self._sink.enter(phase, message))

    def leave(self, phase: str, /) -> None:
        self._try(lambda: self._sink.leave(phase))

    def show(
        self, phase: str, share: float, message: str | None, data: Mapping[str, object], /
    ) -> None:
        self._try(lambda: self._sink.show(phase, share, message, data))

    def plan(self, told: Mapping[str, object], /) -> None:
        self._try(lambda: self._sink.plan(told))

    def _try(self, tell: Callable[[], None]) -> None:
        try:
            tell()
        except Exception as error:  # noqa: BLE001 - a callback belongs to somebody else, and must not break the job
            _log.warning("progress was not taken: %r", error)


def _again(first: Up, rest: Iterator[Up]) -> Iterator[Up]:
    yield first
    yield from rest
