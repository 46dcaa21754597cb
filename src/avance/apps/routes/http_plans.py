"""
What can be asked of a plan that is there: why it is so, and what if. docs/contract/routes.md, 3.4.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from anyio import to_thread
from fastapi import APIRouter
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from avance.apps.routes.declare import app
from avance.apps.routes.explain import Explainer
from avance.apps.routes.goal_choice import Asked, OtherWeights, chosen_goal
from avance.apps.routes.http import (
    QUEUED_MESSAGE,
    NotReady,
    Queued,
    order_of,
    ours,
    queued,
    read_routes,
)
from avance.apps.routes.http_files import FullSchedule, known_roads
from avance.apps.routes.ingest import of_day
from avance.apps.routes.jobs import OPTIMIZE
from avance.apps.routes.language import language_of, title_of
from avance.apps.routes.model import DAY_CODES, MINUTE, Route, clock_seconds, clock_text
from avance.apps.routes.request import Request as Order
from avance.apps.routes.request import Wishes, pack, unpack
from avance.apps.routes.settings import Preset
from avance.apps.routes.starting import start
from avance.apps.routes.tasks import week
from avance.apps.routes.trips import build_trips
from avance.errors import InvalidRequest, NotFound
from avance.web import caller, count_start, decode_json, described, json_answer

router = APIRouter(tags=["routes"])
RUNS_MAX = 10_000
"""Seconds of work for the largest plans."""
DELAY_PERCENT_MAX = 200


class Change(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What is another about one route; what is not named stays.
    """

    route_id: str
    arrival_time: str | None = None
    departure_time: str | None = None
    capacity_needed: float | None = None
    is_removed: bool = False


class WhatIf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    changes: tuple[Change, ...] = ()
    schools: dict[str, int] = {}
    """Minutes by which all services of a school move."""
    pinned: tuple[tuple[str, str], ...] = ()
    forbidden: tuple[tuple[str, str], ...] = ()
    mode: Literal["buses", "kilometres", "balance", "publishable"] = "publishable"
    goal: Preset | None = None
    """By default that of the plan before."""
    weights: OtherWeights | None = None


class Simulation(msgspec.Struct, frozen=True, kw_only=True):
    runs: Annotated[int, msgspec.Meta(ge=1, le=RUNS_MAX)] = 1_000
    delay_percent: Annotated[float, msgspec.Meta(ge=0, le=DELAY_PERCENT_MAX)] = 20.0
    seed: Annotated[int, msgspec.Meta(ge=0)] = 1


class WeekStarted(msgspec.Struct, frozen=True, kw_only=True):
    job_id: str
    days: tuple[str, ...]
    status: str
    message: str


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    result: dict[str, Any]
    seeds: tuple[tuple[int, ...], ...] = ()


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a job of Celery keeps beside its answer.
    """

    order: str


async def what_if(request: Request) -> Response:
    """
    Plan a changed day, from the chains that the job before has found.
    """
    count_start(request)
    who = caller(request)
    job = await _optimization(request)
    wanted = decode_json(await request.body() or b"{}", WhatIf)
    stored = msgspec.json.decode(await app.host.jobs.result(job.id), type=Stored)
    before = await _order(job)
    routes = _changed(before.routes, wanted)
    reference = tuple(
        tuple(item["route_id"] for item in bus["items"]) for bus in stored.result["schedule"]
    )
    asked = Asked(
        goal=wanted.goal,
        weights=wanted.weights,
        mode=wanted.mode,
        buses_max=before.wishes.buses_max,
    )
    order = replace(
        before,
        routes=routes,
        wishes=Wishes(
            mode=wanted.mode,
            pinned=wanted.pinned,
            forbidden=wanted.forbidden,
            buses_max=before.wishes.buses_max,
            vehicles=before.wishes.vehicles,
            reference=reference,
            goal=chosen_goal(asked, before.wishes.goal),
        ),
        search=replace(before.search, balance_minutes=5.0 if wanted.mode == "balance" else 0.0),
        seeds=_moved_seeds(before.routes, routes, stored.seeds),
    )
    title = title_of(len(routes), order.day, language_of(request), is_variant=True)
    return queued(await start(pack(order), who, title=title))


async def explain(request: Request) -> Response:
    """
    Why a route is on its bus, why not on another (`route`, `bus`), why not one bus fewer; `lang` is es or en, by default what the browser prefers.
    """
    job = await _optimization(request)
    body = msgspec.json.decode(await app.host.jobs.result(job.id))
    order = await _order(job)
    schedule = msgspec.convert(body["result"], FullSchedule).schedule
    query = request.query_params
    routes = of_day(order.routes, order.day)
    roads = await to_thread.run_sync(
        lambda: known_roads(tuple(routes), list(schedule), order.roads, order.wishes.vehicles)
    )
    trips = {trip.route_id: trip for trip in build_trips(routes, roads)[0]}
    explainer = Explainer(schedule, trips, roads, language_of(request))
    if "route" not in query:
        return json_answer(explainer.why_not_fewer(body["result"]["diagnostics"]))
    route_id = query["route"]
    left_out = {one["route_id"]: one["reason"] for one in body["result"]["unassigned"]}
    if route_id in left_out:
        return json_answer(explainer.why_left_out(route_id, left_out[route_id]))
    bus_id = query.get("bus")
    found = explainer.why(route_id) if bus_id is None else explainer.why_not(route_id, bus_id)
    if found is None:
        raise NotFound(
            f"the plan has no route {route_id!r}" + (f" or no bus {bus_id!r}" if bus_id else ""),
            code="not_in_plan",
        )
    return json_answer(found)


async def robustness(request: Request) -> Response:
    """
    How often buses would be late if ways took longer or shorter: `runs`, `delay_percent` and `seed` may be given.
    """
    from avance.apps.routes.robustness import simulate  # noqa: PLC0415 - numpy, which a server that starts should not wait for

    job = await _optimization(request)
    try:
        asked = msgspec.convert(dict(request.query_params), Simulation, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"the query does not fit: {error}", code="invalid_query") from error
    body = msgspec.json.decode(await app.host.jobs.result(job.id))
    schedule = msgspec.convert(body["result"], FullSchedule).schedule
    told = await to_thread.run_sync(
        lambda: simulate(
            schedule, runs=asked.runs, delay_percent=asked.delay_percent, seed=asked.seed
        )
    )
    return json_answer(told)


async def optimize_week(request: Request) -> Response:
    """
    Plan every day of the week that has routes, as one job with a child for each day.
    """
    count_start(request)
    who = caller(request)
    read, given = await read_routes(request)
    days = {
        day: pack(replace(order_of(read, given), routes=tuple(mine), day=day))
        for day in DAY_CODES
        if (mine := of_day(read.routes, day))
    }
    if not days:
        raise InvalidRequest("no route names a day of the week", code="no_routes_on_day")
    handle = await _submit_week(who, days)
    return json_answer(
        WeekStarted(job_id=handle.id, days=tuple(days), status="queued", message=QUEUED_MESSAGE)
    )


described(router, "POST", "/jobs/{job_id}/what-if", what_if, body=WhatIf, answer=Queued)
described(router, "GET", "/jobs/{job_id}/explain", explain)
described(router, "GET", "/jobs/{job_id}/robustness", robustness)
described(router, "POST", "/optimize-week", optimize_week)


async def _submit_week(who: Any, days: Mapping[str, str]) -> Any:
    return await week.using(
        owner=who.user, tenant=who.identity.tenant, title=f"{', '.join(days)}"
    ).submit(dict(days))


async def _optimization(request: Request) -> Any:
    job = await ours(request)
    if job.kind != OPTIMIZE or not job.state.is_terminal:
        raise NotReady(f"job {job.id} has no plan yet: it is {job.state}")
    return job


async def _order(job: Any) -> Order:
    if job.runner == "celery":
        return unpack(msgspec.json.decode(await app.host.jobs.result(job.id), type=Kept).order)
    arguments = msgspec.json.decode(await app.host.jobs.input(job.id))
    return unpack([*arguments["args"], *arguments["kwargs"].values()][0])


def _changed(routes: Sequence[Route], wanted: WhatIf) -> tuple[Route, ...]:
    by_id = {route.id: route for route in routes}
    for change in wanted.changes:
        if change.route_id not in by_id:
            raise NotFound(f"there is no route {change.route_id!r}", code="not_in_plan")
        if change.is_removed:
            del by_id[change.route_id]
            continue
        new = {
            name: value
            for name in ("arrival_time", "departure_time", "capacity_needed")
            if (value := getattr(change, name)) is not None
        }
        _check_times(new)
        by_id[change.route_id] = replace(by_id[change.route_id], **new)
    return tuple(_moved(route, wanted.schools) for route in by_id.values())


def _check_times(new: Mapping[str, Any]) -> None:
    for name in ("arrival_time", "departure_time"):
        try:
            clock_seconds(new.get(name, "00:00"))
        except ValueError as error:
            raise InvalidRequest(f"{name}: {error}", code="invalid_request") from error


def _moved(route: Route, schools: Mapping[str, int]) -> Route:
    minutes = schools.get(route.school_id or "", 0)
    if not minutes:
        return route
    times = {
        name: clock_text(max(0, clock_seconds(text) + MINUTE * minutes))
        for name in ("arrival_time", "departure_time")
        if (text := getattr(route, name))
    }
    return replace(route, **times)


def _moved_seeds(
    old: Sequence[Route], new: Sequence[Route], seeds: Sequence[Sequence[int]]
) -> tuple[tuple[int, ...], ...]:
    place = {route.id: at for at, route in enumerate(new)}
    at = [place.get(route.id) for route in old]
    moved = (tuple(at[number] for number in chain) for chain in seeds)
    return tuple(
        tuple(number for number in chain if number is not None)
        for chain in moved
        if None not in chain
    )
