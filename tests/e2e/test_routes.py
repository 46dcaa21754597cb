"""
School buses in a real browser against a real server. docs/contract/routes.md, 3.5.
"""

import re
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(300)


def test_a_day_is_brought_planned_live_explained_changed_saved_and_cancelled(
    systems, drive
) -> None:
    """001-46"""
    told = drive("routes.mjs", systems.url)
    assert told["dropped"] == "dia.csv, fila 6"
    assert "Ningún plan usa menos autobuses" in told["small"]
    assert told["why"] == "Sin ningún autobús no hay servicio: uno es lo mínimo."
    assert told["left"] == 1
    assert told["unassigned"] == 1
    assert told["finding"] == 1
    assert told["bars"] == 100
    assert told["lines"] == 100
    assert told["saved"] == 200
    assert re.search(
        r"Coste según el objetivo.*CO₂ de los kilómetros en vacío\d+ kg", told["weighed"]
    )
    assert told["kept"] == 600
    assert told["liveBars"] == 600
    assert told["liveFrom"] >= 1
    assert told["liveText"].startswith("El mejor plan hasta ahora: ")
    assert told["liveText"].endswith(" con 600 servicios")
    check_depots(told)
    check_week(told)
    assert told["axe"] == []
    assert told["foreign"] == []
    assert told["errors"] == []


def check_depots(told: dict[str, Any]) -> None:
    """
    On the map, and by name in the chart, in the table and beside the reasons.
    """
    names = [line.split(":")[0] for line in told["depots"]]
    assert names == ["Norte", "Sur"]
    assert told["marks"] == 2
    assert told["pulls"] == 4
    assert {label.split()[1] for label in told["labels"]} == {"Norte", "Sur"}
    assert "Vehículos usados1 norte, 1 sur" in told["used"]
    assert re.search(r"Con retrasos[ABCDF] \(\d[\d,]* %\)", told["used"].replace("\xa0", " "))
    assert told["robust"].startswith("1000 días simulados")
    bus, vehicle, way, *_ = told["row"]
    assert bus == "B001"
    depot = way.removeprefix("Desde la cochera ")
    assert vehicle == f"{depot.lower()}, 25 plazas"
    assert (
        f"está en la cochera {told['labels'][int(told['stands'][3]) - 1].split()[1]}"
        in told["stands"]
    )
    assert told["runs"] >= 2


def check_week(told: dict[str, Any]) -> None:
    """
    Only the chosen days are planned, each in a plan of its own.
    """
    assert told["week"] == [["Lunes", "1"], ["Viernes", "2"]]
    assert told["friday"].startswith("Autobuses2")
    assert told["bars5"] == 5
    assert 0 < told["cancelled"] <= 5
    assert told["alerts"] == 0
