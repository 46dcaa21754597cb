"""
A real `avance serve`, started, stopped and killed as a test needs.
"""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from free_port import free_port

AVANCE = Path(sys.executable).with_name("avance")
WAIT_S = 60.0


class Node:
    """
    One serving process. It keeps its port over a restart.
    """

    def __init__(
        self,
        app: str,
        directory: Path,
        data: Path,
        *options: str,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """
        Args:
            app: `module:app`, importable from the directory; empty serves what is installed.
        """
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data = data
        self._directory = directory
        self._log = data.parent / f"{data.name}-{self.port}.log"
        self._command: Sequence[str] = [
            *(str(AVANCE), "serve", app, "--port", str(self.port), "--data", str(data)),
            *options,
        ]
        self._env = {
            **os.environ,
            "AVANCE_PROCESSES": "1",
            # With an app of the test's own the systems are not asked for, and it starts sooner.
            "AVANCE_APPS": "none" if app else "all",
            **(env or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._directory,
                env=self._env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        while not self._is_ready():
            if self._process.poll() is not None:
                raise AssertionError(f"it ended with {self._process.returncode}:\n{self.log()}")
            # It needs the processor more than who waits for it.
            time.sleep(0.02)

    def stop(self) -> None:
        """
        SIGTERM, and wait for the end.
        """
        if self._process is not None:
            self._process.terminate()
            self._process.wait(WAIT_S)
            self._process = None

    def kill(self) -> None:
        """
        SIGKILL to it alone.
        """
        if self._process is not None:
            self._process.kill()
            self._process.wait(WAIT_S)
            self._process = None

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/ready", timeout=1):
                return True
        except (urllib.error.URLError, OSError):
            return False
