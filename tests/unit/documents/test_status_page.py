"""
The page that says what is done, and the test report: what it lists is held by tests. docs/contract/ingest.md, 000-39.
"""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PARTS = {"en": ("The worker", "Asynchronous ingestion"), "es": ("El trabajador", "Ingesta")}
DONE = {"en": "done", "es": "hecho"}


def rows(language: str) -> list[list[str]]:
    """
    The lines of all tables of the page, without their heads.
    """
    text = (ROOT / f"docs/{language}/project/status.md").read_text("utf-8")
    tables = re.findall(r"^\|[-|]+\|\n((?:\|.+\n)+)", text, re.MULTILINE)
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for table in tables
        for line in table.splitlines()
    ]


@pytest.fixture(scope="module")
def cited() -> dict[str, list[str]]:
    """
    Promise to the tests that cite it.
    """
    found: dict[str, list[str]] = runpy.run_path(str(ROOT / "scripts/contract-status"))[
        "citations"
    ]()
    return found


@pytest.mark.parametrize("language", ["en", "es"])
def test_what_is_listed_as_done_is_cited_by_tests_that_exist(
    language: str, cited: dict[str, list[str]]
) -> None:
    """
    000-39: the worker and asynchronous ingestion are among it.
    """
    parts = [row for row in rows(language) if len(row) == 4]
    assert all(any(row[0].startswith(one) for row in parts) for one in PARTS[language])
    for name, state, promises, test in parts:
        assert state == DONE[language], name
        ids = promises.split(", ")
        assert [one for one in ids if one not in cited] == [], name
        tests = {where.rpartition("::")[2] for one in ids for where in cited[one]}
        assert test.strip("`") in tests, name


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_report_names_the_tests_that_there_are(language: str) -> None:
    """
    000-39: each place has tests, and none of documents is left out.
    """
    named = {row[0].strip("`") for row in rows(language) if len(row) == 2}
    assert all((ROOT / one).exists() for one in named)
    there = {
        place.relative_to(ROOT).as_posix()
        for kind in ("unit", "integration", "e2e")
        for name in ("documents", "reading", "test_documents.py")
        if (place := ROOT / "tests" / kind / name).exists()
    }
    assert named == there


def test_both_languages_list_the_same() -> None:
    lists = [[row[2:] or row[:1] for row in rows(language)] for language in ("en", "es")]
    assert lists[0] == lists[1]
