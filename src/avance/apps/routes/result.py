"""
From a plan to the result of the contract: schedule, statistics, diagnostics.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import msgspec
from msgspec.structs import replace

from avance.apps.routes.model import (
    MINUTE,
    RULES,
    Bus,
    Item,
    Kind,
    Leg,
    Plan,
    Route,
    Rules,
    Trip,
    Unassigned,
    Vehicle,
    clock_text,
    minutes_value,
)
from avance.apps.routes.trips import Roads, gap_min, run_order
from avance.apps.routes.vehicles import pull_in_min, pull_out_min


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """
    What was shown about a plan beside the plan.
    """

    bound: int = 0
    bound_minutes: float = 0.0
    goal_bound: float = 0.0
    """By a weighted goal no plan costs less; 0 while nothing is shown."""
    unserved: int = 0
    """Routes that a limited fleet leaves out."""
    certificate: tuple[str, ...] = ()
    """Routes of which no two can be on one bus."""


class Effort(msgspec.Struct, frozen=True, kw_only=True):
    """
    What it took.
    """

    phase_time_sec: dict[str, float] = {}
    pairs_total: int = 0
    pairs_pruned: int = 0
    osrm_cache_hits: int = 0
    osrm_fallback_count: int = 0
    ilp_solver_failures: int = 0
    rounds: int = 0
    chains: int = 0
    splits: int = 0
    """Matched chains that had to be cut because together they were too late or fitted no vehicle."""


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    total_buses: int
    total_routes: int
    total_entries: int
    total_exits: int
    max_entries_per_bus: int
    max_exits_per_bus: int
    buses_with_both: int
    avg_routes_per_bus: float
    total_early_shift_minutes: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    schedule: tuple[Bus, ...]
    unassigned: tuple[Unassigned, ...]
    diagnostics: dict[str, Any]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the job returns, and what it saves on its way.
    """

    result: Result
    stats: Stats
    findings: tuple[Any, ...] = ()
    explanations: dict[str, Any] = {}
    seeds: tuple[tuple[int, ...], ...] = ()
    """Chains with which a changed day is planned again in a fraction of the time, by places in the list of routes."""


def build_schedule(
    plan: Plan,
    trips: Sequence[Trip],
    routes: Mapping[str, Route],
    roads: Roads,
    rules: Rules = RULES,
    vehicles: Sequence[Vehicle] = (),
) -> tuple[Bus, ...]:
    """
    The buses in the order of their first start.
    """
    kinds = plan.kinds or (None,) * len(plan.buses)
    buses = sorted(
        zip(plan.buses, kinds, strict=True),
        key=lambda one: (one[0][0].start_s, trips[one[0][0].trip].route_id),
    )
    schedule = []
    for number, (legs, kind) in enumerate(buses, 1):
        bus = _bus(f"B{number:03d}", legs, trips, routes, roads, rules)
        if kind is not None:
            bus = _in_vehicle(bus, vehicles[kind], legs, trips, roads, rules)
        schedule.append(bus)
    return tuple(schedule)


def _in_vehicle(
    bus: Bus,
    vehicle: Vehicle,
    legs: Sequence[Leg],
    trips: Sequence[Trip],
    roads: Roads,
    rules: Rules,
) -> Bus:
    bus = replace(bus, vehicle=vehicle.id)
    if vehicle.seats is not None:
        bus = replace(bus, vehicle_seats=vehicle.seats)
    if vehicle.depot is None:
        return bus
    first, last = trips[legs[0].trip], trips[legs[-1].trip]
    out_min = pull_out_min(vehicle, first, roads, rules)
    in_min = pull_in_min(vehicle, last, roads, rules)
    return replace(
        bus,
        depot=vehicle.depot,
        pull_out_minutes=out_min,
        pull_in_minutes=in_min,
        leaves_depot=clock_text(legs[0].start_s - MINUTE * out_min),
        back_at_depot=clock_text(legs[-1].start_s + last.duration_s + MINUTE * in_min),
    )


def _bus(
    bus_id: str,
    legs: Sequence[Leg],
    trips: Sequence[Trip],
    routes: Mapping[str, Route],
    roads: Roads,
    rules: Rules,
) -> Bus:
    mine = [trips[leg.trip] for leg in legs]
    items = []
    for place, (leg, trip) in enumerate(zip(legs, mine, strict=True)):
        gap = gap_min(mine[place - 1].end, trip.start, roads, rules) if place else 0
        items.append(_item(leg, trip, routes[trip.route_id], gap, rules))
    low = max(trip.seats_min for trip in mine)
    high = min(trip.seats_max for trip in mine)
    is_open = high == float("inf")
    return Bus(
        bus_id=bus_id,
        items=tuple(items),
        min_required_seats=low,
        assigned_vehicle_min=low,
        assigned_vehicle_max=None if is_open else high,
        assigned_vehicle_range=f"> {low - 1:g}" if is_open else f"{low:g}-{high:g}",
    )


def _item(leg: Leg, trip: Trip, route: Route, gap: int, rules: Rules) -> Item:
    return Item(
        route_id=trip.route_id,
        start_time=clock_text(leg.start_s),
        end_time=clock_text(leg.start_s + trip.duration_s),
        type=trip.kind,
        original_start_time=clock_text(trip.fixed_s),
        time_shift_minutes=minutes_value(trip.nominal_s - leg.start_s),
        deadhead_minutes=gap,
        positioning_minutes=max(0, gap - rules.gap_buffer_min),
        capacity_needed=trip.demand,
        vehicle_capacity_min=route.vehicle_capacity_min,
        vehicle_capacity_max=route.vehicle_capacity_max,
        vehicle_capacity_range=route.vehicle_capacity_range,
        school_name=route.school_name,
        stops=run_order(route),
        contract_id=route.contract_id,
    )


def build_stats(schedule: Sequence[Bus]) -> Stats:
    entries = [sum(item.type is Kind.ENTRY for item in bus.items) for bus in schedule]
    exits = [sum(item.type is Kind.EXIT for item in bus.items) for bus in schedule]
    routes = sum(entries) + sum(exits)
    return Stats(
        total_buses=len(schedule),
        total_routes=routes,
        total_entries=sum(entries),
        total_exits=sum(exits),
        max_entries_per_bus=max(entries, default=0),
        max_exits_per_bus=max(exits, default=0),
        buses_with_both=sum(bool(a and b) for a, b in zip(entries, exits, strict=True)),
        avg_routes_per_bus=round(routes / len(schedule), 1) if schedule else 0.0,
        total_early_shift_minutes=sum(
            max(0.0, item.time_shift_minutes) for bus in schedule for item in bus.items
        ),
    )


def build_diagnostics(schedule: Sequence[Bus], proof: Proof, effort: Effort) -> dict[str, Any]:
    counts = [len(bus.items) for bus in schedule] or [0]
    positioning = [item.positioning_minutes for bus in schedule for item in bus.items[1:]]
    buses = len(schedule)
    minutes = objective_minutes(schedule)
    # A bound for all routes says nothing about buses that leave some out.
    bound = min(proof.bound, buses) if proof.unserved else proof.bound
    is_proven = buses == bound and not proof.unserved
    return {
        "best_buses": buses,
        "lower_bound_buses": bound,
        "buses_needed": proof.bound,
        "unserved_routes": proof.unserved,
        "optimality_gap": round((buses - bound) / buses, 6) if buses else 0.0,
        "split_count": effort.splits,
        "solver_status": "optimal" if is_proven else "feasible",
        "phase_time_sec": dict(effort.phase_time_sec),
        "pairs_total": effort.pairs_total,
        "pairs_pruned": effort.pairs_pruned,
        "osrm_cache_hits": effort.osrm_cache_hits,
        "osrm_fallback_count": effort.osrm_fallback_count,
        "ilp_solver_failures": effort.ilp_solver_failures,
        "avg_positioning_minutes": round(sum(positioning) / len(positioning), 2)
        if positioning
        else 0.0,
        "max_positioning_minutes": max(positioning, default=0),
        "median_routes_per_bus": median(counts),
        "min_routes_per_bus": min(counts),
        "max_routes_per_bus": max(counts),
        "load_spread": max(counts) - min(counts),
        "deadhead_minutes": sum(item.deadhead_minutes for bus in schedule for item in bus.items),
        "shift_minutes": sum(
            abs(item.time_shift_minutes) for bus in schedule for item in bus.items
        ),
        "objective_minutes": minutes,
        "lower_bound_minutes": proof.bound_minutes if is_proven else None,
        "certificate": list(proof.certificate),
        "column_generation_rounds": effort.rounds,
        "chains_considered": effort.chains,
    }


def vehicle_diagnostics(schedule: Sequence[Bus], vehicles: Sequence[Vehicle]) -> dict[str, Any]:
    """
    What is told beside the rest where types of vehicle are given.
    """
    used = Counter(bus.vehicle for bus in schedule)
    return {
        "vehicles": sum(vehicle.count for vehicle in vehicles),
        "vehicles_used": {vehicle.id: used[vehicle.id] for vehicle in vehicles},
        "depot_minutes": sum(depot_minutes(bus) for bus in schedule),
    }


def objective_minutes(schedule: Sequence[Bus]) -> float:
    between = sum(
        item.deadhead_minutes + abs(item.time_shift_minutes)
        for bus in schedule
        for item in bus.items
    )
    return between + sum(depot_minutes(bus) for bus in schedule)


def depot_minutes(bus: Bus) -> int:
    """
    To the first route and home from the last.
    """
    return (bus.pull_out_minutes or 0) + (bus.pull_in_minutes or 0)


def idle_minutes(bus: Bus) -> float:
    """
    Waiting between services, without the driving.
    """
    waits = 0.0
    for before, after in zip(bus.items, bus.items[1:], strict=False):
        free_s = seconds_of(after.start_time) - seconds_of(before.end_time)
        waits += free_s / MINUTE - after.deadhead_minutes
    return waits


def seconds_of(text: str) -> int:
    """
    A time of a schedule.
    """
    hour, minute, second = map(int, text.split(":"))
    return hour * 3600 + minute * 60 + second
