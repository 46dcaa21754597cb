"""
Two users in two real browsers against a real server: docs/contract/notices.md.
"""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
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

    def __init__(self, folder: Path, **environment: str) -> None:
        self._folder = folder
        self._environment = environment
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
                    **self._environment,
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
    for unsafe in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "Function(",
    ):
        assert unsafe not in text, "what a sender wrote never becomes markup or code"


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
    assert (told["listed_elsewhere"], told["toasts_elsewhere"]) == (5, 0)
    assert (told["crafted"], told["made"], told["pwned"]) == (True, 0, None)
    assert told["toasts_behind"] == 0
    assert told["left_open"] is False
    assert (told["errors"], told["violations"]) == ([], [])


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path, AVANCE_AUTH="token", AVANCE_API_KEYS=f"{KEY}=ana")
    server.start()
    yield server
    server.stop()


KEY = "key-of-ana-0123456789"


@pytest.mark.timeout(120)
def test_a_page_in_token_mode_fetches_a_token_before_each_connection(guarded: Server) -> None:
    """
    002-02, 002-21, 002-T6: tokens end soon, pages stay open; the token is in no address.
    """
    url = f"http://127.0.0.1:{guarded.port}"
    request = urllib.request.Request(
        f"{url}/v1/inbox",
        data=b'{"user":"ana","title":"Stock bajo"}',
        headers={"X-API-Key": KEY, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        assert answer.status == 200
    run = subprocess.run(
        ["node", str(HERE / "notices_token.mjs"), url, KEY],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == {
        "errors": [],
        "first": "Stock bajo",
        "is_asked_again": True,
        "url": f"ws://127.0.0.1:{guarded.port}/ws/notifications?user_id=ana",
    }
