"""
What the children of these tests import: tasks that behave badly, each in its own way.
"""

import asyncio
import contextlib
import multiprocessing
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from avance.errors import Cancelled
from avance.jobs.context import Job
from avance.jobs.perform import Performer
from avance.jobs.task import Runner, Task, TaskOptions

RELEASED = threading.Event()
"""Lets those go that do not listen inside the serving process, where nothing can kill them."""


def quick(number: int) -> int:
    return number


def spin(marker: str, job: Job) -> None:
    """
    Busy in Python; tells by a file that it could clean up.
    """
    try:
        job.log("running")
        while True:
            sum(range(100))
    finally:
        Path(marker).write_text("cleaned up")


def nap(marker: str, job: Job) -> None:
    try:
        job.log("running")
        time.sleep(600)
    finally:
        Path(marker).write_text("cleaned up")


async def await_for_ever(marker: str, job: Job) -> None:
    try:
        job.log("running")
        await asyncio.sleep(600)
    finally:
        await asyncio.to_thread(Path(marker).write_text, "cleaned up")


async def gather_for_ever(marker: str, job: Job) -> None:
    """
    Most of the time the loop runs something else than the task itself.
    """

    async def spin() -> None:
        while True:  # noqa: ASYNC110 - it is there to keep the loop busy
            await asyncio.sleep(0)

    try:
        job.log("running")
        await asyncio.gather(asyncio.sleep(600), spin(), spin())
    finally:
        await asyncio.sleep(0.01)
        await asyncio.to_thread(Path(marker).write_text, "cleaned up")


def wait_for_answer(marker: str, job: Job) -> None:
    try:
        job.log("running")
        job.spawn("quick", 1)
    finally:
        Path(marker).write_text("cleaned up")


def hog(job: Job) -> None:
    """
    One call in C that never gives up the interpreter lock.
    """
    job.log("running")
    sum(range(10**13))


def stubborn(job: Job) -> None:
    job.log("running")
    while True:
        try:
            time.sleep(600)
        except Cancelled:
            job.log("ignored")


async def stubborn_async(job: Job) -> None:
    job.log("running")
    while not RELEASED.is_set():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0.005)


def deaf(job: Job) -> None:
    """
    For a thread: never looks whether it should stop.
    """
    job.log("running")
    while not RELEASED.is_set():
        time.sleep(0.005)


def start_program(job: Job, then: str = "sleep") -> None:
    """
    Starts a program of its own and goes on in one of the ways above.
    """
    program = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
    job.log("running", pid=program.pid)
    if then == "hog":
        hog(job)
    elif then == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    else:
        stubborn(job)


def leave_fork(job: Job) -> None:
    """
    Leaves a forked process behind, which holds open all that was open here.
    """
    process = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
    process.start()
    job.log("running", pid=process.pid)
    time.sleep(600)


def pool_of_forks() -> list[int]:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return pool.map(abs, [-1, -2, -3])


def exit_hard(code: int) -> None:
    os._exit(code)


def kill_self(number: int) -> None:
    os.kill(os.getpid(), number)


def raise_exit() -> None:
    sys.exit("enough")


def raise_cancelled() -> None:
    raise Cancelled("just so")


def speak(text: str) -> None:
    print(text)


def flood(count: int, job: Job) -> dict[str, int]:
    """
    Report as fast as possible, and say how much memory that took.
    """
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(count):
        job.progress(current=number, total=count, message="x" * 200)
        if number % 1000 == 0:
            job.log(f"line {number}")
    job.progress(current=count, total=count)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"grown_bytes": (after - before) * 1024}


def chatter(count: int, job: Job) -> None:
    for number in range(count):
        job.log(f"line {number}")


def write_rubbish() -> None:
    """
    Write into every connection that is open here.
    """
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                os.write(int(name), b"\0\0\0\5hello")


def ask_much(count: int, job: Job) -> list[str]:
    """
    Many questions at once, from threads.
    """
    answers: list[str] = []

    def ask() -> None:
        try:
            answers.append(job.spawn("quick", 1))
        except Exception as error:  # noqa: BLE001 - what it is, is the result
            answers.append(str(getattr(error, "code", error)))

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(answers)


def pid() -> int:
    return os.getpid()


TASKS: tuple[Any, ...] = (
    quick,
    spin,
    nap,
    await_for_ever,
    gather_for_ever,
    wait_for_answer,
    hog,
    stubborn,
    stubborn_async,
    deaf,
    start_program,
    leave_fork,
    pool_of_forks,
    exit_hard,
    kill_self,
    raise_exit,
    raise_cancelled,
    speak,
    flood,
    chatter,
    write_rubbish,
    ask_much,
    pid,
)


def performer(argument: str = "none") -> Performer:
    options = TaskOptions(runner=Runner.PROCESS)

    def given() -> str:
        return argument

    return Performer(
        {task.__name__: Task(task.__name__, task, options, Job) for task in (*TASKS, given)}
    )
