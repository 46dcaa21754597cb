"""
A server as a process of its own, pinned to a core, with its CPU time and memory read from /proc.
"""

import contextlib
import ctypes
import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.harness.places import LOGS

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORES = {CORES[0]}
LOAD_CORES = {CORES[-1]}
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0
POLL_S = 0.02


_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


class DidNotStart(Exception):
    """
    A server ended, or did not listen, before the benchmark could begin.
    """


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def raise_file_limit() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def end_with_parent() -> None:
    """
    For a child before it runs: no server and no generator stays behind when a run is killed.
    """
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def file_limit() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def _family(root: int) -> Iterator[int]:
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (stat := _stat(int(entry))):
            children.setdefault(int(stat[1]), []).append(int(entry))
    pending = [root]
    while pending:
        pid = pending.pop()
        yield pid
        pending.extend(children.get(pid, []))


def _resident_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)


class Process:
    """
    One server with its children: some of them, as avance's pool of workers, do their work in those.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        cores: set[int] | None = None,
    ) -> None:
        self.name = name
        self._command = list(command)
        self._environment = {**os.environ, **(environment or {})}
        self._directory = directory
        self._cores = SERVER_CORES if cores is None else cores
        self.log = LOGS / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise DidNotStart(f"{self.name} was not started")
        return self._process.pid

    def start(self, ports: Sequence[int]) -> None:
        LOGS.mkdir(parents=True, exist_ok=True)

        def prepare() -> None:
            os.sched_setaffinity(0, self._cores)
            raise_file_limit()
            end_with_parent()

        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                cwd=self._directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=prepare,
            )
        try:
            for port in ports:
                self._await_listening(port)
        except BaseException:
            self.stop()
            raise

    def _await_listening(self, port: int) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
                return
            if self._process is not None and self._process.poll() is not None:
                raise DidNotStart(
                    f"{self.name} ended with {self._process.returncode}: {self.tail()}"
                )
            time.sleep(POLL_S)
        raise DidNotStart(
            f"{self.name} did not listen within {START_TIMEOUT_S:.0f} s: {self.tail()}"
        )

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-1500:] if self.log.exists() else ""

    def cpu_s(self) -> float:
        """
        User and system time of the process and its living children.
        """
        stats = [stat for pid in _family(self.pid) if (stat := _stat(pid))]
        return sum(int(stat[11]) + int(stat[12]) for stat in stats) / TICKS_PER_S

    def memory_kib(self, *, with_children: bool = False) -> int:
        """
        Resident memory of the process that serves; the kernel's socket buffers are not in it.
        """
        pids = _family(self.pid) if with_children else (self.pid,)
        return sum(_resident_kib(pid) for pid in pids)

    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        if self._process is None:
            return
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait(STOP_TIMEOUT_S)
        # Workers outlive a server that died; they are in its session.
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
