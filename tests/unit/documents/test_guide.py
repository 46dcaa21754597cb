"""
The guide for when something does not work says what the contract wants said, and names only what there is.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CODES = ROOT / "docs/en/reference/errors.md"


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_guide_leads_from_each_symptom_to_the_place_to_look(language: str) -> None:
    """
    000-35: no socket, no updates, no result; the containers by their names.
    """
    guide = (ROOT / f"docs/{language}/howto/troubleshooting-documents.md").read_text("utf-8")
    for wanted in (
        *("docker-api-1", "docker-worker-1", "docker-redis-1"),
        *("redis-cli ping", "PSUBSCRIBE 'job:*'", "101"),
        *(":6363/healthz", ":11464/api/tags", ":8030/health"),
    ):
        assert wanted in guide, wanted
    known = set(re.findall(r"^### `(\w+)`", CODES.read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"`((?:document|model|vectors|worker|mixed|needs)_\w+)`", guide))
    assert named
    assert named <= known | {"worker_lost"}
