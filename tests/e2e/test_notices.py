"""
Two users in two real browsers against a real server: docs/contract/notices.md.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PATIENCE_S = 90.0 * float(os.environ.get("AVANCE_TEST_TIMEOUT_FACTOR", "1"))
SERVE = "from avance.cli import main; main()"
SCRIPT = ROOT / "src/avance/apps/retail/static/websocket-notifications.js"


class Server:
    """
    `avance serve` on one port, stopped and started again as a test asks.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def start(self) -> None:
        arguments = ["serve", "--port", str(self.port), "--data", str(self._folder / "data")]
        log = (self._folder / "log.txt").open("ab")
        with log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", SERVE, *arguments],
                cwd=self._folder,
                env={
                    **{k: v for k, v in os.environ.items() if not k.startswith("AVANCE_")},
                    "PYTHONUNBUFFERED": "1",
                },
                stdout=log,
                stderr=log,
            )
        before = self._told().count("://127.0.0.1:") if self.port else 0
        deadline_s = time.monotonic() + PATIENCE_S
        while not self.port or self._told().count("://127.0.0.1:") <= before:
            assert time.monotonic() < deadline_s, self._told()
            assert self._process.poll() is None, self._told()
            found = re.search(r"://127\.0\.0\.1:(\d+)", self._told())
            self.port = int(found[1]) if found else 0
            if found and not before:
                return
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def _told(self) -> str:
        return (self._folder / "log.txt").read_text("utf-8", "replace")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    server.start()
    yield server
    server.stop()


def test_the_shipped_script_parses_without_a_bundler() -> None:
    """
    002-T11, 002-24: what is served is what is tested; it is a plain script.
    """
    subprocess.run(["node", "--check", SCRIPT], check=True, timeout=PATIENCE_S)
    text = SCRIPT.read_text("utf-8")
    assert "import " not in text.split("*/", 1)[1].split("\n", 1)[0]
    assert "innerHTML = `<style>" in text
    assert text.count("innerHTML") == 1, "what a sender wrote never becomes markup"


@pytest.mark.timeout(180)
def test_two_users_in_two_browsers_offline_and_back(server: Server) -> None:
    """
    002-21, 002-22, 002-23, 002-25, 002-26, 002-27, 002-28, 002-29, 002-46, 002-T1, 002-T2, 002-T11, 002-T12, 002-T13, 002-T17.
    """
    run = subprocess.Popen(
        ["node", str(HERE / "notices.mjs"), f"http://127.0.0.1:{server.port}"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert run.stdin is not None
    assert run.stdout is not None
    assert run.stderr is not None
    last = ""
    with run:
        for line in run.stdout:
            last = line
            if line.strip() in ("stop", "start"):
                server.stop() if line.strip() == "stop" else server.start()
                run.stdin.write("done\n")
                run.stdin.flush()
        errors = run.stderr.read()
    assert run.returncode == 0, errors
    told = json.loads(last)
    assert set(told["sockets"]) == {"/ws/notifications"}
    assert "Stock bajo" in told["toast"]
    assert "Producto A stock es bajo" in told["toast"]
    assert told["colour"] == "rgb(239, 68, 68)"
    assert (told["foreign"], told["toasts_of_two"]) == (0, 1)
    assert told["counter"] == "5"
    assert told["toasts_of_the_second_tab"] == 0
    assert told["stored"] == {"count": "4", "newest": 5}
    assert told["undefined"] is False
    assert told["grey"] == "grayscale(1)"
    assert told["attempts"] >= 30
    assert told["safe"] == "wss://shop.example/ws/notifications?user_id=1"
    assert "Back again" in told["component"]
    assert told["errors"] == []
