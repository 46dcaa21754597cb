"""
A PostgreSQL server of one's own for each worker of the test run, and an empty database for each test that asks.
"""

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from free_port import free_port

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator["PostgresServer"]:
    # Not below pytest's directory, which the user that runs the server may not enter.
    directory = Path(tempfile.mkdtemp(prefix="avance-postgres-"))
    server = PostgresServer(directory)
    server.create()
    server.start()
    yield server
    server.stop("immediate")
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: "PostgresServer") -> str:
    postgres_server.ensure()
    name = f"test_{next(_numbers)}"
    postgres_server.sql(f"CREATE DATABASE {name}")
    return f"postgresql://postgres@127.0.0.1:{postgres_server.port}/{name}"


class PostgresServer:
    """
    Can be stopped, killed and started again on the same port, as a test needs.
    """

    def __init__(self, directory: Path) -> None:
        self._data = directory / "data"
        self._log = directory / "log"
        self._binaries = max(Path("/usr/lib/postgresql").glob("*/bin"), key=_version)
        self.port = free_port()
        self._is_up = False
        if os.geteuid() == 0:
            os.chown(directory, pwd.getpwnam("postgres").pw_uid, -1)

    def create(self) -> None:
        self._run("initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "-E", "UTF8")
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.write(
                f"port = {self.port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\n"
                "max_connections = 200\n"
            )

    def start(self) -> None:
        self._run("pg_ctl", "-D", str(self._data), "-l", str(self._log), "-w", "start")
        self._is_up = True

    def ensure(self) -> None:
        if not self._is_up:
            self.start()

    def stop(self, mode: str = "fast") -> None:
        """
        `immediate` is as if the power failed.
        """
        if self._is_up:
            self._run("pg_ctl", "-D", str(self._data), "-w", "-m", mode, "stop")
            self._is_up = False

    def sql(self, statement: str, database: str = "postgres") -> str:
        target = f"postgresql://postgres@127.0.0.1:{self.port}/{database}"
        done = subprocess.run(
            ["psql", "-qtA", "-v", "ON_ERROR_STOP=1", target, "-c", statement],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def _run(self, program: str, *arguments: str) -> None:
        # PostgreSQL refuses to run as root.
        other = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        command = [str(self._binaries / program), *arguments]
        subprocess.run(
            [*(other if os.geteuid() == 0 else ()), *command],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
        )


def _version(binaries: Path) -> float:
    return float(binaries.parent.name)
