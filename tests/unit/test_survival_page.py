"""
The page that says what survives what names its tests, and they exist.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_line_of_what_survives_is_held_by_a_test_that_exists(language: str) -> None:
    page = (ROOT / f"docs/{language}/concepts/survival.md").read_text("utf-8")
    lines = [line for line in page.splitlines() if line.startswith("| ") and " | " in line]
    claims = [line for line in lines if not re.match(r"\| (failure|fallo) \|", line)]
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    known = set(re.findall(r"def (test_\w+)", sources))
    assert claims
    for line in claims:
        named = set(re.findall(r"`(test_\w+)`", line))
        assert named, f"no test holds this: {line}"
        assert named <= known, f"no such test: {named - known}"
