"""
Inside a stranger's FastAPI app, on plain uvicorn: is it at least as good as the connection manager that it replaces?
"""

import sys
from pathlib import Path
from typing import Any

from benchmarks.harness.contest import Contestant, contest, ratio, take_turns
from benchmarks.harness.places import PEERS
from benchmarks.harness.question import Outcome, Settings, Table, main
from benchmarks.harness.servers import FASTAPI, avance_server

NAME = "mounted"
TITLE = "Mounted in a FastAPI app"
TARGET = 1.2


def _command(port: int, publish_port: int, data: Path) -> list[str]:
    return [sys.executable, str(PEERS / "mounted_app.py"), str(port)]


MOUNTED = avance_server(
    name="avance-mounted",
    title="avance in a FastAPI app",
    command=_command,
    path="/avance/connection/websocket",
    publish_path="/publish",
    publish_header="",
    body="$event",
    has_data_setting=True,
)


def measure(settings: Settings) -> Outcome:
    outcome = Outcome()
    seconds = settings.pick(1.0, 0.6)

    def one(contestant: Contestant) -> dict[str, Any]:
        return contestant.run(seconds=seconds, window=1)

    for connections in settings.pick((100, 1_000, 5_000), (1_000,)):
        with contest((MOUNTED, FASTAPI), connections, outcome.notes) as contestants:
            take_turns(contestants, settings.pick(4, 2), one)
            table = Table(
                title=f"N = {connections:,}: one event at a time",
                columns=(
                    "server",
                    "deliveries per CPU-second",
                    "lowest – highest",
                    "of the manager",
                    "complete p50 ms",
                    "MiB",
                ),
            )
            for contestant in contestants:
                table.rows.append(
                    (
                        contestant.title,
                        contestant.median("per_cpu_s"),
                        contestant.spread("per_cpu_s"),
                        ratio(contestants, contestant.name, "fastapi"),
                        contestant.median_of("complete_ms", "p50"),
                        contestant.running.process.memory_kib() / 1024,
                    )
                )
                outcome.samples += contestant.samples
            outcome.tables.append(table)
            gained = ratio(contestants, "avance-mounted", "fastapi")
            outcome.at_least(f"N = {connections:,}, of the manager", gained, TARGET)
    outcome.notes.append(
        "Both on the same uvicorn, each event published by a POST to the host app, which publishes in process."
    )
    return outcome


if __name__ == "__main__":
    main(NAME, TITLE, measure)
