"""
School buses in a real browser against a real server. docs/contract/routes.md, 3.5.
"""

import pytest

pytestmark = pytest.mark.timeout(180)


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
    assert told["kept"] == 228
    assert told["liveBars"] == 228
    assert told["liveFrom"] >= 1
    assert told["liveText"].startswith("El mejor plan hasta ahora: ")
    assert told["liveText"].endswith(" con 228 servicios")
    assert told["axe"] == []
    assert told["foreign"] == []
    assert told["errors"] == []
