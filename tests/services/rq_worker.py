import os
import signal
import subprocess
import sys
from pathlib import Path

APPS = Path(__file__).parents[1] / "integration/rq"


class RqWorker:
    """
    A real `rq worker`, with the one flag that its users add.
    """

    def __init__(
        self, redis_url: str, log: Path, *, kind: str = "Worker", queue: str = "default"
    ) -> None:
        self._log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "rq.cli", "worker", "--url", redis_url),
                    *("--path", str(APPS), "-w", f"avance.rq.{kind}"),
                    *("--with-scheduler", queue),
                ],
                cwd=APPS,
                env={
                    **{
                        name: value
                        for name, value in os.environ.items()
                        if name not in ("AVANCE_BUS", "REDIS_URL")
                    },
                    "AVANCE_REPORTS_BEAT_S": "0.5",
                    "AVANCE_REPORTS_GRACE_S": "1.5",
                    "AVANCE_REPORTS_ASK_INTERVAL_S": "0.1",
                },
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def kill_parent(self) -> None:
        """
        SIGKILL to the parent alone; a work horse lives on.
        """
        self._process.kill()
        self._process.wait()

    def kill(self) -> None:
        """
        SIGKILL to all of it. What it said is shown beside a test that fails.
        """
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        print(self.log())
