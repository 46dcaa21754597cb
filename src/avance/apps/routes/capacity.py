"""
Seats: what a route needs, which vehicles may run it, and which two routes may follow one another on a bus (R6, R7).
"""

import math
import re

from avance.apps.routes.model import Route

SMALL = 9
"""Demands up to here ride in small vehicles only."""
MEDIUM = 25
MEDIUM_STEP = 8
LARGE_STEP = 20
CLASS_ENDS = (9, 20, 35, 50)
HUGE = 56
SEATS_USUAL_MAX = 100
"""More than the largest coach has; a number above is likelier a mistake than a need."""
MID = 35

_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")


def demand_of(route: Route) -> float:
    """
    capacity_needed; else the largest count of passengers; else the declared capacity; else 1.
    """
    if route.capacity_needed is not None and route.capacity_needed > 0:
        return route.capacity_needed
    passengers = max((stop.passengers or 0 for stop in route.stops), default=0)
    return passengers or route.vehicle_capacity_max or route.vehicle_capacity_min or 1


def read_range(value: object) -> tuple[float, float] | None:
    """
    A declared range: `"26-38"`, `"> 55"`, `"< 20"`, `"16"` or `[min, max]`; None for nothing.

    Raises:
        ValueError: It says something else.
    """
    if value is None or value == "":
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (float(value), float(value))
    if isinstance(value, list | tuple):
        if (
            len(value) == 2
            and all(isinstance(v, int | float) for v in value)
            and value[0] <= value[1]
        ):
            return (float(value[0]), float(value[1]))
        raise ValueError(f"{value!r} is no range of seats; write [min, max]")
    return _read_range_text(str(value))


def _read_range_text(text: str) -> tuple[float, float]:
    numbers = [float(found.replace(",", ".")) for found in _NUMBER.findall(text)]
    is_open = [sign for sign in (">", "+", "<") if sign in text]
    if len(numbers) == 1 and not is_open:
        return (numbers[0], numbers[0])
    if len(numbers) == 1 and is_open[0] == "<":
        return (1.0, numbers[0] if "=" in text else max(1.0, numbers[0] - 1))
    if len(numbers) == 1:
        is_from = "=" in text or is_open[0] == "+"
        return (numbers[0] if is_from else numbers[0] + 1, math.inf)
    if len(numbers) == 2 and numbers[0] <= numbers[1]:
        return (numbers[0], numbers[1])
    raise ValueError(f"{text!r} is no range of seats; write 26-38, > 55 or [26, 38]")


def declared_range(route: Route) -> tuple[float, float] | None:
    """
    What the route itself says of its vehicle; None for nothing.

    Raises:
        ValueError: The range cannot be read, or its ends are the wrong way round.
    """
    said = read_range(route.vehicle_capacity_range)
    lower = route.vehicle_capacity_min or None
    upper = route.vehicle_capacity_max or None
    if lower is not None and upper is not None and lower > upper:
        raise ValueError(f"vehicle_capacity_min {lower:g} is over vehicle_capacity_max {upper:g}")
    if said is None and lower is None and upper is None:
        return None
    return said or (lower or 1.0, upper or math.inf)


def window_of(demand: float, declared: tuple[float, float] | None) -> tuple[float, float]:
    """
    The sizes of vehicle that fit a demand, cut with the declared range.
    """
    if demand <= SMALL:
        low, high = 1.0, float(SMALL)
    else:
        step = MEDIUM_STEP if demand <= MEDIUM else LARGE_STEP
        low, high = demand - step, demand + step
    if declared is None:
        return low, high
    cut = max(low, declared[0]), min(high, declared[1])
    return cut if cut[0] <= cut[1] else declared


def size_class(demand: float) -> int:
    return sum(demand > end for end in CLASS_ENDS)


def group_of(demand: float) -> int:
    """
    No bus ever mixes these three: R6 keeps each end of a pair on the same side of 9 and of 25.
    """
    return 0 if demand <= SMALL else 1 if demand <= MEDIUM else 2


def may_follow(a: float, b: float) -> bool:
    """
    R6 for two consecutive demands.
    """
    if group_of(a) != group_of(b):
        return False
    if group_of(a) == 0:
        return True
    if group_of(a) == 1:
        return abs(a - b) <= MEDIUM_STEP
    if abs(a - b) > LARGE_STEP or abs(size_class(a) - size_class(b)) > 1:
        return False
    return not (max(a, b) >= HUGE and min(a, b) <= MID)
