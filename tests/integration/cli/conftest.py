"""
Real servers in processes of their own, and the command line against them.
"""

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
from click.testing import CliRunner, Result

from avance.cli import main

READY = "Ctrl-C stops it."
PATIENCE_S = 30.0 * float(os.environ.get("AVANCE_TEST_TIMEOUT_FACTOR", "1"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Starting programs takes seconds on a busy machine, and some tests start several.
    """
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(90))


class Server:
    def __init__(self, process: subprocess.Popen[bytes], url: str) -> None:
        self.process = process
        self.url = url

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """
        Ask it to stop and answer how it ended.
        """
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


def spawn(
    directory: Path, *arguments: str, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AVANCE_")}
    with (directory / "stderr.txt").open("ab") as errors:
        return subprocess.Popen(
            [sys.executable, "-c", "from avance.cli import main; main()", *arguments],
            cwd=directory,
            env={**clean, "PYTHONUNBUFFERED": "1", **(env or {})},
            stdout=subprocess.PIPE,
            stderr=errors,
        )


def read_until(process: subprocess.Popen[bytes], text: str) -> str:
    """
    What it prints, up to a text.
    """
    assert process.stdout is not None
    deadline_s = time.monotonic() + PATIENCE_S
    told = b""
    while text.encode() not in told:
        left_s = deadline_s - time.monotonic()
        readable, _, _ = select.select([process.stdout], [], [], max(left_s, 0))
        chunk = _read(process.stdout) if readable else b""
        if not chunk:
            process.kill()
            raise AssertionError(f"it printed {told!r} and ended with {process.wait()}")
        told += chunk
    return told.decode()


def _read(stream: IO[bytes]) -> bytes:
    return os.read(stream.fileno(), 65_536)


@contextmanager
def running(
    directory: Path, *arguments: str, env: Mapping[str, str] | None = None
) -> Iterator[Server]:
    process = spawn(directory, *arguments, env=env)
    try:
        told = read_until(process, READY)
        found = re.search(r"http://[^/\s]+", told)
        assert found is not None
        yield Server(process, found[0])
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture
def serve() -> Callable[..., object]:
    return running


@pytest.fixture
def start() -> Callable[..., subprocess.Popen[bytes]]:
    return spawn


@pytest.fixture
def told() -> Callable[[subprocess.Popen[bytes], str], str]:
    return read_until


@pytest.fixture
def avance() -> Callable[..., Result]:
    """
    Run a command in this process.
    """

    def run(*arguments: str, url: str | None = None, **env: str | None) -> Result:
        variables: dict[str, str | None] = {
            name: None for name in os.environ if name.startswith("AVANCE_")
        }
        if url is not None:
            variables["AVANCE_URL"] = url
        return CliRunner(env={**variables, **env}).invoke(main, arguments)

    return run


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """
    One `avance demo` for the tests of a file.
    """
    with running(tmp_path_factory.mktemp("demo"), "demo", "--port", "0") as server:
        yield server
