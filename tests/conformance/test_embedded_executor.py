import os
import signal
from contextlib import suppress

import pytest

from avance.backends.embedded import EmbeddedExecutor
from avance.testing.conformance.executor import ExecutorConformance
from avance.testing.conformance.executor_tasks import performer


class TestEmbeddedExecutor(ExecutorConformance):
    runners = ("process", "thread", "async")
    killable = ("process",)

    def make(self, runner: str) -> EmbeddedExecutor:
        return EmbeddedExecutor(
            performer=performer(),
            child_target="executor_child:performer",
            processes=self.places if runner == "process" else 0,
            threads=self.places,
            async_max=self.places,
        )

    def kill(self, executor: EmbeddedExecutor, job_id: str | None) -> None:
        infos = executor.workers()
        for info in infos:
            if job_id is None or info["job_id"] == job_id:
                # One that was killed before is listed until the loop has heard of its end.
                with suppress(ProcessLookupError):
                    os.kill(info["pid"], signal.SIGKILL)
                    return


class TestEmbeddedExecutorOnUvloop(TestEmbeddedExecutor):
    """The loop of `avance serve`."""

    @pytest.fixture
    def anyio_backend(self) -> tuple[str, dict[str, bool]]:
        return "asyncio", {"use_uvloop": True}
