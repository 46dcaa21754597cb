"""
What a planner wants beyond the rules, as costs of links and links that are taken away.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from avance.apps.routes.capacity import may_follow
from avance.apps.routes.geo import EARTH_KM
from avance.apps.routes.goals import UNKNOWN_KM, Goal
from avance.apps.routes.model import Finding, Plan, Trip
from avance.apps.routes.request import Wishes
from avance.apps.routes.solver.block import MINUTE, Bools, Floats, Ints
from avance.apps.routes.solver.problem import Wanted

PIN_MINUTES = 150_000.0
"""A pin is worth more than a bus: whoever pins wants it."""
KEEP_MINUTES = 30.0
"""What a link of the published plan may cost more than another, in the mode `publishable`."""
KILOMETRE_SHIFT_WEIGHT = 0.05
PIN_BUSES = 1.5
"""The same by a weighted goal, in buses."""
KEEP_BUSES = 0.1


def wanted_links(trips: Sequence[Trip], gaps: Ints, wishes: Wishes) -> Wanted:
    """
    Costs and links for a mode, pins, what is forbidden, and a published plan.
    """
    is_far = wishes.mode == "kilometres"
    cost: Floats = _kilometres(trips) if is_far else gaps / MINUTE
    is_allowed = _apply(trips, cost, wishes, pin=PIN_MINUTES, keep=KEEP_MINUTES)
    return Wanted(cost, is_allowed, KILOMETRE_SHIFT_WEIGHT if is_far else 1.0)


def weighed_links(trips: Sequence[Trip], wishes: Wishes, goal: Goal) -> Wanted:
    """
    The same by a weighted goal.
    """
    per_km = np.array([goal.per_km(trip.demand) for trip in trips])
    cost: Floats = _kilometres(trips) * per_km[:, None]
    bus = goal.weights.buses
    is_allowed = _apply(trips, cost, wishes, pin=PIN_BUSES * bus, keep=KEEP_BUSES * bus)
    return Wanted(cost, is_allowed, goal.weights.time_shift_minutes)


def _apply(
    trips: Sequence[Trip], cost: Floats, wishes: Wishes, *, pin: float, keep: float
) -> Bools:
    """
    Make cheaper what is wanted, and tell which links are left.
    """
    number = {trip.route_id: at for at, trip in enumerate(trips)}
    is_allowed: Bools = np.ones(cost.shape, dtype=bool)
    for a, b in wishes.forbidden:
        if a in number and b in number:
            is_allowed[number[a], number[b]] = False
    for a, b in wishes.pinned:
        if a in number and b in number:
            before, after = number[a], number[b]
            may_follow = is_allowed[before, after]
            is_allowed[before, :] = False
            is_allowed[:, after] = False
            is_allowed[before, after] = may_follow
            cost[before, after] -= pin
    if wishes.mode == "publishable":
        for bus in wishes.reference:
            for a, b in pairwise(bus):
                if a in number and b in number:
                    cost[number[a], number[b]] -= keep
    return is_allowed


def unmet(trips: Sequence[Trip], plan: Plan, wishes: Wishes, gaps: Ints | None) -> list[Finding]:
    """
    Pins that no plan can keep, or that name no route.
    """
    follows = {
        (trips[a.trip].route_id, trips[b.trip].route_id)
        for bus in plan.buses
        for a, b in pairwise(bus)
    }
    known = {trip.route_id: number for number, trip in enumerate(trips)}
    found = []
    for a, b in wishes.pinned:
        if (a, b) in follows:
            continue
        unknown = [name for name in (a, b) if name not in known]
        if unknown or gaps is None:
            why = f"there is no route {(*unknown, a)[0]} to plan"
        else:
            why = _against(trips, gaps, known[a], known[b])
        found.append(
            Finding(
                code="pin_impossible",
                message=f"{b} cannot come directly after {a}: {why}",
                id=b,
                is_fatal=False,
            )
        )
    return found


def _against(trips: Sequence[Trip], gaps: Ints, a: int, b: int) -> str:
    before, after = trips[a], trips[b]
    late_s = before.earliest_s + before.duration_s + int(gaps[a, b]) - after.latest_s
    if late_s > 0:
        overlap = before.earliest_s + before.duration_s > after.latest_s
        return f"even with all shifts allowed the bus is {late_s / MINUTE:g} min late" + (
            ", for their times overlap" if overlap else ""
        )
    if not may_follow(before.demand, after.demand):
        return f"{before.demand:g} and {after.demand:g} seats may not follow each other"
    if max(before.seats_min, after.seats_min) > min(before.seats_max, after.seats_max):
        return "no size of vehicle fits both"
    return "another wish stands against it"


def changes(
    schedule: Sequence[Sequence[str]], reference: Sequence[Sequence[str]]
) -> dict[str, int]:
    """
    How much of a published plan is another now.
    """
    then = {pair for bus in reference for pair in pairwise(bus)}
    now = {pair for bus in schedule for pair in pairwise(bus)}
    return {
        "links_kept": len(then & now),
        "links_gone": len(then - now),
        "links_new": len(now - then),
    }


def _kilometres(trips: Sequence[Trip]) -> Floats:
    size = len(trips)
    cost = np.full((size, size), UNKNOWN_KM)
    lat = np.radians([0.0 if t.start is None else t.start.lat for t in trips])
    lon = np.radians([0.0 if t.start is None else t.start.lon for t in trips])
    has = np.array([t.start is not None for t in trips])
    for row, trip in enumerate(trips):
        if trip.end is None:
            continue
        here_lat, here_lon = np.radians(trip.end.lat), np.radians(trip.end.lon)
        h = (
            np.sin((lat - here_lat) / 2) ** 2
            + np.cos(here_lat) * np.cos(lat) * np.sin((lon - here_lon) / 2) ** 2
        )
        km = 2 * EARTH_KM * np.arcsin(np.minimum(1.0, np.sqrt(h)))
        cost[row] = np.where(has, km, UNKNOWN_KM)
    return cost
