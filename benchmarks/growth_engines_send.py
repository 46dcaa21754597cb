"""
Submit jobs that do nothing and wait for the last end: `python -m benchmarks.growth_engines_send ENGINE COUNT`; prints jobs a second.
"""

import asyncio
import contextlib
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.harness.places import BENCHMARKS

WAIT_S = 100
WARM_UP = 4
SUBMIT_AT_ONCE = 100


async def _in_avance(count: int, *, executes: bool) -> float:
    from avance.config import read_settings
    from benchmarks.app import app, nothing_in_a_process

    app.configure(read_settings(BENCHMARKS / "avance.toml"))

    async def one() -> None:
        handle = await nothing_in_a_process.submit()
        await handle.wait(timeout_s=WAIT_S)

    async def many(number: int) -> None:
        left = iter(range(number))

        async def work() -> None:
            for _ in left:
                await one()

        async with asyncio.TaskGroup() as group:
            for _ in range(min(number, SUBMIT_AT_ONCE)):
                group.create_task(work())

    async with app.open(executes=executes):
        await many(WARM_UP)
        begun_s = time.perf_counter()
        await many(count)
        return count / (time.perf_counter() - begun_s)


def _until(is_over: Callable[[], bool]) -> None:
    end_s = time.monotonic() + WAIT_S
    while not is_over():
        if time.monotonic() > end_s:
            raise TimeoutError(f"not all jobs ended within {WAIT_S} s")
        time.sleep(0.01)


def _ended(ids: Iterable[str]) -> Callable[[], bool]:
    """
    Whether avance has the end of all of them.
    """
    store = os.environ["BENCH_STORE"]
    wanted = set(ids)

    def is_over() -> bool:
        # The server may still be making it.
        if not os.path.exists(store):
            return False
        with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
            try:
                rows = database.execute("SELECT id FROM jobs WHERE state = 'completed'").fetchall()
            except sqlite3.OperationalError:
                return False
        return wanted <= {row[0] for row in rows}

    return is_over


def _timed(
    send: Callable[[int], list[Any]], over: Callable[[list[Any]], None], count: int
) -> float:
    over(send(WARM_UP))
    begun_s = time.perf_counter()
    over(send(count))
    return count / (time.perf_counter() - begun_s)


def _celery(count: int) -> float:
    from benchmarks.growth_engines_tasks import nothing

    def over(sent: list[Any]) -> None:
        if os.environ["BENCH_FOLLOWED"]:
            _until(_ended(result.id for result in sent))
        else:
            for result in sent:
                result.get(timeout=WAIT_S)

    return _timed(lambda number: [nothing.delay() for _ in range(number)], over, count)


def _rq(count: int) -> float:
    import redis
    import rq

    from avance.integrations.rq import Queue

    connection = redis.Redis.from_url(os.environ["BENCH_REDIS"])
    is_followed = bool(os.environ["BENCH_FOLLOWED"])
    queue = Queue(connection=connection) if is_followed else rq.Queue(connection=connection)

    def send(number: int) -> list[Any]:
        return [queue.enqueue("benchmarks.growth_engines_rq.nothing") for _ in range(number)]

    def over(sent: list[Any]) -> None:
        if is_followed:
            _until(_ended(job.id for job in sent))
        else:
            waiting = list(sent)

            def is_over() -> bool:
                while waiting and waiting[-1].get_status() == "finished":
                    waiting.pop()
                return not waiting

            _until(is_over)

    return _timed(send, over, count)


def main(engine: str, count: int) -> float:
    if engine in ("embedded", "postgres"):
        return asyncio.run(_in_avance(count, executes=engine == "embedded"))
    return _celery(count) if engine == "celery" else _rq(count)


if __name__ == "__main__":
    print(main(sys.argv[1], int(sys.argv[2])))
