"""
Does a plan hold where driving takes longer: grades of docs/contract/routes.md, 3.4.
"""

import pytest

from avance.apps.routes.model import Bus
from avance.apps.routes.robustness import grade_of, simulate
from avance.apps.routes.sample import sample_day

from .plans import pair_of_routes, solve


def pair(minutes_between: int) -> tuple[Bus, ...]:
    return solve(pair_of_routes(minutes_between)).result.schedule


@pytest.mark.parametrize(
    ("share", "grade"),
    [(1.0, "A"), (0.951, "A"), (0.95, "B"), (0.851, "B"), (0.85, "C"), (0.7, "D"), (0.5, "F")],
)
def test_grades_begin_above_their_shares(share: float, grade: str) -> None:
    assert grade_of(share) == grade


def test_a_plan_without_slack_gets_a_worse_grade_than_one_with_much() -> None:
    tight, loose = simulate(pair(-8)), simulate(pair(90))
    assert (tight.grade, loose.grade) == ("C", "A")
    assert tight.late_services_share > 0 < tight.late_minutes_avg
    assert [bus.bus_id for bus in tight.weakest] == ["B001"]


def test_the_more_ways_spread_the_more_often_a_bus_is_late() -> None:
    schedule = pair(0)
    shares = [simulate(schedule, delay_percent=at).on_time_share for at in (0, 10, 20, 60)]
    assert shares[0] == 1.0
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < 0.9


def test_buses_with_one_service_each_are_never_late() -> None:
    told = simulate(pair(-9))
    assert (told.grade, told.on_time_share, told.weakest) == ("A", 1.0, ())


def test_the_same_seed_gives_the_same_figures_and_a_plan_tells_them() -> None:
    result = solve(sample_day(40)).result
    told = simulate(result.schedule)
    assert told == simulate(result.schedule)
    assert told != simulate(result.schedule, seed=2)
    assert result.diagnostics["robustness"]["grade"] == told.grade
    assert result.diagnostics["robustness"]["on_time_share"] == told.on_time_share
    assert result.diagnostics["robustness"]["runs"] == 1000


def test_a_plan_without_buses_is_never_late() -> None:
    assert simulate(()).grade == "A"
