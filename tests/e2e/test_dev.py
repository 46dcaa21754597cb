"""
`make dev`: the console from its sources, with hot reload, in front of a server.
"""

import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from free_port import free_port

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0 * float(os.environ.get("AVANCE_TEST_TIMEOUT_FACTOR", "1"))
READY = (b"Ctrl-C stops it.", b"ready in")
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def page(tmp_path: Path, built_console: None) -> Iterator[str]:
    """
    The address of the page, while both run.
    """
    port, console_port = free_port(), free_port()
    process = subprocess.Popen(
        [ROOT / "scripts/dev"],
        env={
            **os.environ,
            "PORT": str(port),
            "CONSOLE_PORT": str(console_port),
            "DATA": str(tmp_path / "data"),
            "PYTHONUNBUFFERED": "1",
            "NO_COLOR": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        _wait_until_ready(process)
        yield f"http://127.0.0.1:{console_port}"
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        # Until the last of them has let go of it.
        told = process.stdout.read().decode()
        process.stdout.close()
        assert process.wait(PATIENCE_S) == 0, told


def test_the_console_runs_from_its_sources_with_the_api_and_sockets_behind_it(page, drive) -> None:
    told = drive("dev.mjs", page)
    assert told["title"] == "Ahora"
    assert told["home"] == f"{page}/console/"
    assert told["isFromSource"] == 1
    # The second is what brings the changes of a file.
    assert told["sockets"] == ["/connection/websocket", "/console/"]
    assert told["foreign"] == []
    assert told["errors"] == []


def _wait_until_ready(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdout is not None
    told = b""
    deadline_s = time.monotonic() + PATIENCE_S
    while not all(words in told for words in READY):
        left_s = max(deadline_s - time.monotonic(), 0)
        readable, _, _ = select.select([process.stdout], [], [], left_s)
        chunk = os.read(process.stdout.fileno(), 65_536) if readable else b""
        assert chunk, f"it printed {told.decode()} and was not ready"
        told += chunk
