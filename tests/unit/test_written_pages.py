import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("script", ["contract-status", "reference"])
def test_the_pages_that_are_written_from_the_source_are_up_to_date(script: str) -> None:
    stale = runpy.run_path(str(ROOT / "scripts" / script))["stale"]
    assert stale() == [], "run make fix"
