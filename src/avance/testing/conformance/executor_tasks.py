"""
The program that the executor suite runs: `performer` is the target to give to an executor that imports it elsewhere.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from avance.errors import AvanceError, Cancelled
from avance.jobs.context import Job
from avance.jobs.perform import Performer
from avance.jobs.task import Runner, Task, TaskOptions

STEP_S = 0.005


def add(a: int, b: int) -> int:
    return a + b


def tell(count: int, job: Job) -> int:
    with job.phase("counting"):
        for number in job.track(range(count), unit="piece"):
            job.log(f"piece {number}")
    job.emit("words", {"text": "á"})
    job.save([1, 2])
    job.meta["counted"] = count
    return count


def fail(message: str) -> None:
    raise AvanceError(message, code="planned_failure")


def hold(job: Job) -> str:
    """
    Say that it runs, then go on until it is asked to stop.
    """
    job.log("holding")
    while not job.cancelled:
        time.sleep(STEP_S)
    job.log("told to stop")
    raise Cancelled


def pause(seconds: float, job: Job) -> str:
    job.log("holding")
    time.sleep(seconds)
    return "slept"


def large(size: int) -> str:
    return "x" * size


def spawn(job: Job) -> str:
    try:
        return job.spawn("add", 1, 2)
    except AvanceError as error:
        return f"refused {type(error).__name__} {error.code}"


async def add_async(a: int, b: int) -> int:
    return a + b


async def tell_async(count: int, job: Job) -> int:
    return tell(count, job)


async def fail_async(message: str) -> None:
    fail(message)


async def hold_async(job: Job) -> None:
    job.log("holding")
    await asyncio.Event().wait()


async def pause_async(seconds: float, job: Job) -> str:
    job.log("holding")
    await asyncio.sleep(seconds)
    return "slept"


async def large_async(size: int) -> str:
    return large(size)


async def spawn_async(job: Job) -> str:
    try:
        return await job.aspawn("add", 1, 2)
    except AvanceError as error:
        return f"refused {type(error).__name__} {error.code}"


TASKS: tuple[Callable[..., Any], ...] = (
    add,
    tell,
    fail,
    hold,
    pause,
    large,
    spawn,
    add_async,
    tell_async,
    fail_async,
    hold_async,
    pause_async,
    large_async,
    spawn_async,
)


def performer() -> Performer:
    options = TaskOptions(runner=Runner.PROCESS)
    return Performer(
        {function.__name__: Task(function.__name__, function, options, Job) for function in TASKS}
    )
