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
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from archive_service import Archives, archive, serving

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


RunServer = Callable[..., AbstractContextManager[Server]]


@pytest.fixture(scope="session")
def run_server(built_console: None, tmp_path_factory: pytest.TempPathFactory) -> RunServer:
    """
    `with run_server(<arguments of avance>) as server:`, for as long as it is wanted.
    """

    @contextmanager
    def run(*arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Server]:
        server = Server(tmp_path_factory.mktemp("server"), [*arguments], environment or {})
        try:
            server.start()
            yield server
        finally:
            server.stop()

    return run


Serve = Callable[..., Server]


@pytest.fixture
def serve(run_server: RunServer) -> Iterator[Serve]:
    """
    Start `avance <arguments>`; it is stopped after the test.
    """
    with ExitStack() as stack:

        def start(*arguments: str, environment: Mapping[str, str] | None = None) -> Server:
            return stack.enter_context(run_server(*arguments, environment=environment))

        yield start


@pytest.fixture(scope="session")
def github() -> Iterator[Archives]:
    """
    Has one repository, with two files that are read and one that is not.
    """
    files = {
        "README.md": b"# Pueblo\n\nEl ayuntamiento abre los jueves.\n",
        "docs/fiestas.md": b"# Fiestas\n\nEmpiezan el 15 de agosto.\n",
        "src/main.py": b"print(1)\n",
    }
    with serving() as server:
        server.kept["/pueblo/actas/zip/HEAD"] = archive(files)
        yield server


@pytest.fixture(scope="session")
def systems(run_server: RunServer, github: Archives) -> Iterator[Server]:
    """
    One server for the areas of all systems, which do not meet in it: each test brings what its area shows, and finds it empty before.
    """
    environment = {"AVANCE_DRAIN_S": "1", "AVANCE_DOCUMENTS_GITHUB_URL": github.url}
    with run_server("serve", "avance.cli.demo_tasks:app", environment=environment) as server:
        yield server


Drive = Callable[..., dict[str, Any]]
Answers = Mapping[str, Callable[[], object]]


class Driver:
    """
    One process with one Chromium, which runs one script of this folder after the other. Started when it is needed, and anew after a script
    that did not come to its end.
    """

    def __init__(self, folder: Path) -> None:
        self._errors = folder / "driver.txt"
        self._process: subprocess.Popen[str] | None = None

    def run(self, request: Mapping[str, object], answers: Answers) -> dict[str, Any]:
        process = self._running()
        has_ended = False
        try:
            self._say(process, json.dumps(request))
            for line in self._lines(process):
                if not line.startswith("ask "):
                    has_ended = True
                    said: dict[str, Any] = json.loads(line)
                    return said
                answers[line.removeprefix("ask ").strip()]()
                self._say(process, "done")
        finally:
            if not has_ended:
                self.stop()
        raise AssertionError(f"the driver ended: {self._errors.read_text()[-2_000:]}")

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        process.communicate(timeout=PATIENCE_S)

    def _running(self) -> "subprocess.Popen[str]":
        if self._process is None:
            with self._errors.open("a") as errors:
                self._process = subprocess.Popen(
                    ["node", str(HERE / "driver.mjs")],
                    cwd=ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                )
        return self._process

    @staticmethod
    def _lines(process: "subprocess.Popen[str]") -> Iterator[str]:
        assert process.stdout is not None
        yield from iter(process.stdout.readline, "")

    @staticmethod
    def _say(process: "subprocess.Popen[str]", line: str) -> None:
        assert process.stdin is not None
        process.stdin.write(f"{line}\n")
        process.stdin.flush()


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    driver = Driver(tmp_path_factory.mktemp("driver"))
    yield driver
    driver.stop()


@pytest.fixture
def drive(driver: Driver, tmp_path: Path) -> Drive:
    """
    Run a script of tests/e2e with a URL, a folder for pictures and what else it takes, and give what it told. Where it asks for something,
    the answer of that name is called before it goes on.
    """

    def run(script: str, url: str, *more: str, answers: Answers | None = None) -> dict[str, Any]:
        folder = os.environ.get("AVANCE_SCREENSHOTS", str(tmp_path))
        request = {"script": f"./{script}", "url": url, "folder": folder, "more": more}
        said = driver.run(request, answers or {})
        assert "failure" not in said, f"{said['failure']}\n{said['told']}"
        told: dict[str, Any] = said["told"]
        return told

    return run
