"""
A table of a thousand jobs that move, in a real browser.
"""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
pytestmark = pytest.mark.timeout(300)


def test_a_thousand_rows_move_and_only_those_near_the_view_are_in_the_page(serve, drive) -> None:
    server = serve("serve", "rows_app:app", environment={"PYTHONPATH": str(HERE)})
    told = drive("rows.mjs", server.url, "1000", "1")
    assert told["loaded"] >= 1000
    assert told["rowCount"] == told["loaded"] + 1
    assert all(0 < count < 200 for count in told["inPage"])
    assert told["isMoving"]
    assert told["frames"] > 0
    assert told["errors"] == []
