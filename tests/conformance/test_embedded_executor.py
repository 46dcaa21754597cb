import pytest

from avance.backends.embedded import EmbeddedExecutor
from avance.testing.conformance.executor import ExecutorConformance
from avance.testing.conformance.executor_tasks import performer


class TestEmbeddedExecutor(ExecutorConformance):
    runners = ("process", "thread", "async")

    def make(self, runner: str) -> EmbeddedExecutor:
        return EmbeddedExecutor(
            performer=performer(),
            child_target="avance.testing.conformance.executor_tasks:performer",
            processes=self.places if runner == "process" else 0,
            threads=self.places,
            async_max=self.places,
        )


class TestEmbeddedExecutorOnUvloop(TestEmbeddedExecutor):
    """The loop of `avance serve`."""

    @pytest.fixture
    def anyio_backend(self) -> tuple[str, dict[str, bool]]:
        return "asyncio", {"use_uvloop": True}
