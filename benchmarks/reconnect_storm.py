"""
Ten thousand clients lose their connections at once and come back for what they missed: how long, and is anything lost?
"""

from typing import Any

from benchmarks.harness.contest import Contestant, contest
from benchmarks.harness.load import Load
from benchmarks.harness.question import Outcome, Settings, Table, main
from benchmarks.harness.servers import AVANCE, STORED_CHANNEL, centrifuge_server

NAME = "reconnect_storm"
TITLE = "All clients reconnect and recover"
MISSED = 100
CHANNELS = 100
HISTORY = 1_000
BEFORE = 5
"""Publications of each channel before the cut: every client has a position to recover from."""


def _publish_to_all(load: Load, events: int) -> None:
    answer = load.ask("run", events=events * CHANNELS, window=16, seconds=120, drain=20)
    if answer["publish_errors"]:
        raise RuntimeError(f"{answer['publish_errors']} publishes failed: {answer['complaint']}")


def _storm(contestant: Contestant, *, restart: bool) -> dict[str, Any]:
    load, running = contestant.load, contestant.running
    _publish_to_all(load, BEFORE)
    load.ask("drop")
    if restart:
        running.restart_after_kill()
    _publish_to_all(load, MISSED)
    cpu_before_s = running.process.cpu_s()
    answer = load.ask("reconnect", seconds=120)
    cpu_s = running.process.cpu_s() - cpu_before_s
    # One more to everybody: who missed something before it would see a gap now.
    after = load.ask("run", events=CHANNELS, window=16, seconds=20, drain=20)
    return {
        "server": contestant.name,
        "is_restarted": restart,
        "server_cpu_s": cpu_s,
        **answer,
        "gaps": after["gaps"],
        "duplicates": after["duplicates"],
        "offset_min": after["offset_min"],
        "offset_max": after["offset_max"],
        "delivered_after": after["deliveries"],
    }


def _is_whole(sample: dict[str, Any], connections: int) -> bool:
    return bool(
        sample["live"] == connections
        and sample["recovered"] == connections
        and sample["recovered_publications"] == connections * MISSED
        and sample["gaps"] == sample["duplicates"] == 0
        and sample["offset_min"] == sample["offset_max"]
        and sample["delivered_after"] == connections
    )


def _row(title: str, sample: dict[str, Any]) -> tuple[str | float | int | None, ...]:
    joined = sample["joined_ms"] or {}
    return (
        title,
        sample["live"],
        sample["seconds"],
        joined.get("p50"),
        joined.get("p99"),
        sample["server_cpu_s"],
        sample["recovered"],
        sample["recovered_publications"],
        sample["gaps"],
        sample["duplicates"],
    )


def measure(settings: Settings) -> Outcome:
    outcome = Outcome()
    connections = settings.pick(10_000, 1_000)
    table = Table(
        title=f"{connections:,} clients on {CHANNELS} channels, {MISSED} publications missed by each",
        columns=(
            "server",
            "live again",
            "all after s",
            "p50 ms",
            "p99 ms",
            "server CPU s",
            "recovered",
            "publications recovered",
            "gaps",
            "duplicates",
        ),
    )
    servers = (AVANCE, centrifuge_server(HISTORY))
    for server in servers:
        for restart in (False, True) if server.name == "avance" else (False,):
            options = {"channels": CHANNELS, "publishers": 16, "channel": STORED_CHANNEL}
            with contest([server], connections, outcome.notes, **options) as contestants:
                for contestant in contestants:
                    sample = _storm(contestant, restart=restart)
                    outcome.samples.append(sample)
                    how = "server killed and started again" if restart else "network cut"
                    table.rows.append(_row(f"{server.title}, {how}", sample))
                    if server.name == "avance":
                        outcome.holds(
                            f"all live again without a loss, {how}", _is_whole(sample, connections)
                        )
    outcome.tables.append(table)
    outcome.notes.append(
        "The clock runs from the command to reconnect until the last client has its reply; at most 256 handshakes are under "
        "way at a time. The Go library keeps its history in memory, so it is not killed."
    )
    return outcome


if __name__ == "__main__":
    main(NAME, TITLE, measure)
