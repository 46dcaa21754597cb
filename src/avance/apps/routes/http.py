"""
The HTTP side of the system. docs/contract/routes.md, 2.3 and 3.1.
"""

from pathlib import Path
from typing import Any, Literal

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from avance.apps.routes.declare import app
from avance.apps.routes.frames import STATUS_WORDS, error_code_of, seconds_time
from avance.apps.routes.goal_choice import Asked, OtherWeights, chosen_goal, usual_goal
from avance.apps.routes.ingest import Read, Reader, of_day
from avance.apps.routes.jobs import is_ours, read_stored
from avance.apps.routes.language import language_of, title_of
from avance.apps.routes.model import DAY_CODES, Vehicle
from avance.apps.routes.request import Request as Order
from avance.apps.routes.request import RoadOptions, Wishes, pack
from avance.apps.routes.settings import Preset, RoutesSettings
from avance.apps.routes.solver.options import SearchOptions
from avance.apps.routes.starting import start
from avance.apps.routes.vehicles import check_vehicles
from avance.errors import Conflict, InvalidRequest, NotFound, TooLarge
from avance.web import (
    caller,
    check_reads,
    count_start,
    described,
    job_not_found,
    json_answer,
)

ALGORITHM = "column_generation"
QUEUED_MESSAGE = "Optimización encolada correctamente"
CANCELLED_MESSAGE = "Optimización cancelada"
TASK_STATES = {
    "scheduled": "PENDING",
    "queued": "PENDING",
    "running": "STARTED",
    "retrying": "RETRY",
    "completed": "SUCCESS",
    "failed": "FAILURE",
    "expired": "FAILURE",
    "cancelled": "REVOKED",
}

router = APIRouter(tags=["routes"])


class Queued(msgspec.Struct, frozen=True, kw_only=True):
    job_id: str
    task_id: str
    status: str
    message: str
    websocket_url: str | None
    findings: tuple[Any, ...] = ()


class JobStatus(msgspec.Struct, frozen=True, kw_only=True):
    job_id: str
    status: str
    algorithm: str
    created_at: str
    started_at: str | None
    completed_at: str | None
    error: str | None
    stage: str | None
    phase: str | None
    progress: int
    message: str | None
    updated_at: str
    execution_mode: str


class JobResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    job_id: str
    status: str
    result: msgspec.Raw | None = None
    stats: msgspec.Raw | None = None
    error: str | None = None


class CancelAnswer(msgspec.Struct, frozen=True, kw_only=True):
    message: str
    job_id: str
    status: str


class TaskStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    task_id: str
    status: str
    state: str
    result: msgspec.Raw | None = None
    error: str | None = None
    progress: dict[str, Any] | None = None


class NotReady(Conflict):
    """
    The job has not ended.
    """

    code = "not_finished"


class NotCancellable(Conflict):
    """
    The job has already ended in another way.
    """

    code = "job_state"
    status = 400


async def optimize_async(request: Request) -> Response:
    """
    Start an optimization; the answer comes at once.
    """
    count_start(request)
    who = caller(request)
    read, given = await read_routes(request)
    day = request.query_params.get("day")
    if day is not None and day not in DAY_CODES:
        raise InvalidRequest(
            f"day is {day!r}; use {', '.join(DAY_CODES)}", code="invalid_query", parameter="day"
        )
    if not of_day(read.routes, day):
        raise InvalidRequest(f"no route runs on day {day}", code="no_routes_on_day", day=day)
    order = msgspec.structs.replace(order_of(read, given), day=day)
    title = title_of(len(order.routes), day, language_of(request))
    return queued(await start(pack(order), who, title=title), read.findings)


def queued(job_id: str, findings: tuple[Any, ...] = ()) -> Response:
    """
    The answer to whoever started an optimization.
    """
    url = f"/ws/optimize/{job_id}" if section().websocket_enabled else None
    return json_answer(
        Queued(
            job_id=job_id,
            task_id=job_id,
            status="queued",
            message=QUEUED_MESSAGE,
            websocket_url=url,
            findings=findings,
        )
    )


async def get_job(request: Request) -> Response:
    """
    Read how an optimization stands.
    """
    job = await ours(request)
    return json_answer(
        JobStatus(
            job_id=job.id,
            status=STATUS_WORDS[job.state],
            algorithm=ALGORITHM,
            created_at=seconds_time(job.created_ms),
            started_at=_optional(job.started_ms),
            completed_at=_optional(job.ended_ms),
            error=None if job.error is None else job.error.message,
            stage=job.progress.phase,
            phase=job.progress.phase,
            progress=int((job.progress.percent or 0) + 1e-6),
            message=job.progress.message,
            updated_at=seconds_time(app.host.clock.now_ms()),
            execution_mode="celery" if job.runner == "celery" else "embedded",
        )
    )


async def get_result(request: Request) -> Response:
    """
    Read the schedule of a completed optimization, or the best one so far of a cancelled one.
    """
    job = await ours(request)
    status = STATUS_WORDS[job.state]
    if status == "failed":
        return json_answer(
            JobResult(job_id=job.id, status=status, error=job.error and job.error.message)
        )
    if status not in ("completed", "cancelled"):
        return json_answer(JobResult(job_id=job.id, status=status))
    try:
        stored = read_stored(await app.host.jobs.result(job.id))
    except NotFound:
        return json_answer(JobResult(job_id=job.id, status=status))
    return json_answer(
        JobResult(job_id=job.id, status=status, result=stored.result, stats=stored.stats)
    )


async def cancel_job(request: Request) -> Response:
    """
    Cancel an optimization; the best plan that it has found stays readable.
    """
    job = await ours(request)
    caller(request).require_whole()
    if job.state != "cancelled":
        try:
            job = await app.host.jobs.cancel(job.id)
        except Conflict as conflict:
            job = await app.host.jobs.get(job.id)
            if job.state != "cancelled":
                raise NotCancellable(
                    f"job {job.id} is {STATUS_WORDS[job.state]} and cannot be cancelled",
                    job_id=job.id,
                    status=STATUS_WORDS[job.state],
                ) from conflict
    return json_answer(
        CancelAnswer(message=CANCELLED_MESSAGE, job_id=job.id, status=STATUS_WORDS[job.state])
    )


async def get_task(request: Request) -> Response:
    """
    Read an optimization in the words of a task queue.
    """
    job = await ours(request)
    state = TASK_STATES[job.state]
    is_moving = state == "STARTED" and job.progress.percent is not None
    answer = TaskStatus(
        task_id=job.id, status=STATUS_WORDS[job.state], state="PROGRESS" if is_moving else state
    )
    if is_moving:
        progress = {
            "phase": job.progress.phase,
            "progress": int(job.progress.percent or 0),
            "message": job.progress.message,
        }
        answer = msgspec.structs.replace(answer, progress=progress)
    elif state == "SUCCESS":
        stored = read_stored(await app.host.jobs.result(job.id))
        answer = msgspec.structs.replace(answer, result=stored.stats)
    elif job.error is not None:
        code = error_code_of(job.error.kind, job.error.code)
        answer = msgspec.structs.replace(answer, error=f"{code}: {job.error.message}")
    return json_answer(answer)


described(router, "POST", "/optimize-async", optimize_async)
described(router, "POST", "/routes/optimize", optimize_async, name="optimize")
described(router, "GET", "/jobs/{job_id}", get_job)
described(router, "GET", "/jobs/{job_id}/result", get_result)
described(router, "GET", "/jobs/{job_id}/results", get_result, name="get_results")
described(router, "DELETE", "/jobs/{job_id}", cancel_job)
described(router, "GET", "/tasks/{task_id}", get_task)


def section() -> RoutesSettings:
    return app.host.settings.section(RoutesSettings)


def road_options(settings: RoutesSettings) -> RoadOptions:
    table_url = "" if settings.matrix_file else settings.osrm_table_url or settings.osrm_url
    return RoadOptions(
        table_url=table_url,
        matrix_path=settings.matrix_file,
        chunk=settings.osrm_chunk,
        cache_path=str(Path(app.host.settings.data) / "routes-travel.db") if table_url else "",
        timeout_s=settings.osrm_timeout_s,
    )


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """
    What may stand beside the routes of a body.
    """

    mode: Literal["buses", "kilometres", "balance", "publishable"] = "buses"
    pinned: tuple[tuple[str, str], ...] = ()
    forbidden: tuple[tuple[str, str], ...] = ()
    buses_max: int | None = None
    vehicles: tuple[Vehicle, ...] = ()
    reference: tuple[tuple[str, ...], ...] = ()
    seed: int = 1
    goal: Preset | None = None
    """By default that of the settings."""
    weights: OtherWeights | None = None


def order_of(read: Read, given: Given) -> Order:
    """
    What the job is asked to do.
    """
    settings = section()
    asked = Asked(
        goal=given.goal, weights=given.weights, mode=given.mode, buses_max=given.buses_max
    )
    return Order(
        routes=read.routes,
        rejected=rejected_rows(read),
        findings=read.findings,
        search=SearchOptions(
            search_s=settings.search_s,
            seed=given.seed,
            balance_minutes=5.0 if given.mode == "balance" else 0.0,
        ),
        roads=road_options(settings),
        wishes=Wishes(
            mode=given.mode,
            pinned=given.pinned,
            forbidden=given.forbidden,
            buses_max=given.buses_max,
            reference=given.reference,
            vehicles=given.vehicles,
            goal=chosen_goal(asked, usual_goal(settings)),
        ),
        time_limit_s=settings.task_time_limit_s,
    )


async def read_routes(request: Request) -> tuple[Read, Given]:
    """
    The routes of a JSON body, and what stands beside them.

    Raises:
        InvalidRequest: None of them can be used, or with `strict=true` one cannot; `params.findings` tells why.
    """
    settings = section()
    body = await request.body()
    if len(body) > settings.upload_bytes_max:
        raise TooLarge(
            f"the body has {len(body)} bytes, the most is {settings.upload_bytes_max}",
            code="too_large",
        )
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"the body is not JSON: {error}", code="invalid_json") from error
    read = Reader(routes_max=settings.routes_max).read(value)
    is_strict = request.query_params.get("strict") == "true"
    faults = [one for one in read.findings if one.is_fatal]
    usable = [r for r in read.routes if r.arrival_time or r.departure_time]
    if not usable or (is_strict and faults):
        raise unusable(read)
    try:
        given = msgspec.convert(value if isinstance(value, dict) else {}, Given)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"the body does not fit: {error}", code="invalid_request") from error
    if given.buses_max is not None and given.buses_max < 1:
        raise InvalidRequest(
            f"buses_max is {given.buses_max}: without a bus nothing is driven; give at least 1, or leave it out "
            "to learn how many are needed",
            code="no_vehicles",
            buses_max=given.buses_max,
        )
    if isinstance(value, dict) and value.get("vehicles") == []:
        raise InvalidRequest(
            "vehicles is an empty list: without a vehicle nothing is driven; name at least one type, or leave vehicles out "
            "to plan buses of any size",
            code="no_vehicles",
        )
    if given.vehicles and given.buses_max is not None:
        raise InvalidRequest(
            "the body has buses_max and vehicles; give one of them: the counts of the vehicles are a limit already",
            code="vehicles_unusable",
        )
    check_vehicles(given.vehicles, read.routes)
    return read, given


def unusable(read: Read) -> InvalidRequest:
    faults = [one for one in read.findings if one.is_fatal]
    first = faults[0].message if faults else "none"
    return InvalidRequest(
        f"no route of {read.total} can be planned as it is; the first of {len(faults)} faults: {first}",
        code="routes_unusable",
        findings=[msgspec.to_builtins(one) for one in read.findings],
    )


def rejected_rows(read: Read) -> tuple[dict[str, str], ...]:
    """
    Rows of the input that are no route at all, each once.
    """
    known = {route.id for route in read.routes}
    rows: dict[int, dict[str, str]] = {}
    for one in read.findings:
        is_kept = one.id in known and one.code != "duplicate_id"
        if one.is_fatal and one.index is not None and not is_kept:
            rows.setdefault(one.index, {"id": one.id or f"#{one.index}", "reason": one.code})
    return tuple(rows.values())


async def ours(request: Request) -> Any:
    job_id = request.path_params.get("job_id") or request.path_params["task_id"]
    job = check_reads(caller(request), await app.host.jobs.get(job_id))
    if not is_ours(job.kind):
        raise job_not_found(job_id)
    return job


def _optional(moment_ms: int | None) -> str | None:
    return None if moment_ms is None else seconds_time(moment_ms)
