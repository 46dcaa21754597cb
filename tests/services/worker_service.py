"""
A real `avance worker`, started and killed as a test needs.
"""

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from node_service import AVANCE, WAIT_S

READY = "avance works for"


class WorkerProcess:
    """
    Runs tasks for the servers of its store.
    """

    def __init__(self, app: str, directory: Path, log: Path, env: Mapping[str, str]) -> None:
        self._command = [str(AVANCE), "worker", app]
        self._directory = directory
        self._log = log
        self._env = {**os.environ, **env}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """
        Returns when it works.
        """
        begun = self.log().count(READY)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._directory,
                env=self._env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end_s = time.monotonic() + WAIT_S
        while self.log().count(READY) == begun:
            if self._process.poll() is not None:
                raise AssertionError(f"it ended with {self._process.returncode}:\n{self.log()}")
            assert time.monotonic() < end_s, self.log()
            time.sleep(0.02)

    def kill(self) -> None:
        """
        SIGKILL to it alone; its children have to notice.
        """
        if self._process is not None:
            self._process.kill()
            self._process.wait(WAIT_S)

    def end(self) -> None:
        """
        SIGKILL to all of it.
        """
        if self._process is not None:
            # It may have been killed before, and its children have followed.
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(WAIT_S)

    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""
