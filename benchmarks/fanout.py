"""
One event to N subscribers: how many deliveries does a second of the server's CPU buy?
"""

from collections.abc import Sequence
from typing import Any

from benchmarks.harness.contest import Contestant, contest, ratio, take_turns
from benchmarks.harness.question import Outcome, Settings, Table, main
from benchmarks.harness.servers import AVANCE, BROADCASTER, CORE, OTHERS, Server

NAME = "fanout"
TITLE = "Fan-out of one event to N subscribers"
TARGET_OF_C = 0.70
TARGET_OF_GO = 2.0
TARGET_OF_FASTAPI = 2.5


def _measure_size(
    connections: int, servers: Sequence[Server], settings: Settings, outcome: Outcome
) -> None:
    seconds = settings.pick(2.0 if connections >= 10_000 else 1.0, 0.6)
    beside = "" if servers is CORE else ", other peers"
    rounds = 2 if OTHERS[0] in servers else settings.pick(5, 3)

    def one(contestant: Contestant) -> dict[str, Any]:
        return contestant.run(seconds=seconds, window=1)

    with contest(servers, connections, outcome.notes) as contestants:
        take_turns(contestants, rounds, one)
        table = Table(
            title=f"N = {connections:,}{beside}: one event at a time, the next when all have it",
            columns=(
                "server",
                "deliveries per CPU-second",
                "lowest – highest",
                "of C",
                "complete p50 ms",
                "complete p99 ms",
            ),
        )
        for contestant in sorted(contestants, key=lambda each: -each.median("per_cpu_s")):
            table.rows.append(
                (
                    contestant.title,
                    contestant.median("per_cpu_s"),
                    contestant.spread("per_cpu_s"),
                    ratio(contestants, contestant.name, "c"),
                    contestant.median_of("complete_ms", "p50"),
                    contestant.median_of("complete_ms", "p99"),
                )
            )
            outcome.samples += contestant.samples
        outcome.tables.append(table)
        if connections >= 1_000 and servers is CORE:
            size = f"N = {connections:,}, of "
            outcome.at_least(size + "the C program", ratio(contestants, "avance", "c"), TARGET_OF_C)
            outcome.at_least(
                size + "the Go centrifuge library",
                ratio(contestants, "avance", "centrifuge-go"),
                TARGET_OF_GO,
            )
            outcome.at_least(
                size + "the FastAPI manager",
                ratio(contestants, "avance", "fastapi"),
                TARGET_OF_FASTAPI,
            )


def measure(settings: Settings) -> Outcome:
    outcome = Outcome()
    for connections in settings.pick((100, 1_000, 10_000), (1_000,)):
        _measure_size(connections, CORE, settings, outcome)
    if not settings.quick:
        _measure_size(1_000, (BROADCASTER, AVANCE, *OTHERS), settings, outcome)
    outcome.notes.append(
        "An event has 200 bytes of JSON and is published over HTTP; avance and the Go library wrap it in the Centrifugo protocol. "
        "Ratios are medians of the ratios of each round."
    )
    return outcome


if __name__ == "__main__":
    main(NAME, TITLE, measure)
