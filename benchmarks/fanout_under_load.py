"""
Many events a second to many subscribers: does gathering them into one write pay?
"""

from typing import Any

from benchmarks.harness.contest import Contestant, contest, ratio, take_turns
from benchmarks.harness.question import Outcome, Settings, Table, main
from benchmarks.harness.servers import CORE

NAME = "fanout_under_load"
TITLE = "Fan-out under load"
CONNECTIONS = 250
RATE = 400
IN_FLIGHT = 16


def _table(title: str, contestants: list[Contestant]) -> Table:
    table = Table(
        title=title,
        columns=(
            "server",
            "µs of CPU a delivery",
            "deliveries per CPU-second",
            "of C",
            "publications a read",
            "latency p50 ms",
            "latency p99 ms",
            "not delivered",
        ),
    )
    for contestant in sorted(contestants, key=lambda each: -each.median("per_cpu_s")):
        publications, reads = contestant.median("deliveries"), contestant.median("reads")
        table.rows.append(
            (
                contestant.title,
                contestant.median("us_per_delivery"),
                contestant.median("per_cpu_s"),
                ratio(contestants, contestant.name, "c"),
                publications / reads if reads else None,
                contestant.median_of("latency_ms", "p50"),
                contestant.median_of("latency_ms", "p99"),
                int(contestant.median("unfinished_events")),
            )
        )
    return table


def measure(settings: Settings) -> Outcome:
    outcome = Outcome()
    seconds, rounds = settings.pick(3.0, 0.8), settings.pick(4, 2)

    def at_a_rate(contestant: Contestant) -> dict[str, Any]:
        return contestant.run(seconds=seconds, rate=RATE, drain=3)

    def in_flight(contestant: Contestant) -> dict[str, Any]:
        return contestant.run(seconds=seconds / 2, window=IN_FLIGHT, drain=3)

    for title, one in (
        (f"{RATE} events a second to {CONNECTIONS} connections", at_a_rate),
        (f"{IN_FLIGHT} events under way all the time, {CONNECTIONS} connections", in_flight),
    ):
        with contest(CORE, CONNECTIONS, outcome.notes, publishers=IN_FLIGHT) as contestants:
            take_turns(contestants, rounds, one)
            outcome.tables.append(_table(title, contestants))
            outcome.at_least(title + ", of the C program", ratio(contestants, "avance", "c"), 1.0)
            for contestant in contestants:
                outcome.samples += contestant.samples
    outcome.notes.append(
        "The C program writes each event to each socket; it is the per-message limit, not the limit."
    )
    return outcome


if __name__ == "__main__":
    main(NAME, TITLE, measure)
