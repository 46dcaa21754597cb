"""
Events that survive a power cut: how many a second does one process store and publish?
"""

from benchmarks.harness.embedded import medians, take_turns
from benchmarks.harness.question import Outcome, Settings, Table, main

NAME = "persisted_events"
TITLE = "Persisted events, in one process with SQLite"
TARGET_PER_S = 30_000
PUBLISHERS = 100
TITLES = {
    "events": f"{PUBLISHERS} publishers, each waits for the disk",
    "single_events": "one publisher, which waits for the disk each time",
    "poured": "one job in a worker process that emits data",
}


def measure(settings: Settings) -> Outcome:
    outcome = Outcome()
    many, few, poured = settings.pick((60_000, 2_000, 20_000), (5_000, 300, 2_000))
    plan = (("events", many, PUBLISHERS), ("single_events", few, 1), ("poured", poured, 1))
    found = take_turns(plan, settings.pick(3, 1))
    table = Table(
        title="An event has about 200 bytes of JSON",
        columns=("what", "events/s", "events per CPU-second", "p50 ms", "p99 ms"),
    )
    for what, samples in found.items():
        middle = medians(samples)
        is_each = what != "poured"
        table.rows.append(
            (
                TITLES[what],
                middle["per_s"],
                middle["per_cpu_s"],
                middle["p50_ms"] if is_each else None,
                middle["p99_ms"] if is_each else None,
            )
        )
        outcome.samples += samples
    outcome.tables.append(table)
    outcome.at_least("persisted events a second", medians(found["events"])["per_s"], TARGET_PER_S)
    return outcome


if __name__ == "__main__":
    main(NAME, TITLE, measure)
