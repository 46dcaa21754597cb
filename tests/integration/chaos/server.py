"""
A real `avance serve`, started, killed and started again on one data directory.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import anyio
import httpx2 as httpx
from free_port import free_port

HERE = Path(__file__).parent
AVANCE = Path(sys.executable).parent / "avance"


class Server:
    def __init__(self, data: Path, *, env: Mapping[str, str] | None = None) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.socket_url = f"ws://127.0.0.1:{self.port}"
        self._log = data.parent / f"{data.name}.log"
        self._command = [
            str(AVANCE),
            "serve",
            "work:app",
            "--port",
            str(self.port),
            "--data",
            str(data),
        ]
        self._env = {
            **os.environ,
            "AVANCE_PROCESSES": "2",
            # It starts often, and the systems are tested elsewhere.
            "AVANCE_APPS": "none",
            **(env or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - it is killed and waited for outside the loop
                self._command,
                cwd=HERE,
                env=self._env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        async with httpx.AsyncClient(base_url=self.url, timeout=60) as client:
            with anyio.fail_after(60):
                while not await self._is_ready(client):  # noqa: ASYNC110 - another process has no event to wait for
                    # It needs the processor more than who waits for it.
                    await anyio.sleep(0.03)

    def kill(self) -> None:
        """
        SIGKILL to the server alone; its workers have to notice by themselves.
        """
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """
        SIGTERM, and the exit code.
        """
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(timeout=30)

    def workers(self) -> list[int]:
        """
        The processes below the server, whatever they are.
        """
        entries = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return [int(entry.name) for entry in entries if _parent(entry) == self.pid]

    def kill_a_worker(self, choice: float) -> None:
        workers = sorted(self.workers())
        if workers:
            _kill(workers[int(choice * len(workers))])

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    async def _is_ready(self, client: httpx.AsyncClient) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(
                f"the server ended with {self._process.returncode}:\n{self.log()[-4000:]}"
            )
        try:
            return (await client.get("/ready")).status_code == 200
        except httpx.TransportError:
            return False


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        # It ended by itself in the same moment.
        return


def _parent(entry: Path) -> int | None:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None
