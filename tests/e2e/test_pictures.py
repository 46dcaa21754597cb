"""
The pictures of the documentation are of the console as it is: `AVANCE_SCREENSHOTS=docs/assets pytest tests/e2e/test_pictures.py` takes them anew.
"""

from pathlib import Path

import pytest

ASSETS = Path(__file__).parents[2] / "docs/assets"
PICTURE_BYTES_MAX = 150_000
pytestmark = pytest.mark.timeout(300)


def test_each_picture_of_the_documentation_can_be_taken_again(systems, drive) -> None:
    told = drive("pictures.mjs", systems.url)
    assert told["errors"] == []
    shown = {path.name: path.stat().st_size for path in ASSETS.glob("console-*.png")}
    assert set(told["pictures"]) == set(shown)
    assert all(size < PICTURE_BYTES_MAX for size in shown.values())
