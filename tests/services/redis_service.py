"""
A Redis server of one's own for each worker of the test run.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from free_port import free_port


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator["RedisServer"]:
    with_server = RedisServer(tmp_path_factory.mktemp("redis"))
    with_server.start()
    yield with_server
    with_server.stop()


@pytest.fixture
def redis_url(redis_server: "RedisServer") -> str:
    """
    An empty database of a server that is up.
    """
    redis_server.ensure()
    redis_server.cli("FLUSHALL")
    return redis_server.url


class RedisServer:
    """
    Can be stopped, killed and started again on the same port, as a test needs.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [
                *("redis-server", "--bind", "127.0.0.1", "--port", str(self.port)),
                *("--dir", str(self._directory), "--save", "", "--appendonly", "no"),
            ],
            stdout=subprocess.DEVNULL,
        )
        while self.cli("PING") != "PONG":
            if self._process.poll() is not None:
                raise RuntimeError(f"redis-server ended with {self._process.returncode}")

    def ensure(self) -> None:
        if self._process is None:
            self.start()

    def stop(self) -> None:
        """
        End it at once, with all that it holds.
        """
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def cli(self, *command: str) -> str:
        done = subprocess.run(
            ["redis-cli", "-p", str(self.port), *command],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip()
