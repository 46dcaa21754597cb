"""
The words of the contract: routes with their stops as they come in, schedules as they go out, and the trip that a route becomes.

Times of the problem are whole seconds of the service day; minutes are for what people read.
"""

from enum import StrEnum
from typing import Any

import msgspec

MINUTE = 60
HOUR = 3600

DAY_CODES = ("L", "M", "Mc", "X", "V")
"""Monday to Friday."""


class Kind(StrEnum):
    ENTRY = "entry"
    EXIT = "exit"


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    lat: float
    lon: float
    name: str = ""
    order: int = 0
    time_from_start: float | None = None
    """Minutes."""
    passengers: float | None = None
    is_school: bool = False


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """
    One fixed school service, as submitted.
    """

    id: str
    type: Kind
    stops: tuple[Stop, ...]
    name: str | None = None
    school_id: str | None = None
    school_name: str | None = None
    arrival_time: str | None = None
    departure_time: str | None = None
    capacity_needed: float | None = None
    vehicle_capacity_min: float | None = None
    vehicle_capacity_max: float | None = None
    vehicle_capacity_range: Any = None
    contract_id: str | None = None
    days: tuple[str, ...] = ()


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """
    The numbers of the problem. Those of the contract are the default.
    """

    entry_early_s: int = 5 * MINUTE
    entry_late_s: int = 5 * MINUTE
    exit_early_s: int = 5 * MINUTE
    exit_late_s: int = 10 * MINUTE
    day_begins_s: int = 6 * HOUR
    speed_km_h: float = 50.0
    stop_min: float = 1.0
    duration_min_min: float = 15.0
    duration_default_min: float = 30.0
    gap_buffer_min: int = 5
    gap_unknown_min: int = 25


RULES = Rules()


class Point(msgspec.Struct, frozen=True):
    lat: float
    lon: float


class Depot(msgspec.Struct, frozen=True, kw_only=True):
    lat: float
    lon: float
    name: str = ""


class Vehicle(msgspec.Struct, frozen=True, kw_only=True):
    """
    A type of vehicle, of which there are so many at one place.
    """

    id: str
    count: int
    seats: float | None = None
    """None for any size."""
    depot: Depot | None = None
    """Where it begins and ends its day; None for wherever its first route begins and its last ends."""


class Trip(msgspec.Struct, frozen=True, kw_only=True):
    """
    A route as the optimizer sees it.
    """

    route_id: str
    kind: Kind
    fixed_s: int
    """The arrival of an entry, the departure of an exit."""
    nominal_s: int
    """The start that keeps the fixed time."""
    earliest_s: int
    latest_s: int
    """Bounds of the start."""
    duration_s: int
    start: Point | None
    end: Point | None
    demand: float
    seats_min: float
    seats_max: float
    """The capacity window."""


class Leg(msgspec.Struct, frozen=True):
    """
    One trip on a bus: its number in the list of trips, and when it starts.
    """

    trip: int
    start_s: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    buses: tuple[tuple[Leg, ...], ...]
    unserved: tuple[int, ...] = ()
    kinds: tuple[int, ...] = ()
    """The type of vehicle of each bus, where types are given."""


class Cost(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """
    In the order of the goals.
    """

    buses: int
    minutes: float
    """Deadhead and shift together."""
    spread: int = 0


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    Something about one route of the input, with the way out.
    """

    code: str
    message: str
    index: int | None = None
    id: str | None = None
    field: str | None = None
    is_fatal: bool = True
    """The route cannot be used."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """
    One service of a bus in the result.
    """

    route_id: str
    start_time: str
    end_time: str
    type: Kind
    original_start_time: str
    time_shift_minutes: float
    deadhead_minutes: int
    positioning_minutes: int
    capacity_needed: float
    vehicle_capacity_min: float | None
    vehicle_capacity_max: float | None
    vehicle_capacity_range: Any
    school_name: str | None
    stops: tuple[Stop, ...]
    contract_id: str | None


class Driven(msgspec.Struct, frozen=True, kw_only=True):
    """
    A bus, and which vehicle from where it is.
    """

    bus_id: str
    vehicle: str | msgspec.UnsetType = msgspec.UNSET
    """The type, where types are given; so for what follows."""
    vehicle_seats: float | msgspec.UnsetType = msgspec.UNSET
    depot: Depot | msgspec.UnsetType = msgspec.UNSET
    pull_out_minutes: int | msgspec.UnsetType = msgspec.UNSET
    """From the depot to the first route."""
    pull_in_minutes: int | msgspec.UnsetType = msgspec.UNSET
    """From the last route to the depot."""
    leaves_depot: str | msgspec.UnsetType = msgspec.UNSET
    back_at_depot: str | msgspec.UnsetType = msgspec.UNSET


class Bus(Driven, frozen=True, kw_only=True):
    items: tuple[Item, ...]
    min_required_seats: float
    assigned_vehicle_min: float | None = None
    assigned_vehicle_max: float | None = None
    assigned_vehicle_range: str | None = None


class Unassigned(msgspec.Struct, frozen=True, kw_only=True):
    route_id: str
    reason: str


def clock_text(seconds: int) -> str:
    """
    `HH:MM:SS`; hours from 24 on are after midnight of the service day.
    """
    minutes, second = divmod(seconds, MINUTE)
    hour, minute = divmod(minutes, MINUTE)
    return f"{hour:02d}:{minute:02d}:{second:02d}"


def clock_seconds(text: str) -> int:
    """
    Read `HH:MM` or `HH:MM:SS`, hours 0 to 30.

    Raises:
        ValueError: It is something else.
    """
    parts = text.strip().split(":")
    if len(parts) not in (2, 3) or not all(
        p.isascii() and p.isdigit() and len(p) <= 2 for p in parts
    ):
        raise ValueError(f"{text!r} is no time; write HH:MM or HH:MM:SS")
    hour, minute, second = (*map(int, parts), 0)[:3]
    if hour > 30 or minute > 59 or second > 59:
        raise ValueError(
            f"{text!r} is no time of a service day; hours go to 30, minutes and seconds to 59"
        )
    return hour * HOUR + minute * MINUTE + second


def minutes_value(seconds: int) -> float:
    """
    Minutes, whole wherever they are.
    """
    return seconds // MINUTE if seconds % MINUTE == 0 else seconds / MINUTE
