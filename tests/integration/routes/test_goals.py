"""
Weighted goals over HTTP: by name, with weights of one's own, kept in a what-if, and refused where they cannot be had. docs/contract/routes.md, 3.4.
"""

from typing import Any

import msgspec
import pytest

from avance.apps.routes.goal_choice import Asked, chosen_goal, usual_goal
from avance.apps.routes.sample import sample_day
from avance.apps.routes.settings import RoutesSettings
from avance.config import read_settings
from avance.errors import ConfigError, InvalidRequest

from .conftest import Site
from .test_plans import assert_valid, planned, result_of

pytestmark = pytest.mark.timeout(90)


async def test_a_goal_is_asked_for_by_name_told_with_its_weights_and_kept_in_a_what_if(
    site: Site,
) -> None:
    routes = sample_day(24)
    _, fewest = await planned(site, routes)
    job_id, stored = await planned(
        site, routes, goal="minimize_emissions", weights={"buses": 100, "driver_overtime": 7}
    )
    assert_valid(routes, stored)
    told, usual = (one["result"]["diagnostics"]["goal"] for one in (stored, fewest))
    assert (told["preset"], usual["preset"]) == ("minimize_emissions", "minimize_buses")
    assert (told["weights"]["buses"], told["weights"]["driver_overtime"]) == (100, 7)
    assert told["weights"]["co2"] == 10
    assert told["amounts"]["co2"] < usual["amounts"]["co2"]
    assert told["amounts"]["buses"] > usual["amounts"]["buses"]
    assert told["lower_bound"] <= told["cost"]
    why = (await site.get(f"/jobs/{job_id}/explain", lang="en")).json()
    assert why["code"] in ("goal_proven", "goal_open")
    assert "minimize_emissions" in why["text"]
    es = (await site.get(f"/jobs/{job_id}/explain", lang="es")).json()
    assert "hacen falta" in es["text"]
    again = await site.post(f"/jobs/{job_id}/what-if", b"{}")
    kept = (await result_of(site, again.json()["job_id"]))["result"]["diagnostics"]["goal"]
    assert (kept["preset"], kept["weights"]) == (told["preset"], told["weights"])


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ({"goal": "cheapest"}, "invalid_request", "goal"),
        ({"goal": "balanced", "weights": {"buses": 0}}, "invalid_request", "buses"),
        ({"goal": "balanced", "weights": {"co2": -1}}, "invalid_request", "co2"),
        ({"goal": "balanced", "weights": {"tyres": 1}}, "invalid_request", "tyres"),
        ({"goal": "balanced", "mode": "kilometres"}, "goal_unusable", "leave out one"),
        ({"goal": "balanced", "buses_max": 4}, "goal_unusable", "vehicles with a count"),
        ({"weights": {"buses": 5}}, "goal_unusable", "minimize_cost"),
    ],
)
async def test_a_goal_that_cannot_be_had_is_refused_with_the_way_out(
    site: Site, given: dict[str, Any], code: str, words: str
) -> None:
    body = msgspec.json.encode({"routes": sample_day(2), **given})
    refused = await site.post("/optimize-async", body)
    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert words in refused.json()["detail"]


async def test_a_what_if_may_have_another_goal_but_not_two(site: Site) -> None:
    job_id, _ = await planned(site, sample_day(4), goal="balanced")
    wrong = b'{"goal": "minimize_cost", "mode": "balance"}'
    refused = await site.post(f"/jobs/{job_id}/what-if", wrong)
    assert (refused.status_code, refused.json()["code"]) == (422, "goal_unusable")
    other = await site.post(f"/jobs/{job_id}/what-if", b'{"mode": "kilometres"}')
    told = (await result_of(site, other.json()["job_id"]))["result"]["diagnostics"]["goal"]
    assert told["preset"] == "minimize_buses"


def settings_of(**env: str) -> RoutesSettings:
    named = {f"AVANCE_ROUTES_{name.upper()}": value for name, value in env.items()}
    read = read_settings(env=named, sections={"routes": RoutesSettings})
    return read.section(RoutesSettings)


NOTHING = Asked(goal=None, weights=None, mode="buses", buses_max=None)


def test_the_settings_say_which_goal_is_usual_and_what_fuel_makes_of_kilometres() -> None:
    usual = usual_goal(settings_of(goal="minimize_cost", litres_per_km_large="0.5", duty_hours="7"))
    goal = chosen_goal(NOTHING, usual)
    assert (goal.preset, goal.factors.litres_per_km_large, goal.factors.duty_hours) == (
        "minimize_cost",
        0.5,
        7.0,
    )
    assert usual_goal(settings_of()).preset == "minimize_buses"
    with pytest.raises(ConfigError, match="goal"):
        settings_of(goal="cheapest")


def test_a_body_that_wants_an_order_of_goals_is_nearer_than_the_usual_goal() -> None:
    usual = usual_goal(settings_of(goal="balanced"))
    for asked in (
        msgspec.structs.replace(NOTHING, mode="balance"),
        msgspec.structs.replace(NOTHING, buses_max=3),
    ):
        assert chosen_goal(asked, usual).preset == "minimize_buses"
        both = msgspec.structs.replace(asked, goal="balanced")
        with pytest.raises(InvalidRequest, match="leave out one"):
            chosen_goal(both, usual)
