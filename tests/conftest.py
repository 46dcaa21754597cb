import asyncio
import functools
import inspect
import os
from collections.abc import Awaitable, Callable, Generator, Iterator
from typing import Any

import httpcore2
import pytest
from blockbuster import blockbuster_ctx
from hypothesis import HealthCheck, settings

pytest_plugins = ["redis_service", "postgres_service"]

# A loaded or slow machine (a shared runner, an emulated CPU) needs more patience everywhere, in one place.
TIMEOUT_FACTOR = float(os.environ.get("AVANCE_TEST_TIMEOUT_FACTOR", "1"))

# How fast a machine makes and runs examples says nothing about what is tested.
settings.register_profile(
    "avance", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("avance")

# Each client would read all certificates of the machine for itself: more work than many a test, and hardly one of them speaks TLS.
httpcore2.default_ssl_context = functools.cache(httpcore2.default_ssl_context)

# Read by the type checkers only.
collect_ignore = ["typing"]


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """
    Each worker begins to collect elsewhere, so that in a fresh checkout it compiles what the others then find compiled.
    """
    report = yield
    if isinstance(collector, pytest.Directory) and report.result:
        start = int(len(report.result) * _share())
        report.result = [*report.result[start:], *report.result[:start]]
    return report


def _share() -> float:
    """
    Of the whole run, what is before this worker's part.
    """
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return number / int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:
        # All workers have to name the same tests in the same order.
        items.sort(key=lambda item: item.path.parts)
    default_s = float(config.getini("timeout"))
    for item in items:
        marker = item.get_closest_marker("timeout")
        own_s = float(marker.args[0]) if marker and marker.args else default_s
        limit_s = own_s * TIMEOUT_FACTOR
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
            item.obj = _bounded(item.obj, limit_s)
            # For its fixtures.
            limit_s += default_s
        item.add_marker(pytest.mark.timeout(limit_s), append=False)


def _bounded(test: Callable[..., Awaitable[None]], limit_s: float) -> Callable[..., Any]:
    """
    A signal that ends an async test from outside leaves its task in the loop, where the clean-up then waits for it for ever.
    """

    @functools.wraps(test)
    async def run(*args: Any, **kwargs: Any) -> None:
        async with asyncio.timeout(limit_s):
            await test(*args, **kwargs)

    return run


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def patience() -> Callable[[float], float]:
    """
    Scale a limit on waiting: `with anyio.fail_after(patience(5))`.
    """
    return lambda seconds: seconds * TIMEOUT_FACTOR


@pytest.fixture(autouse=True)
def no_blocking_calls(request: pytest.FixtureRequest) -> Iterator[None]:
    """
    Fail an async test in which code of avance blocks the event loop: one such call delays every client at once.
    """
    function = getattr(request, "function", None)
    if function is None or not inspect.iscoroutinefunction(inspect.unwrap(function)):
        yield
        return
    with blockbuster_ctx("avance"):
        yield
