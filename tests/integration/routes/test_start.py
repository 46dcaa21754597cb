"""
What a server that starts has to wait for.
"""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.timeout(90)

HEAVY = {"numpy", "scipy", "highspy", "openpyxl", "reportlab", "rapidfuzz", "httpx2", "PIL"}
PARTS = ("http", "http_files", "http_plans", "dialect", "tasks")


def test_a_server_starts_without_numbers_workbooks_or_pdf() -> None:
    modules = ", ".join(f"avance.apps.routes.{part}" for part in PARTS)
    program = f"import sys, {modules}; print(*sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=80, check=True
    )
    assert not HEAVY & set(told.stdout.split())
