"""
Travel times from a file. docs/contract/routes.md, 3.3.
"""

import itertools
from pathlib import Path

import pytest

from avance.apps.routes.check import check_schedule
from avance.apps.routes.model import Route
from avance.apps.routes.request import RoadOptions
from avance.apps.routes.sample import sample_day
from avance.apps.routes.travel.matrix import HEADINGS, read_matrix
from avance.apps.routes.trips import places_of, run_order
from avance.errors import TaskFailed

from .plans import solve

pytestmark = pytest.mark.timeout(90)


def matrix(folder: Path, routes: list[Route], *, seconds: int) -> str:
    """
    Between all ends, and along each route, everything takes this long.
    """
    paths = [places_of(run_order(route)) for route in routes]
    legs = [pair for path in paths for pair in itertools.pairwise(path)]
    gaps = [(a[-1], b[0]) for a in paths for b in paths]
    path = folder / "times.csv"
    rows = [f"{a.lat},{a.lon},{b.lat},{b.lon},{seconds}" for a, b in {*legs, *gaps}]
    path.write_text("\n".join([",".join(HEADINGS), *rows]))
    return str(path)


def test_a_day_is_planned_by_the_times_of_a_file(tmp_path: Path) -> None:
    """001-T14"""
    routes = sample_day(16)
    path = matrix(tmp_path, routes, seconds=120)
    answer = solve(routes, roads=RoadOptions(matrix_path=path))
    schedule = answer.result.schedule
    assert not check_schedule(routes, schedule, read_matrix(path))
    gaps = [item.deadhead_minutes for bus in schedule for item in bus.items[1:]]
    # Two minutes and the buffer; from a place to itself no minute.
    assert gaps
    assert set(gaps) <= {5, 7}
    assert answer.result.diagnostics["osrm_fallback_count"] == 0


def test_what_the_file_does_not_know_is_a_great_circle_and_counted(tmp_path: Path) -> None:
    """001-T14"""
    routes = sample_day(16)
    path = matrix(tmp_path, routes[:8], seconds=120)
    answer = solve(routes, roads=RoadOptions(matrix_path=path))
    assert not check_schedule(routes, answer.result.schedule, read_matrix(path))
    assert answer.result.diagnostics["osrm_fallback_count"] > 0


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("from_lat,from_lon,to_lat,to_lon\n1,2,3,4\n", "no column seconds"),
        (",".join(HEADINGS) + "\n1,2,3,4,soon\n", "line 2"),
        (",".join(HEADINGS) + "\n1,2,3,4,5\n1,2,3,5,-1\n", "line 3: -1 s"),
        (",".join(HEADINGS) + "\n1,2,3\n", "line 2"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_line(
    tmp_path: Path, text: str, fault: str
) -> None:
    path = tmp_path / "times.csv"
    path.write_text(text)
    with pytest.raises(TaskFailed, match=fault) as refused:
        read_matrix(str(path))
    assert "AVANCE_ROUTES_MATRIX_FILE" in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskFailed, match="cannot be read"):
        read_matrix(str(tmp_path / "nothing.csv"))
