"""
A real server, and a script of Playwright that drives a real browser against it.
"""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PATIENCE_S = 120.0 * float(os.environ.get("AVANCE_TEST_TIMEOUT_FACTOR", "1"))
CHROMIUM = Path(os.environ.get("AVANCE_CHROMIUM", "/usr/bin/chromium"))
SERVE = "from avance.cli import main; main()"


class Server:
    """
    `avance …` as a process of its own, which a test may stop and start again at the same place.
    """

    def __init__(self, folder: Path, arguments: list[str], environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._arguments = arguments
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self, port: int = 0) -> str:
        arguments = [
            *self._arguments,
            "--port",
            str(port),
            "--data",
            str(self._folder / "data"),
        ]
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith("AVANCE_")
        }
        with (self._folder / "stderr.txt").open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-c", SERVE, *arguments],
                cwd=self._folder,
                env={**clean, "PYTHONUNBUFFERED": "1", **self._environment},
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        self.url = _url_of(self._process, self._folder / "stderr.txt")
        return self.url

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


def _url_of(process: "subprocess.Popen[bytes]", errors: Path) -> str:
    assert process.stdout is not None
    told = b""
    deadline_s = time.monotonic() + PATIENCE_S
    while b"Ctrl-C stops it." not in told:
        left_s = max(deadline_s - time.monotonic(), 0)
        readable, _, _ = select.select([process.stdout], [], [], left_s)
        chunk = os.read(process.stdout.fileno(), 65_536) if readable else b""
        assert chunk, f"it printed {told!r} and was not ready: {errors.read_text()[-2_000:]}"
        told += chunk
    line = next(one for one in told.decode().splitlines() if "console" in one)
    return line.split()[1].removesuffix("/console/")


@pytest.fixture(scope="session")
def built_console() -> None:
    """
    The console as the package has it.
    """
    assert CHROMIUM.exists(), f"{CHROMIUM} is missing: apt-get install chromium"
    subprocess.run([ROOT / "scripts" / "console"], check=True, timeout=PATIENCE_S)


Serve = Callable[..., Server]


@pytest.fixture
def serve(built_console: None, tmp_path: Path) -> Iterator[Serve]:
    """
    Start `avance <arguments>`; it is stopped after the test.
    """
    with ExitStack() as stack:

        def start(*arguments: str, environment: Mapping[str, str] | None = None) -> Server:
            return stack.enter_context(_running(tmp_path, list(arguments), environment or {}))

        yield start


@contextmanager
def _running(
    folder: Path, arguments: list[str], environment: Mapping[str, str]
) -> Iterator[Server]:
    server = Server(folder, arguments, environment)
    try:
        server.start()
        yield server
    finally:
        server.stop()


Drive = Callable[..., dict[str, Any]]
Answers = Mapping[str, Callable[[], object]]


@pytest.fixture
def drive(tmp_path: Path) -> Drive:
    """
    Run a script of tests/e2e with a URL, a folder for pictures and what else it takes. It prints one JSON line at its end; where it
    prints `ask <what>`, the answer of that name is called before it goes on.
    """

    def run(script: str, url: str, *more: str, answers: Answers | None = None) -> dict[str, Any]:
        pictures = os.environ.get("AVANCE_SCREENSHOTS", str(tmp_path))
        with (tmp_path / "script.txt").open("w+") as errors:
            process = subprocess.Popen(
                ["node", str(HERE / script), url, pictures, *more],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
            try:
                last = _talk(process, answers or {})
                code = process.wait(PATIENCE_S)
            finally:
                process.kill()
                process.communicate()
            errors.seek(0)
            assert code == 0, last + errors.read()
        told: dict[str, Any] = json.loads(last)
        return told

    return run


def _talk(process: "subprocess.Popen[str]", answers: Answers) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    last = ""
    for line in process.stdout:
        if line.startswith("ask "):
            answers[line.removeprefix("ask ").strip()]()
            process.stdin.write("done\n")
            process.stdin.flush()
        else:
            last = line
    return last
