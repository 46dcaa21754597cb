"""
The engine inside one process, without a server: run as a child, so that it starts fresh; prints one line of JSON.

usage: python -m benchmarks.embedded jobs|process_jobs|round_trip|process_round_trip|events|single_events|poured DATA COUNT AT_ONCE
"""

import asyncio
import json
import resource
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop

from avance.config import read_settings
from benchmarks.app import app, nothing, nothing_in_a_process, pour
from benchmarks.harness.places import BENCHMARKS

Step = Callable[[], Awaitable[Any]]
STORED = "stored:bench"
EVENT = {
    "type": "row",
    "job_id": "01JD0000000000000000000000",
    "text": "a row of the document " * 6,
}
WARM_UP = 50


async def _repeat(step: Step, count: int, at_once: int) -> list[float]:
    """
    So many steps, so many of them at once; how long each took, in ms.
    """
    left = iter(range(count))
    took_ms: list[float] = []

    async def work() -> None:
        for _ in left:
            began_s = time.perf_counter()
            await step()
            took_ms.append((time.perf_counter() - began_s) * 1e3)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(work())
    return took_ms


async def _run_nothing() -> None:
    handle = await nothing.submit()
    await handle.wait(timeout_s=60)


async def _run_nothing_in_a_process() -> None:
    handle = await nothing_in_a_process.submit()
    await handle.wait(timeout_s=60)


async def _publish() -> None:
    await app.publish(STORED, EVENT)


async def _pour(count: int) -> None:
    handle = await pour.submit(count)
    await handle.wait(timeout_s=120)


STEPS: dict[str, Step] = {
    "jobs": _run_nothing,
    "process_jobs": _run_nothing_in_a_process,
    "round_trip": _run_nothing,
    "process_round_trip": _run_nothing_in_a_process,
    "events": _publish,
    "single_events": _publish,
}


def _cpu_s() -> float:
    spent = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in spent)


async def measure(what: str, count: int, at_once: int) -> dict[str, Any]:
    async with app.open():
        if what == "poured":
            await _pour(WARM_UP)
            began_s, cpu_s = time.perf_counter(), _cpu_s()
            await _pour(count)
            took_ms = [(time.perf_counter() - began_s) * 1e3]
        else:
            await _repeat(STEPS[what], WARM_UP, min(at_once, WARM_UP))
            began_s, cpu_s = time.perf_counter(), _cpu_s()
            took_ms = await _repeat(STEPS[what], count, at_once)
        seconds, cpu_s = time.perf_counter() - began_s, _cpu_s() - cpu_s
    ordered = sorted(took_ms)
    return {
        "what": what,
        "count": count,
        "at_once": at_once,
        "seconds": seconds,
        "per_s": count / seconds,
        "cpu_s": cpu_s,
        "per_cpu_s": count / cpu_s,
        "p50_ms": statistics.median(ordered),
        "p99_ms": ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))],
    }


def main() -> None:
    what, data, count, at_once = sys.argv[1:5]
    Path(data).mkdir(parents=True, exist_ok=True)
    app.configure(read_settings(BENCHMARKS / "avance.toml", overrides={"data": data}))
    # As `avance serve` runs.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(measure(what, int(count), int(at_once)))))


if __name__ == "__main__":
    main()
