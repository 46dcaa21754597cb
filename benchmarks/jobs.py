"""
Jobs that do nothing: how many a second, and how long is the way there and back?
"""

from benchmarks.harness.embedded import medians, take_turns
from benchmarks.harness.question import Outcome, Settings, Table, main

NAME = "jobs"
TITLE = "Jobs that do nothing, with their events, in one process with SQLite"
TARGET_PER_S = 3_500
TARGET_ROUND_TRIP_MS = 2.0
AT_ONCE = 100
TITLES = {
    "jobs": f"async tasks, {AT_ONCE} at once",
    "process_jobs": f"tasks in worker processes, {AT_ONCE} at once",
    "round_trip": "async task, one after the other",
    "process_round_trip": "task in a worker process, one after the other",
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
    found = take_turns(plan, settings.pick(3, 1))
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
