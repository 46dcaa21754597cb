"""
The console in a real browser against a real server.
"""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PATIENCE_S = 120.0 * float(os.environ.get("AVANCE_TEST_TIMEOUT_FACTOR", "1"))
CHROMIUM = Path(os.environ.get("AVANCE_CHROMIUM", "/usr/bin/chromium"))
SERVE = "from avance.cli import main; main()"


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    assert CHROMIUM.exists(), f"{CHROMIUM} is missing: apt-get install chromium"
    subprocess.run([ROOT / "scripts" / "console"], check=True, timeout=PATIENCE_S)


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    arguments = ["demo", "--port", "0", "--data", str(tmp_path / "data")]
    with (tmp_path / "stderr.txt").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, *arguments],
            cwd=tmp_path,
            env={**_clean_environment(), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    try:
        yield _url_of(process)
    finally:
        process.terminate()
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


def _clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("AVANCE_")}


def _url_of(process: "subprocess.Popen[bytes]") -> str:
    assert process.stdout is not None
    told = b""
    deadline_s = time.monotonic() + PATIENCE_S
    while b"Ctrl-C stops it." not in told:
        left_s = max(deadline_s - time.monotonic(), 0)
        readable, _, _ = select.select([process.stdout], [], [], left_s)
        chunk = os.read(process.stdout.fileno(), 65_536) if readable else b""
        assert chunk, f"it printed {told!r} and was not ready"
        told += chunk
    line = next(one for one in told.decode().splitlines() if "console" in one)
    return line.split()[1].removesuffix("/console/")


@pytest.mark.timeout(180)
def test_a_job_is_submitted_watched_and_still_there_after_a_reload(
    url: str, tmp_path: Path
) -> None:
    pictures = Path(os.environ.get("AVANCE_SCREENSHOTS", tmp_path))
    run = subprocess.run(
        ["node", str(HERE / "console.mjs"), url, str(pictures)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    told = json.loads(run.stdout)
    assert told["home"] == f"{url}/console/jobs"
    assert told["problem"] == "Escribe un número entero"
    first, last = told["percents"]
    assert 0 < first < 100
    assert last == 100
    assert told["result"] == {"name": "report.pdf", "pages": 30, "chunks": 90}
    assert told["title"] == "report.pdf – avance"
    assert told["language"] == "en"
    assert told["overflow"] == 0
    assert told["foreign"] == []
    assert told["errors"] == []
