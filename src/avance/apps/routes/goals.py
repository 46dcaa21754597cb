"""
Weighted goals: what a plan costs by them, and what of that is money, minutes and emissions. docs/contract/routes.md, 3.4.
"""

import itertools
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any

import msgspec

from avance.apps.routes.capacity import group_of
from avance.apps.routes.geo import distance_km
from avance.apps.routes.model import HOUR, Bus, Item, Point, Stop
from avance.apps.routes.result import seconds_of
from avance.apps.routes.settings import Preset
from avance.apps.routes.trips import places_of

BUS_WEIGHT_MIN = 1.0
BUS_WEIGHT_MAX = 1e6
WEIGHT_MAX = 1e4
UNKNOWN_KM = 20.0
"""Of a way one end of which has no coordinates."""
SAME = 1e-6
"""Costs that differ by less, as a share, are the same."""

Weight = Annotated[float, msgspec.Meta(ge=0, le=WEIGHT_MAX)]
BusWeight = Annotated[float, msgspec.Meta(ge=BUS_WEIGHT_MIN, le=BUS_WEIGHT_MAX)]


class Weights(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What one of each counts.
    """

    buses: BusWeight = 1000.0
    """Not 0: without ways to a depot, a bus for each route would drive no empty kilometre."""
    deadhead_km: Weight = 10.0
    driver_overtime: Weight = 50.0
    """An hour."""
    time_shift_minutes: Weight = 5.0
    unbalanced_load: Weight = 20.0
    """A route more or fewer than the mean of all buses."""
    fuel: Weight = 0.15
    """A litre."""
    co2: Weight = 0.01
    """A kilogram."""


PRESETS: Mapping[Preset, Weights] = MappingProxyType(
    {
        # Not weighed: fewest buses first, then fewest minutes. What it costs is told by the weights of the contract.
        "minimize_buses": Weights(),
        "minimize_cost": Weights(unbalanced_load=0.0),
        # A bus stands for the way from and to where it is parked, which is not in a plan without depots: some 25 km of a large one.
        "minimize_emissions": Weights(
            buses=200.0,
            deadhead_km=0.0,
            driver_overtime=0.0,
            time_shift_minutes=0.5,
            unbalanced_load=0.0,
            fuel=0.0,
            co2=10.0,
        ),
        "balanced": Weights(),
    }
)


class Factors(msgspec.Struct, frozen=True, kw_only=True):
    """
    From kilometres and hours to litres, kilograms and overtime.
    """

    litres_per_km_small: float = 0.10
    """Up to 9 seats."""
    litres_per_km_medium: float = 0.18
    """Up to 25."""
    litres_per_km_large: float = 0.30
    co2_kg_per_litre: float = 2.68
    """Diesel, burnt."""
    duty_hours: float = 8.0
    """From the first start of a bus to its last end, or from depot to depot; what is over it is overtime."""

    def litres_per_km(self, demand: float) -> float:
        """
        No bus mixes the three groups, so each has one consumption.
        """
        of_group = (self.litres_per_km_small, self.litres_per_km_medium, self.litres_per_km_large)
        return of_group[group_of(demand)]


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    preset: Preset = "minimize_buses"
    weights: Weights = Weights()
    factors: Factors = Factors()

    @property
    def is_weighed(self) -> bool:
        return self.preset != "minimize_buses"

    def per_km(self, demand: float) -> float:
        """
        What an empty kilometre counts, with the fuel of it.
        """
        weights, factors = self.weights, self.factors
        litre = weights.fuel + factors.co2_kg_per_litre * weights.co2
        return weights.deadhead_km + factors.litres_per_km(demand) * litre


class Amounts(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a plan comes to. Kilometres, litres and kilograms are those of empty runs: what the services themselves drive is the same in every
    plan.
    """

    buses: int
    deadhead_km: float
    driver_overtime: float
    time_shift_minutes: float
    unbalanced_load: float
    fuel: float
    co2: float


def way_km(a: Point | None, b: Point | None) -> float:
    return UNKNOWN_KM if a is None or b is None else distance_km(a.lat, a.lon, b.lat, b.lon)


def amounts_of(schedule: Sequence[Bus], factors: Factors) -> Amounts:
    by_bus = [_km_of(bus) for bus in schedule]
    litres = sum(
        km * factors.litres_per_km(bus.items[0].capacity_needed)
        for km, bus in zip(by_bus, schedule, strict=True)
    )
    loads = [len(bus.items) for bus in schedule]
    mean = sum(loads) / len(loads) if loads else 0.0
    return Amounts(
        buses=len(schedule),
        deadhead_km=sum(by_bus),
        driver_overtime=sum(_overtime_h(bus, factors.duty_hours) for bus in schedule),
        time_shift_minutes=sum(abs(i.time_shift_minutes) for bus in schedule for i in bus.items),
        unbalanced_load=sum(abs(load - mean) for load in loads),
        fuel=litres,
        co2=litres * factors.co2_kg_per_litre,
    )


def cost_of(amounts: Amounts, weights: Weights) -> dict[str, float]:
    """
    By what it comes from.
    """
    return {
        name: getattr(amounts, name) * getattr(weights, name) for name in Weights.__struct_fields__
    }


def goal_diagnostics(schedule: Sequence[Bus], goal: Goal, bound: float | None) -> dict[str, Any]:
    """
    What is told of a plan by its goal.

    Args:
        bound: No plan costs less by these weights; None where nothing is shown.
    """
    amounts = amounts_of(schedule, goal.factors)
    parts = cost_of(amounts, goal.weights)
    cost = sum(parts.values())
    has_bound = bound is not None and bound > 0
    is_optimal = has_bound and cost - (bound or 0.0) <= SAME * cost
    return {
        "preset": goal.preset,
        "weights": msgspec.to_builtins(goal.weights),
        "factors": msgspec.to_builtins(goal.factors),
        "amounts": {
            name: round(value, 3) for name, value in msgspec.structs.asdict(amounts).items()
        },
        "costs": {name: round(value, 3) for name, value in parts.items()},
        "cost": round(cost, 3),
        "lower_bound": round(min(bound or 0.0, cost), 3) if has_bound else None,
        "gap": round(max(0.0, cost - (bound or 0.0)) / cost, 6) if has_bound and cost else None,
        "status": "optimal" if is_optimal else "feasible",
    }


def _km_of(bus: Bus) -> float:
    ends = [_ends(item) for item in bus.items]
    km = sum(way_km(a[1], b[0]) for a, b in itertools.pairwise(ends))
    if not bus.depot:
        return km
    depot = Point(bus.depot.lat, bus.depot.lon)
    return km + way_km(depot, ends[0][0]) + way_km(ends[-1][1], depot)


def _ends(item: Item) -> tuple[Point | None, Point | None]:
    return _place(item.stops[0]), _place(item.stops[-1])


def _place(stop: Stop) -> Point | None:
    return next(iter(places_of((stop,))), None)


def _overtime_h(bus: Bus, duty_hours: float) -> float:
    begins = bus.leaves_depot or bus.items[0].start_time
    ends = bus.back_at_depot or bus.items[-1].end_time
    span_s = seconds_of(ends) - seconds_of(begins)
    return max(0.0, span_s / HOUR - duty_hours)
