"""
What does a connection with one subscription cost while nothing happens?
"""

from benchmarks.harness.process import DidNotStart
from benchmarks.harness.question import Outcome, Settings, Table, main
from benchmarks.harness.servers import CORE, GRANIAN, OTHERS, Running, Server

NAME = "memory"
TITLE = "Memory of an idle connection with one subscription"
TARGET_KIB = 8.0
WARM_UP = 500


def _kib_each(server: Server, connections: int) -> dict[str, float | str]:
    with Running(server) as running, running.load(WARM_UP) as load:
        # What is loaded or allocated once must not be counted on the connections.
        load.connect(WARM_UP)
        load.ask("run", events=5, window=1, seconds=5)
        before = running.process.memory_kib(with_children=server is GRANIAN)
        with running.load(connections) as more:
            more.connect(connections)
            after = running.process.memory_kib(with_children=server is GRANIAN)
    return {
        "server": server.name,
        "connections": connections,
        "before_kib": before,
        "after_kib": after,
        "kib_each": (after - before) / connections,
    }


def measure(settings: Settings) -> Outcome:
    outcome = Outcome()
    connections = settings.pick(5_000, 1_000)
    table = Table(
        title=f"{connections:,} idle connections", columns=("server", "KiB each", "process MiB")
    )
    for server in settings.pick((*CORE, *OTHERS), CORE):
        try:
            sample = _kib_each(server, connections)
        except (DidNotStart, FileNotFoundError) as error:
            if server.name == "avance":
                raise
            outcome.notes.append(f"{server.title} was left out: {str(error)[:200]}")
            continue
        outcome.samples.append(sample)
        table.rows.append(
            (server.title, float(sample["kib_each"]), float(sample["after_kib"]) / 1024)
        )
        if server.name == "avance":
            outcome.at_most("KiB an idle connection", float(sample["kib_each"]), TARGET_KIB)
    table.rows.sort(key=lambda row: float(row[1] or 0))
    outcome.tables.append(table)
    outcome.notes.append(
        "Resident memory of the process that serves (of granian its worker, a child), after 500 connections to warm up; the "
        "kernel's socket buffers are not in it."
    )
    return outcome


if __name__ == "__main__":
    main(NAME, TITLE, measure)
