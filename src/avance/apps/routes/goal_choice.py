"""
The goal of one optimization: what the body asks for, else what the settings say.
"""

import msgspec
from msgspec.structs import replace

from avance.apps.routes.goals import PRESETS, BusWeight, Factors, Goal, Weight
from avance.apps.routes.settings import Preset, RoutesSettings
from avance.errors import InvalidRequest

OF_MINUTES = ("kilometres", "balance")
"""Modes that are orders of goals themselves."""


class OtherWeights(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Weights that are not those of the preset.
    """

    buses: BusWeight | msgspec.UnsetType = msgspec.UNSET
    deadhead_km: Weight | msgspec.UnsetType = msgspec.UNSET
    driver_overtime: Weight | msgspec.UnsetType = msgspec.UNSET
    time_shift_minutes: Weight | msgspec.UnsetType = msgspec.UNSET
    unbalanced_load: Weight | msgspec.UnsetType = msgspec.UNSET
    fuel: Weight | msgspec.UnsetType = msgspec.UNSET
    co2: Weight | msgspec.UnsetType = msgspec.UNSET


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a body says that has to do with it.
    """

    goal: Preset | None
    weights: OtherWeights | None
    mode: str
    buses_max: int | None


def usual_goal(settings: RoutesSettings) -> Goal:
    """
    Where a body says nothing.
    """
    factors = Factors(
        litres_per_km_small=settings.litres_per_km_small,
        litres_per_km_medium=settings.litres_per_km_medium,
        litres_per_km_large=settings.litres_per_km_large,
        co2_kg_per_litre=settings.co2_kg_per_litre,
        duty_hours=settings.duty_hours,
    )
    return Goal(preset=settings.goal, weights=PRESETS[settings.goal], factors=factors)


def chosen_goal(asked: Asked, usual: Goal) -> Goal:
    """
    Raises:
        InvalidRequest: The body wants what cannot be had together, and what of it to leave out.
    """
    against = _against(asked)
    if asked.goal is not None:
        goal = replace(usual, preset=asked.goal, weights=PRESETS[asked.goal])
    elif usual.is_weighed and against:
        # The body is nearer to this plan than whoever set the usual goal.
        goal = replace(usual, preset="minimize_buses", weights=PRESETS["minimize_buses"])
    else:
        goal = usual
    if goal.is_weighed and against:
        raise _unusable(f"goal is {goal.preset!r} and {against}; leave out one of them")
    if asked.weights is None:
        return goal
    if not goal.is_weighed:
        raise _unusable(
            "the body has weights, but minimize_buses weighs nothing: it puts fewest buses first, then fewest minutes; "
            "give goal minimize_cost, minimize_emissions or balanced"
        )
    return replace(goal, weights=replace(goal.weights, **_given(asked.weights)))


def _against(asked: Asked) -> str | None:
    if asked.mode in OF_MINUTES:
        return f"mode is {asked.mode!r}, which is an order of goals itself"
    if asked.buses_max is not None:
        return "the body has buses_max, which is not weighed (vehicles with a count are)"
    return None


def _given(weights: OtherWeights) -> dict[str, float]:
    every = msgspec.structs.asdict(weights)
    return {name: value for name, value in every.items() if value is not msgspec.UNSET}


def _unusable(why: str) -> InvalidRequest:
    return InvalidRequest(f"the goal cannot be used: {why}", code="goal_unusable")
