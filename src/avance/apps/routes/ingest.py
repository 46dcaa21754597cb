"""
Reading routes from JSON: leniently where the meaning is clear, and with a finding wherever it is not. Nothing is dropped silently.
"""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn, TypedDict

import msgspec

from avance.apps.routes.capacity import SEATS_USUAL_MAX, declared_range, demand_of
from avance.apps.routes.geo import distance_km, is_place
from avance.apps.routes.model import DAY_CODES, Finding, Kind, Route, Stop, clock_seconds

STOPS_MAX = 500
TEXT_CHARS_MAX = 500
FAR_KM = 150.0
"""A stop further from the others than a school bus ever drives."""

_TYPES = {
    "entry": Kind.ENTRY,
    "entrada": Kind.ENTRY,
    "exit": Kind.EXIT,
    "saida": Kind.EXIT,
    "saída": Kind.EXIT,
    "salida": Kind.EXIT,
}
_NUMBERS = ("capacity_needed", "vehicle_capacity_min", "vehicle_capacity_max")


class Read(msgspec.Struct, frozen=True, kw_only=True):
    routes: tuple[Route, ...]
    findings: tuple[Finding, ...]
    total: int


class _Unusable(Exception):
    """
    The route cannot be used; the finding says why.
    """


class _Times(TypedDict):
    arrival_time: str | None
    departure_time: str | None


class Reader:
    """
    One list of routes.
    """

    def __init__(self, *, routes_max: int) -> None:
        self._routes_max = routes_max
        self._findings: list[Finding] = []
        self._seen: dict[str, int] = {}
        self._index = 0
        self._id: str | None = None

    def read(self, body: object) -> Read:
        """
        A list of routes, or `{"routes": [...]}`.
        """
        rows = body.get("routes") if isinstance(body, Mapping) else body
        if not isinstance(rows, Sequence) or isinstance(rows, str | bytes):
            self._add("not_a_list", 'send a list of routes, or {"routes": [...]}')
            return self._end([], 0)
        if not rows:
            self._add("empty", "the list of routes is empty")
        if len(rows) > self._routes_max:
            self._add(
                "too_many_routes",
                f"there are {len(rows)} routes, the most is {self._routes_max}; split them by day or by area",
            )
            return self._end([], len(rows))
        routes = []
        for self._index, row in enumerate(rows):
            with suppress(_Unusable):
                routes.append(self._route(row))
        self._id = None
        self._look_for_far_stops(routes)
        return self._end(routes, len(rows))

    def _end(self, routes: list[Route], total: int) -> Read:
        return Read(routes=tuple(routes), findings=tuple(self._findings), total=total)

    def _route(self, row: object) -> Route:
        self._id = None
        if not isinstance(row, Mapping):
            self._refuse("not_an_object", "a route is an object with id, type and stops")
        raw_id = row.get("id")
        if not isinstance(raw_id, str | int) or isinstance(raw_id, bool) or not str(raw_id).strip():
            self._refuse("id_missing", "the route has no id", "id")
        self._id = str(raw_id).strip()[:TEXT_CHARS_MAX]
        if self._id in self._seen:
            self._refuse(
                "duplicate_id",
                f"route {self._id!r} is there already, at index {self._seen[self._id]}; give each its own id",
                "id",
            )
        kind = _TYPES.get(str(row.get("type", "")).strip().lower())
        if kind is None:
            self._refuse(
                "type_unknown", f"type is {row.get('type')!r}; write entry or exit", "type"
            )
        stops = self._stops(row.get("stops"))
        times = self._times(row, kind)
        numbers = self._numbers(row)
        days = self._days(row.get("days"))
        route = Route(
            id=self._id,
            type=kind,
            stops=stops,
            days=days,
            name=_text(row.get("name")),
            school_id=_text(row.get("school_id")),
            school_name=_text(row.get("school_name")),
            contract_id=_text(row.get("contract_id")),
            capacity_needed=numbers["capacity_needed"],
            vehicle_capacity_min=numbers["vehicle_capacity_min"],
            vehicle_capacity_max=numbers["vehicle_capacity_max"],
            vehicle_capacity_range=row.get("vehicle_capacity_range"),
            **times,
        )
        try:
            declared_range(route)
        except ValueError as error:
            self._refuse("capacity_unusable", str(error), "vehicle_capacity_range")
        demand = demand_of(route)
        if demand > SEATS_USUAL_MAX:
            self._add(
                "seats_unusual",
                f"{demand:g} seats are needed, and large coaches have up to {SEATS_USUAL_MAX}; correct the number, or split the route",
                "capacity_needed",
                is_fatal=False,
            )
        self._seen[self._id] = self._index
        return route

    def _stops(self, rows: object) -> tuple[Stop, ...]:
        if not isinstance(rows, Sequence) or isinstance(rows, str | bytes) or not rows:
            self._refuse("stops_missing", "the route has no stops", "stops")
        if len(rows) > STOPS_MAX:
            self._refuse(
                "too_many_stops",
                f"the route has {len(rows)} stops, the most is {STOPS_MAX}",
                "stops",
            )
        return tuple(self._stop(number, row) for number, row in enumerate(rows))

    def _stop(self, number: int, row: object) -> Stop:
        field = f"stops[{number}]"
        if not isinstance(row, Mapping):
            self._refuse("stop_unusable", "a stop is an object with lat and lon", field)
        lat, lon = _number(row.get("lat")), _number(row.get("lon"))
        if lat is None or lon is None:
            self._refuse(
                "coordinate_missing",
                f"the stop has lat {row.get('lat')!r} and lon {row.get('lon')!r}",
                field,
            )
        if not -90 <= lat <= 90 or not -180 <= lon <= 180:
            is_swapped = -90 <= lon <= 90 and -180 <= lat <= 180
            hint = "; lat and lon look swapped" if is_swapped else ""
            self._refuse("coordinate_out_of_range", f"({lat:g}, {lon:g}) is no place{hint}", field)
        if not is_place(lat, lon):
            self._add("coordinate_zero", "(0, 0) counts as unknown", field, is_fatal=False)
        order, minutes = _number(row.get("order")), _number(row.get("time_from_start"))
        passengers = _number(row.get("passengers"))
        for name, value in (("time_from_start", minutes), ("passengers", passengers)):
            if value is not None and value < 0:
                self._refuse("negative", f"{name} is {value:g}", f"{field}.{name}")
        return Stop(
            lat=lat,
            lon=lon,
            name=_text(row.get("name")) or "",
            order=number + 1 if order is None else int(order),
            time_from_start=minutes,
            passengers=passengers,
            is_school=row.get("is_school") is True,
        )

    def _times(self, row: Mapping[str, Any], kind: Kind) -> _Times:
        arrival, departure = (self._time(row, name) for name in _Times.__annotations__)
        wanted = "arrival_time" if kind is Kind.ENTRY else "departure_time"
        if arrival is None and departure is None:
            # Kept: it is named among the unassigned as well.
            self._add("time_missing", f"the route has no {wanted} and cannot be planned", wanted)
        elif arrival and departure and clock_seconds(departure) >= clock_seconds(arrival):
            self._add(
                "times_contradict",
                f"the route departs at {departure} and arrives at {arrival}; the {wanted} counts",
                wanted,
                is_fatal=False,
            )
        return _Times(arrival_time=arrival, departure_time=departure)

    def _time(self, row: Mapping[str, Any], name: str) -> str | None:
        text = row.get(name)
        if text is None or text == "":
            return None
        try:
            clock_seconds(str(text))
        except ValueError as error:
            self._refuse("time_unusable", f"{name}: {error}", name)
        return str(text).strip()

    def _numbers(self, row: Mapping[str, Any]) -> dict[str, float | None]:
        numbers: dict[str, float | None] = {}
        for name in _NUMBERS:
            value = row.get(name)
            numbers[name] = _number(value)
            if value is not None and value != "" and numbers[name] is None:
                self._refuse("number_unusable", f"{name} is {value!r}", name)
            if (numbers[name] or 0) < 0:
                self._refuse("negative", f"{name} is {numbers[name]:g}", name)
        if numbers["vehicle_capacity_max"] == 0:
            self._refuse(
                "no_seats", "vehicle_capacity_max is 0: no vehicle fits", "vehicle_capacity_max"
            )
        return numbers

    def _days(self, value: object) -> tuple[str, ...]:
        if value is None or value == "":
            return ()
        codes = split_days(value) if isinstance(value, str) else value
        if not isinstance(codes, Sequence) or not all(code in DAY_CODES for code in codes):
            self._refuse("days_unusable", f"days is {value!r}; use {', '.join(DAY_CODES)}", "days")
        return tuple(code for code in DAY_CODES if code in codes)

    def _look_for_far_stops(self, routes: Sequence[Route]) -> None:
        """
        Lat and lon the wrong way round, or a point in the sea, is still a place, but far from all others.
        """
        points = [
            (stop.lat, stop.lon) for r in routes for stop in r.stops if is_place(stop.lat, stop.lon)
        ]
        if not points:
            return
        middle_lat = sorted(lat for lat, _ in points)[len(points) // 2]
        middle_lon = sorted(lon for _, lon in points)[len(points) // 2]
        for route in routes:
            for number, stop in enumerate(route.stops):
                if not is_place(stop.lat, stop.lon):
                    continue
                km = distance_km(stop.lat, stop.lon, middle_lat, middle_lon)
                if km > FAR_KM:
                    swapped = (
                        distance_km(stop.lon, stop.lat, middle_lat, middle_lon)
                        if abs(stop.lon) <= 90
                        else km
                    )
                    hint = "; lat and lon look swapped" if swapped < FAR_KM else ""
                    self._index, self._id = self._seen[route.id], route.id
                    self._add(
                        "coordinate_far",
                        f"({stop.lat:g}, {stop.lon:g}) is {km:.0f} km from the middle of all stops{hint}",
                        f"stops[{number}]",
                        is_fatal=False,
                    )

    def _refuse(self, code: str, message: str, field: str | None = None) -> NoReturn:
        self._add(code, message, field)
        raise _Unusable

    def _add(
        self, code: str, message: str, field: str | None = None, *, is_fatal: bool = True
    ) -> None:
        is_whole = code in ("not_a_list", "empty", "too_many_routes")
        self._findings.append(
            Finding(
                code=code,
                message=message,
                index=None if is_whole else self._index,
                id=self._id,
                field=field,
                is_fatal=is_fatal,
            )
        )


def split_days(text: str) -> list[str]:
    """
    `LMMcXV` as codes; what is no code comes back as it is.
    """
    codes, left = [], text.replace(" ", "").replace(",", "").replace("-", "")
    while left:
        code = left[:2] if left[:2] == "Mc" else left[:1]
        codes.append(code)
        left = left[len(code) :]
    return codes


def of_day(routes: Sequence[Route], day: str | None) -> list[Route]:
    """
    The routes that run on a day; all without one.
    """
    return [route for route in routes if day is None or day in route.days]


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            value = float(value.strip().replace(",", "."))
        except ValueError:
            return None
    if isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    return None


def _text(value: object) -> str | None:
    return None if value is None else str(value)[:TEXT_CHARS_MAX]
