"""
Jobs that do nothing through each engine: embedded, workers on PostgreSQL, Celery and RQ, the last two with and without avance beside them.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.growth_nodes import redis
from benchmarks.harness.places import BENCHMARKS, DATA, LOGS, REPOSITORY
from benchmarks.harness.question import Outcome, Settings, Table, main
from benchmarks.stores import postgres

NAME = "growth_engines"
TITLE = "Jobs that do nothing, by engine and number of workers"
WORKERS = (1, 2, 4)
WAIT_S = 120
Engine = Callable[[int, int], float]
"""Called with the number of workers and of jobs; answers jobs a second, from the first submit to the last end."""


class EngineFailed(Exception):
    """
    Not every job ended in time.
    """


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    left_out = ("AVANCE_BUS", "REDIS_URL", "AVANCE_STORE")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return {**kept, "PYTHONPATH": f"{REPOSITORY / 'src'}:{REPOSITORY}", **more}


@contextmanager
def _running(name: str, command: list[str], environment: Mapping[str, str]) -> Iterator[None]:
    LOGS.mkdir(parents=True, exist_ok=True)
    with (LOGS / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=REPOSITORY, env=_environment(environment), stdout=log, stderr=log
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(WAIT_S)


def _sent(engine: str, count: int, environment: Mapping[str, str], *, workers: int = 0) -> float:
    """
    A program of its own submits, waits for the last end, and prints jobs a second.
    """
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.growth_engines_send", engine, str(count)],
        cwd=REPOSITORY,
        env=_environment(environment),
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    if done.returncode != 0:
        raise EngineFailed(f"{engine} ended with {done.returncode}: {done.stderr[-1500:]}")
    return float(done.stdout.splitlines()[-1])


def _embedded(workers: int, count: int) -> float:
    with tempfile.TemporaryDirectory(prefix="engines-", dir=DATA) as data:
        environment = {"AVANCE_DATA": data, "AVANCE_PROCESSES": str(workers)}
        return _sent("embedded", count, environment)


def _on_postgres(url: str) -> Engine:
    def run(workers: int, count: int) -> float:
        with ExitStack() as stack:
            data = stack.enter_context(tempfile.TemporaryDirectory(prefix="engines-", dir=DATA))
            environment = {"AVANCE_STORE": url, "AVANCE_DATA": data, "AVANCE_PROCESSES": "1"}
            command = [str(Path(sys.executable).with_name("avance")), "worker"]
            for n in range(workers):
                name = f"engines-worker-{n}"
                stack.enter_context(_running(name, [*command, "benchmarks.app:app"], environment))
            return _sent("postgres", count, environment)

    return run


def _celery(redis_url: str, *, is_followed: bool) -> Engine:
    def run(workers: int, count: int) -> float:
        environment = {"BENCH_REDIS": redis_url, "BENCH_FOLLOWED": "1" if is_followed else ""}
        command = [
            *(sys.executable, "-m", "celery", "-A", "benchmarks.growth_engines_tasks", "worker"),
            *("--concurrency", str(workers), "--loglevel", "WARNING"),
            *("--without-mingle", "--without-gossip"),
        ]
        return _beside("celery", command, environment, count)

    return run


def _rq(redis_url: str, *, is_followed: bool) -> Engine:
    def run(workers: int, count: int) -> float:
        kind = ["-w", "avance.integrations.rq.Worker"] if is_followed else []
        environment = {"BENCH_REDIS": redis_url, "BENCH_FOLLOWED": "1" if is_followed else ""}
        command = [
            *(sys.executable, "-m", "rq.cli", "worker", "--url", redis_url),
            *("--logging_level", "WARNING", *kind, "default"),
        ]
        with ExitStack() as stack:
            for n in range(workers - 1):
                stack.enter_context(_running(f"engines-rq-{n}", command, environment))
            return _beside("rq", command, environment, count)

    return run


def _beside(engine: str, command: list[str], environment: Mapping[str, str], count: int) -> float:
    with ExitStack() as stack:
        if environment["BENCH_FOLLOWED"]:
            data = stack.enter_context(tempfile.TemporaryDirectory(prefix="engines-", dir=DATA))
            serve = [str(Path(sys.executable).with_name("avance")), "serve", "--port", "0"]
            config = str(BENCHMARKS / "avance.toml")
            told = {
                "AVANCE_BUS": environment["BENCH_REDIS"],
                "AVANCE_DATA": data,
                "AVANCE_PROCESSES": "0",
                "AVANCE_CONFIG": config,
            }
            stack.enter_context(_running("engines-serve", serve, told))
            environment = {**environment, "BENCH_STORE": f"{data}/avance.db"}
        stack.enter_context(_running(f"engines-{engine}", command, environment))
        return _sent(engine, count, environment)


def measure(settings: Settings) -> Outcome:
    outcome = Outcome()
    DATA.mkdir(parents=True, exist_ok=True)
    workers = settings.pick(WORKERS, (1, 2))
    table = Table(
        title="Jobs a second, from the first submit to the last end as a reader sees it",
        columns=("engine", *(f"{n} workers" for n in workers)),
    )
    with redis() as redis_url, postgres() as postgres_url:
        plan: tuple[tuple[str, Engine, int], ...] = (
            ("embedded, SQLite", _embedded, settings.pick(2_000, 200)),
            ("avance worker, PostgreSQL", _on_postgres(postgres_url), settings.pick(1_000, 100)),
            ("Celery", _celery(redis_url, is_followed=False), settings.pick(1_500, 100)),
            ("Celery with avance", _celery(redis_url, is_followed=True), settings.pick(1_000, 100)),
            ("RQ", _rq(redis_url, is_followed=False), settings.pick(100, 12)),
            ("RQ with avance", _rq(redis_url, is_followed=True), settings.pick(100, 12)),
        )
        for name, engine, count in plan:
            begun_s = time.monotonic()
            found = [engine(n, count) for n in workers]
            table.rows.append((name, *found))
            outcome.samples.append(
                {"engine": name, "jobs": count, "per_s": dict(zip(workers, found, strict=True))}
            )
            print(f"{name}: {time.monotonic() - begun_s:.0f} s", file=sys.stderr)
    outcome.tables.append(table)
    outcome.notes.append(
        "A worker is a process that runs one job at a time. «With avance»: the end counts when it is in avance's store, so the "
        "durable journal and the commit are in it. RQ forks a process for each job."
    )
    return outcome


if __name__ == "__main__":
    main(NAME, TITLE, measure)
