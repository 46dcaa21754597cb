"""
The screens of a shop in a real browser against a real server. docs/contract/notices.md.
"""

from typing import Any

import pytest

pytestmark = pytest.mark.timeout(180)


def test_goods_are_brought_moved_ordered_and_told_of_live(systems: Any, drive: Any) -> None:
    """
    From a movement to its notification in a page that nobody touches.
    """
    told = drive("retail.mjs", systems.url)
    assert len(told["finding"]) == 1
    assert told["finding"][0].startswith("4")
    assert "Stock bajo" in told["low"]
    assert "-8" in told["movement"]
    assert told["refused"] == "-50"
    assert told["lowOnes"] == 1
    assert told["deliveries"].startswith("Envíos")
    assert told["isOn"] is False
    assert told["others"] == 23
    assert told["overflow"] == 0
    assert told["axe"] == []
    assert told["foreign"] == []
    assert told["errors"] == []
