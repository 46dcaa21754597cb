"""
Files in and out, sample days, and the check of a schedule. docs/contract/routes.md, 3.1.
"""

from typing import TYPE_CHECKING, Any

import msgspec
from anyio import to_thread
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from avance.apps.routes.check import Violation, check_schedule
from avance.apps.routes.declare import app
from avance.apps.routes.http import (
    NotReady,
    ours,
    read_routes,
    road_options,
    section,
)
from avance.apps.routes.model import Bus, Item, Kind, Route, Vehicle
from avance.apps.routes.request import RoadOptions
from avance.apps.routes.sample import SIZES, sample_day
from avance.apps.routes.trips import NoRoads, Roads
from avance.errors import InvalidRequest, TooLarge
from avance.web import caller, count_start, described, json_answer, raw_answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from avance.apps.routes.export.files import Format
    from avance.apps.routes.tables.assemble import Assembled

# Libraries for workbooks, PDF and HTTP are imported by the first request that needs them: a server that starts should not wait for them.
router = APIRouter(tags=["routes"])


class LooseItem(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the check needs of a service; everything else of it is computed anew.
    """

    route_id: str
    start_time: str
    end_time: str = ""
    type: Kind = Kind.ENTRY


class LooseBus(msgspec.Struct, frozen=True, kw_only=True):
    bus_id: str
    items: tuple[LooseItem, ...]
    vehicle: str | msgspec.UnsetType = msgspec.UNSET
    pull_out_minutes: int | msgspec.UnsetType = msgspec.UNSET
    pull_in_minutes: int | msgspec.UnsetType = msgspec.UNSET


class ScheduleOnly(msgspec.Struct, frozen=True, kw_only=True):
    schedule: tuple[LooseBus, ...]
    unassigned: tuple[dict[str, Any], ...] = ()


class FullSchedule(msgspec.Struct, frozen=True, kw_only=True):
    schedule: tuple[Bus, ...]


class Validity(msgspec.Struct, frozen=True, kw_only=True):
    valid: bool
    violations: tuple[Violation, ...]


class RouteList(msgspec.Struct, frozen=True, kw_only=True):
    routes: tuple[Any, ...]


async def import_routes(request: Request) -> Response:
    """
    Read a workbook or CSV into routes.
    """
    found = await _assembled(request)
    return raw_answer(msgspec.json.encode({"routes": found.routes}))


async def analyze_import(request: Request) -> Response:
    """
    The same with a report: which rows were left out, and why.
    """
    return json_answer(await _assembled(request))


async def validate_schedule(request: Request) -> Response:
    """
    Check a schedule against all rules, with code that the optimizer does not use.
    """
    count_start(request)
    body = await request.body()
    try:
        given = msgspec.json.decode(body, type=ScheduleOnly)
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"the body does not fit: {error}", code="invalid_request") from error
    read, beside = await read_routes(request)
    options = road_options(section())
    violations = await to_thread.run_sync(
        lambda: _violations(read.routes, given, options, beside.vehicles)
    )
    return json_answer(Validity(valid=not violations, violations=tuple(violations)))


async def export_job(request: Request) -> Response:
    """
    The schedule of a job as a file: `format` is csv, xlsx, pdf, geojson or json.
    """
    job = await ours(request)
    if not job.state.is_terminal:
        raise NotReady(f"job {job.id} is {job.state}; its schedule comes with its end")
    body = await app.host.jobs.result(job.id)
    return await _export(
        msgspec.json.decode(body)["result"], request.query_params.get("format", "json")
    )


async def export_pdf(request: Request) -> Response:
    """
    A schedule as PDF.
    """
    return await _export_body(request, "pdf")


async def export_any(request: Request) -> Response:
    """
    A schedule as a file of another format.
    """
    return await _export_body(request, request.path_params["format"])


async def sample(request: Request) -> Response:
    """
    A school day that is made up: `size` is small, medium or large.
    """
    caller(request)
    size = request.query_params.get("size", "small")
    seed = request.query_params.get("seed", "1")
    if size not in SIZES or not (seed.isascii() and seed.isdigit() and len(seed) < 10):
        raise InvalidRequest(
            f"size is {size!r} and seed {seed!r}; use {', '.join(SIZES)}, and a number",
            code="invalid_query",
            parameter="size",
        )
    return json_answer(RouteList(routes=tuple(sample_day(SIZES[size], seed=int(seed)))))


described(router, "POST", "/routes/import", import_routes)
described(router, "POST", "/routes/import/analyze", analyze_import)
described(router, "POST", "/validate-schedule", validate_schedule)
described(router, "POST", "/export_pdf", export_pdf, media_type="application/pdf")
described(router, "POST", "/routes/export/{format}", export_any)
described(router, "GET", "/routes/sample", sample)
described(router, "GET", "/jobs/{job_id}/export", export_job)


async def _assembled(request: Request) -> "Assembled":
    count_start(request)
    data, name = await _upload(request)
    most = section().upload_bytes_max
    if len(data) > most:
        raise TooLarge(f"the file has {len(data)} bytes, the most is {most}", code="too_large")
    if not data:
        raise InvalidRequest("the file is empty", code="workbook_unusable")
    return await to_thread.run_sync(_read_file, data, name)


def _read_file(data: bytes, name: str) -> "Assembled":
    from avance.apps.routes.tables.assemble import assemble  # noqa: PLC0415
    from avance.apps.routes.tables.workbook import read_sheets  # noqa: PLC0415

    return assemble(read_sheets(data, name))


async def _upload(request: Request) -> tuple[bytes, str]:
    """
    The file of a form, or the body itself. It lies in memory, or in a file without a name that ends with the request.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await request.body(), "csv"
    async with request.form(max_files=1, max_fields=20) as form:
        for part in form.values():
            if not isinstance(part, str):
                return await part.read(), part.filename or "csv"
    raise InvalidRequest("the form has no file", code="workbook_unusable")


def _violations(
    routes: tuple[Route, ...],
    given: ScheduleOnly,
    options: RoadOptions,
    vehicles: tuple[Vehicle, ...],
) -> list[Violation]:
    schedule = [
        Bus(
            bus_id=bus.bus_id,
            items=tuple(_item(item) for item in bus.items),
            min_required_seats=0,
            vehicle=bus.vehicle,
            pull_out_minutes=bus.pull_out_minutes,
            pull_in_minutes=bus.pull_in_minutes,
        )
        for bus in given.schedule
    ]
    roads = known_roads(routes, schedule, options, vehicles)
    return check_schedule(routes, schedule, roads, vehicles=vehicles)


def known_roads(
    routes: tuple[Route, ...],
    schedule: list[Bus],
    options: RoadOptions,
    vehicles: tuple[Vehicle, ...] = (),
) -> Roads:
    """
    The travel times of what is driven, where a server of them is set.
    """
    if options.matrix_path:
        from avance.apps.routes.travel.matrix import read_matrix  # noqa: PLC0415

        return read_matrix(options.matrix_path)
    if not options.table_url:
        return NoRoads()
    from avance.apps.routes.travel.driven import driven_roads  # noqa: PLC0415

    return driven_roads(routes, schedule, options, vehicles)


def _item(item: LooseItem) -> Item:
    return Item(
        route_id=item.route_id,
        start_time=item.start_time,
        end_time=item.end_time,
        type=item.type,
        original_start_time="",
        time_shift_minutes=0,
        deadhead_minutes=0,
        positioning_minutes=0,
        capacity_needed=0,
        vehicle_capacity_min=None,
        vehicle_capacity_max=None,
        vehicle_capacity_range=None,
        school_name=None,
        stops=(),
        contract_id=None,
    )


async def _export_body(request: Request, format: str) -> Response:
    count_start(request)
    try:
        body = msgspec.json.decode(await request.body())
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"the body is not JSON: {error}", code="invalid_json") from error
    return await _export(body, format)


async def _export(body: Any, format: str) -> Response:
    formats = await to_thread.run_sync(_formats)
    if format not in formats:
        raise InvalidRequest(
            f"format is {format!r}; choose from {', '.join(formats)}",
            code="invalid_query",
            parameter="format",
        )
    try:
        given = msgspec.convert(
            {"schedule": body} if isinstance(body, list) else body, FullSchedule
        )
    except msgspec.ValidationError as error:
        raise InvalidRequest(
            f"the schedule does not fit: {error}", code="invalid_request"
        ) from error
    chosen = formats[format]
    data = await to_thread.run_sync(lambda: chosen.write(given.schedule))
    headers = {"content-disposition": f'attachment; filename="horario.{chosen.suffix}"', "cache-control": "no-store"}  # fmt: skip
    return Response(data, headers=headers, media_type=chosen.media_type)


def _formats() -> "Mapping[str, Format]":
    from avance.apps.routes.export.files import FORMATS  # noqa: PLC0415

    return FORMATS
