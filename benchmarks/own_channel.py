"""
A thousand subscribers, each on a channel of its own: what do a frame each and a position each cost?
"""

from typing import Any

from benchmarks.harness.contest import Contestant, contest, ratio, take_turns
from benchmarks.harness.question import Outcome, Settings, Table, main
from benchmarks.harness.servers import AVANCE, CENTRIFUGE

NAME = "own_channel"
TITLE = "A channel for each subscriber"
SUBSCRIBERS = 1_000
TARGET_PER_CPU_S = 42_000


def measure(settings: Settings) -> Outcome:
    outcome = Outcome()
    seconds = settings.pick(2.0, 0.6)

    def one(contestant: Contestant) -> dict[str, Any]:
        return contestant.run(seconds=seconds, window=1)

    table = Table(
        title=f"{SUBSCRIBERS:,} subscribers, one publish over HTTP to all {SUBSCRIBERS:,} channels",
        columns=("server", "deliveries per CPU-second", "lowest – highest", "complete p50 ms"),
    )
    with contest(
        (AVANCE, CENTRIFUGE), SUBSCRIBERS, outcome.notes, channels=SUBSCRIBERS, is_broadcast=True
    ) as contestants:
        take_turns(contestants, settings.pick(5, 3), one)
    for contestant in contestants:
        table.rows.append(
            (
                contestant.title,
                contestant.median("per_cpu_s"),
                contestant.spread("per_cpu_s"),
                contestant.median_of("complete_ms", "p50"),
            )
        )
        outcome.samples += contestant.samples
    outcome.tables.append(table)
    outcome.at_least(
        "deliveries per CPU-second", contestants[0].median("per_cpu_s"), TARGET_PER_CPU_S
    )
    outcome.notes.append(f"Of the Go library: {ratio(contestants, 'avance', 'centrifuge-go'):.2f}.")
    return outcome


if __name__ == "__main__":
    main(NAME, TITLE, measure)
