import os
import signal
import subprocess
import sys
from pathlib import Path

APPS = Path(__file__).parents[1] / "integration/celery"


class Worker:
    """
    A real `celery worker` with its children.
    """

    def __init__(
        self, redis_url: str, log: Path, *, queue: str = "celery", app: str = "chores"
    ) -> None:
        self._log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "celery", "-A", app, "worker"),
                    *("--concurrency", "2", "--loglevel", "INFO", "--without-mingle"),
                    *("--without-gossip", "-Q", queue, "-n", f"{queue}@%h"),
                ],
                cwd=APPS,
                env={**os.environ, "CHORES_REDIS": redis_url, "AVANCE_REPORTS_BEAT_S": "0.5"},
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        """
        SIGKILL to the main process and all of its children. What it said is shown beside a test that fails.
        """
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        print(self.log())

    def kill_main(self) -> None:
        """
        SIGKILL to the main process alone.
        """
        self._process.kill()
        self._process.wait()

    def stop_at_once(self) -> None:
        """
        SIGQUIT: its own way to end without waiting for its tasks.
        """
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()
