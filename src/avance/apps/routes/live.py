"""
A plan as an event tells it while the search runs, small enough for one event, and as it is read from there: the shape of the result, without
what is known from the routes themselves.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from avance.apps.routes.model import Bus, Depot, Driven, clock_text
from avance.apps.routes.result import seconds_of


class Service(msgspec.Struct, frozen=True, kw_only=True):
    route_id: str
    start_time: str
    end_time: str
    type: str
    deadhead_minutes: int
    time_shift_minutes: float


class LiveBus(Driven, frozen=True, kw_only=True):
    items: tuple[Service, ...]


class _Service(msgspec.Struct, frozen=True, array_like=True):
    """
    Times as seconds of the day, in half the bytes.
    """

    route_id: str
    start_s: int
    end_s: int
    type: str
    deadhead_minutes: int
    time_shift_minutes: float


class _Stand(msgspec.Struct, frozen=True, array_like=True):
    """
    In which of the types a bus is driven, and when it leaves its depot and is back.
    """

    vehicle: int
    pull_out_minutes: int | None = None
    pull_in_minutes: int | None = None
    leaves_depot: str | None = None
    back_at_depot: str | None = None


class _Type(msgspec.Struct, frozen=True, array_like=True):
    id: str
    seats: float | None
    depot: Depot | None


class _Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    rev: int
    buses: tuple[tuple[_Service, ...], ...]
    types: tuple[_Type, ...] = ()
    stands: tuple[_Stand, ...] = ()
    """Of each bus, where types are given."""


def told_plan(revision: int, schedule: Sequence[Bus]) -> dict[str, Any]:
    """
    A plan in few bytes: what many buses share is said once.
    """
    types: dict[_Type, int] = {}
    stands = []
    for bus in schedule:
        if bus.vehicle is msgspec.UNSET:
            continue
        one = _Type(bus.vehicle, bus.vehicle_seats or None, bus.depot or None)
        stands.append(
            _Stand(
                types.setdefault(one, len(types)),
                _set(bus.pull_out_minutes),
                _set(bus.pull_in_minutes),
                _set(bus.leaves_depot),
                _set(bus.back_at_depot),
            )
        )
    services = tuple(
        tuple(
            _Service(
                item.route_id,
                seconds_of(item.start_time),
                seconds_of(item.end_time),
                item.type.value,
                item.deadhead_minutes,
                item.time_shift_minutes,
            )
            for item in bus.items
        )
        for bus in schedule
    )
    told = _Told(rev=revision, buses=services, types=tuple(types), stands=tuple(stands))
    plain: dict[str, Any] = msgspec.to_builtins(told)
    return plain


def read_plan(told: Mapping[str, Any]) -> tuple[LiveBus, ...]:
    plan = msgspec.convert(told, _Told)
    stands = plan.stands or (None,) * len(plan.buses)
    return tuple(
        LiveBus(
            bus_id=f"B{number:03d}",
            items=tuple(_service(item) for item in items),
            **({} if stand is None else _standing(stand, plan.types[stand.vehicle])),
        )
        for number, (items, stand) in enumerate(zip(plan.buses, stands, strict=True), 1)
    )


def _service(told: _Service) -> Service:
    return Service(
        route_id=told.route_id,
        start_time=clock_text(told.start_s),
        end_time=clock_text(told.end_s),
        type=told.type,
        deadhead_minutes=told.deadhead_minutes,
        time_shift_minutes=told.time_shift_minutes,
    )


def _standing(stand: _Stand, one: _Type) -> dict[str, Any]:
    given = {
        "vehicle": one.id,
        "vehicle_seats": one.seats,
        "depot": one.depot,
        "pull_out_minutes": stand.pull_out_minutes,
        "pull_in_minutes": stand.pull_in_minutes,
        "leaves_depot": stand.leaves_depot,
        "back_at_depot": stand.back_at_depot,
    }
    return {name: value for name, value in given.items() if value is not None}


def _set(value: Any) -> Any:
    return None if value is msgspec.UNSET else value
