"""
A log of ten thousand lines, and a table of a thousand jobs that move, in a real browser.
"""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
pytestmark = pytest.mark.timeout(300)


def test_many_lines_and_many_rows_that_move_are_in_the_page_only_near_the_view(
    serve, drive
) -> None:
    # What moves the rows would be waited for at the end.
    environment = {"PYTHONPATH": str(HERE), "AVANCE_DRAIN_S": "1"}
    server = serve("serve", "rows_app:app", environment=environment)
    said = drive("log.mjs", server.url, "10000")
    assert 0 < said["atEnd"] < 1_000
    assert 0 < said["atStart"] < 1_000
    assert len(said["course"]) == 1
    assert said["course"][0].startswith("Intento 1")
    assert "Completado" in said["course"][0]
    assert said["errors"] == []
    told = drive("rows.mjs", server.url, "1000", "1")
    assert told["loaded"] >= 1000
    assert told["rowCount"] == told["loaded"] + 1
    assert all(0 < count < 200 for count in told["inPage"])
    assert told["isMoving"]
    assert told["frames"] > 0
    assert told["errors"] == []
