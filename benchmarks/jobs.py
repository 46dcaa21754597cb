"""
Jobs that do nothing: how many a second, and how long is the way there and back?
"""

import os
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.harness.embedded import medians, take_turns
from benchmarks.harness.places import DATA
from benchmarks.harness.question import Outcome, Settings, Table, main

NAME = "jobs"
TITLE = "Jobs that do nothing, with their events, in one process with SQLite"
TARGET_PER_S = 3_500
TARGET_ROUND_TRIP_MS = 2.0
AT_ONCE = 100
DOCUMENT = b"x" * 300
TITLES = {
    "jobs": f"async tasks, {AT_ONCE} at once",
    "process_jobs": f"tasks in worker processes, {AT_ONCE} at once",
    "round_trip": "async task, one after the other",
    "process_round_trip": "task in a worker process, one after the other",
    "bare": "SQLite by itself, one after the other: three transactions, each with a row and an event",
}


def _bare(count: int) -> dict[str, Any]:
    """
    What the way of a job (submitted, begun, ended) costs on this disk without any product around it.
    """
    took_ms: list[float] = []
    with tempfile.TemporaryDirectory(prefix="bare-", dir=DATA) as folder:
        database = sqlite3.connect(Path(folder) / "bare.db", isolation_level=None)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("CREATE TABLE jobs (id INTEGER PRIMARY KEY, state INTEGER, doc BLOB)")
        database.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, data BLOB)")
        before, began_s = os.times(), time.perf_counter()
        for job in range(count):
            one_s = time.perf_counter()
            for state in range(3):
                database.execute("BEGIN IMMEDIATE")
                database.execute("REPLACE INTO jobs VALUES (?, ?, ?)", (job, state, DOCUMENT))
                database.execute("INSERT INTO events (data) VALUES (?)", (DOCUMENT,))
                database.execute("COMMIT")
            took_ms.append((time.perf_counter() - one_s) * 1e3)
        seconds, after = time.perf_counter() - began_s, os.times()
        database.close()
    cpu_s = after.user + after.system - before.user - before.system
    return {
        "what": "bare",
        "per_s": count / seconds,
        "per_cpu_s": count / cpu_s,
        "p50_ms": statistics.median(took_ms),
        "p99_ms": statistics.quantiles(took_ms, n=100)[98],
    }


def measure(settings: Settings) -> Outcome:
    outcome = Outcome()
    many, few = settings.pick((3_000, 300), (600, 100))
    plan = (
        ("jobs", many, AT_ONCE),
        ("process_jobs", many, AT_ONCE),
        ("round_trip", few, 1),
        ("process_round_trip", few, 1),
    )
    rounds = settings.pick(3, 1)
    found = take_turns(plan, rounds)
    found["bare"] = [_bare(few) for _ in range(rounds)]
    table = Table(
        title="From submit, which is on the disk when it answers, to the end as a follower hears it",
        columns=("what", "jobs/s", "jobs per CPU-second", "p50 ms", "p99 ms"),
    )
    for what, samples in found.items():
        middle = medians(samples)
        table.rows.append(
            (TITLES[what], middle["per_s"], middle["per_cpu_s"], middle["p50_ms"], middle["p99_ms"])
        )
        outcome.samples += samples
    outcome.tables.append(table)
    outcome.at_least("no-op jobs a second", medians(found["jobs"])["per_s"], TARGET_PER_S)
    outcome.at_most(
        "round trip p50", medians(found["round_trip"])["p50_ms"], TARGET_ROUND_TRIP_MS, " ms"
    )
    outcome.notes.append(
        "Durability is `full`: each submit and each end waits for the disk, many of them together."
    )
    return outcome


if __name__ == "__main__":
    main(NAME, TITLE, measure)
