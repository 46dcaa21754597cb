"""
From rows to routes: what a sheet is for is told by its columns. Every row that is left out is named, with the reason.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import msgspec

from avance.apps.routes.ingest import split_days
from avance.apps.routes.model import DAY_CODES
from avance.apps.routes.tables.cells import read_flag, read_number, read_text, read_time
from avance.apps.routes.tables.headings import plain
from avance.apps.routes.tables.workbook import Row, Sheet

T = TypeVar("T")

REJECTIONS_SHOWN_MAX = 1_000

_DIRECTIONS = {"entrada": "entry", "entry": "entry", "e": "entry", "ida": "entry", "saida": "exit", "salida": "exit", "exit": "exit", "s": "exit", "volta": "exit", "vuelta": "exit"}  # fmt: skip


class Rejection(msgspec.Struct, frozen=True, kw_only=True):
    sheet: str
    row: int
    reason: str
    message: str


class ParseReport(msgspec.Struct, frozen=True, kw_only=True):
    rows_total: int
    rows_dropped_invalid: int
    invalid_reasons: dict[str, int]
    warnings: tuple[str, ...]
    sheets_detected: tuple[str, ...]
    rejections: tuple[Rejection, ...]


class Assembled(msgspec.Struct, frozen=True, kw_only=True):
    routes: tuple[dict[str, Any], ...]
    parse_report: ParseReport


class _Bad(Exception):
    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Assembler:
    """
    One file.
    """

    def __init__(self, sheets: Sequence[Sheet]) -> None:
        self._sheets = sheets
        self._rejections: list[Rejection] = []
        self._warnings: list[str] = []
        self._info: dict[str, dict[str, Any]] = {}
        self._services: dict[tuple[str, str, str], tuple[Row, dict[str, Any]]] = {}
        self._stops: dict[tuple[str, str | None], list[dict[str, Any]]] = {}

    def assemble(self) -> Assembled:
        rows = [row for sheet in self._sheets for row in sheet.rows]
        if not self._sheets:
            self._warnings.append("no sheet has headings of routes, stops or services")
        self._warnings += [
            f"{sheet.name}: the column {heading!r} is not used"
            for sheet in self._sheets
            for heading in sheet.unused
        ]
        for row in rows:
            self._try(row, self._take)
        routes = []
        for row, service in self._services.values():
            route = self._try(row, partial(self._route, service))
            if route is not None:
                routes.append(route)
        self._name_unused()
        return Assembled(routes=tuple(routes), parse_report=self._report(len(rows)))

    def _report(self, total: int) -> ParseReport:
        dropped = {(one.sheet, one.row) for one in self._rejections}
        return ParseReport(
            rows_total=total,
            rows_dropped_invalid=len(dropped),
            invalid_reasons=dict(Counter(one.reason for one in self._rejections)),
            warnings=tuple(self._warnings),
            sheets_detected=tuple(sheet.name for sheet in self._sheets),
            rejections=tuple(self._rejections[:REJECTIONS_SHOWN_MAX]),
        )

    def _try(self, row: Row, work: Callable[[Row], T]) -> T | None:
        try:
            return work(row)
        except _Bad as bad:
            reason, message = bad.reason, str(bad)
        except ValueError as error:
            reason, message = "value_unusable", str(error)
        self._rejections.append(
            Rejection(sheet=row.sheet, row=row.number, reason=reason, message=message)
        )
        return None

    def _take(self, row: Row) -> None:
        values = row.values
        code = read_text(values.get("route"))
        if code is None:
            raise _Bad("route_missing", "the row names no route")
        direction = _direction(values.get("direction"))
        info = self._info.setdefault(code, {})
        info.update(_details(values))
        if values.get("lat") not in (None, "") or values.get("lon") not in (None, ""):
            self._stops.setdefault((code, direction), []).append(_stop(values))
        if direction is not None:
            times = {
                name: read_time(values.get(name)) for name in ("arrival_time", "departure_time")
            }
            key = (code, direction, str(times["arrival_time"] or times["departure_time"]))
            if key not in self._services:
                self._services[key] = (
                    row,
                    {"code": code, "direction": direction, **times, **_details(values)},
                )

    def _route(self, service: Mapping[str, Any], _row: Row) -> dict[str, Any]:
        code, direction = service["code"], service["direction"]
        wanted = "arrival_time" if direction == "entry" else "departure_time"
        if service[wanted] is None and not (service["arrival_time"] or service["departure_time"]):
            raise _Bad("time_missing", f"route {code} ({direction}) has no {wanted}")
        stops = self._stops.get((code, direction)) or self._stops.get((code, None))
        if not stops:
            raise _Bad("stops_missing", f"route {code} ({direction}) has no stops")
        same = [key for key in self._services if key[0] == code]
        number = [key for key in same if key[1] == direction].index(
            (code, direction, str(service["arrival_time"] or service["departure_time"]))
        )
        suffix = (
            ""
            if len(same) == 1
            else f"-{direction[:2].upper()}" + (f"{number + 1}" if number else "")
        )
        details = {**self._info[code], **{k: v for k, v in service.items() if v is not None}}
        return {
            "id": code + suffix,
            "type": direction,
            "stops": sorted(stops, key=lambda stop: stop["order"]),
            **{name: details[name] for name in _ROUTE_FIELDS if details.get(name) is not None},
        }

    def _name_unused(self) -> None:
        served = {key[0] for key in self._services}
        for code in self._info:
            if code not in served:
                self._warnings.append(
                    f"route {code} has no service: no row gives its direction and time"
                )


_ROUTE_FIELDS = (
    "name",
    "school_id",
    "school_name",
    "contract_id",
    "arrival_time",
    "departure_time",
    "capacity_needed",
    "vehicle_capacity_max",
    "vehicle_capacity_range",
    "days",
)


def _direction(value: object) -> str | None:
    text = plain(value) if value is not None else ""
    if not text:
        return None
    if text not in _DIRECTIONS:
        raise _Bad("direction_unknown", f"direction {value!r}; write Entrada or Saída")
    return _DIRECTIONS[text]


def _details(values: Mapping[str, Any]) -> dict[str, Any]:
    details: dict[str, Any] = {
        name: text
        for name in ("name", "school_id", "school_name", "contract_id")
        if (text := read_text(values.get(name))) is not None
    }
    needed = read_number(values.get("capacity_needed"))
    if needed is not None:
        details["capacity_needed"] = needed
    details |= _seats(values.get("seats"))
    days = read_text(values.get("days"))
    if days is not None:
        codes = split_days(days)
        if not all(code in DAY_CODES for code in codes):
            raise _Bad("days_unusable", f"days {days!r}; write some of LMMcXV")
        details["days"] = [code for code in DAY_CODES if code in codes]
    return details


def _seats(value: object) -> dict[str, Any]:
    """
    A number of seats is the most that the vehicle may have; anything else is a range.
    """
    text = read_text(value)
    if text is None:
        return {}
    try:
        return {"vehicle_capacity_max": read_number(text)}
    except ValueError:
        return {"vehicle_capacity_range": text}


def _stop(values: Mapping[str, Any]) -> dict[str, Any]:
    lat, lon = read_number(values.get("lat")), read_number(values.get("lon"))
    if lat is None or lon is None:
        raise _Bad("coordinate_missing", "the stop has only one coordinate")
    if not -90 <= lat <= 90 or not -180 <= lon <= 180:
        raise _Bad("coordinate_out_of_range", f"({lat:g}, {lon:g}) is no place")
    order = read_number(values.get("order"))
    return {
        "name": read_text(values.get("stop_name")) or "",
        "lat": lat,
        "lon": lon,
        "order": int(order or 0),
        "time_from_start": read_number(values.get("time_from_start")),
        "passengers": read_number(values.get("passengers")),
        "is_school": read_flag(values.get("is_school")),
    }


def assemble(sheets: Iterable[Sheet]) -> Assembled:
    return Assembler(list(sheets)).assemble()
