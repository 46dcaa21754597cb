"""
One of many readers stops reading: do the others notice, and what does it cost?
"""

import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks.harness.contest import Contestant, contest
from benchmarks.harness.question import Outcome, Settings, Table, main
from benchmarks.harness.servers import (
    AIOHTTP,
    AVANCE,
    CENTRIFUGE,
    FASTAPI,
    NODE_WS,
    Server,
)

NAME = "stalled_reader"
TITLE = "One reader of many stops reading"
SERVERS = (AVANCE, CENTRIFUGE, FASTAPI)
MORE = (AIOHTTP, NODE_WS)
RATE = 20
FLOOD_BYTES = 32_768
QUEUE_LIMIT_MIB = 2.0
"""1 MiB is the limit of a connection's queue; the allocator does not give back every page."""
WINDOWS = 3
"""p99 is the median of so many windows."""
NOISE = 2.0
"""p99 at 20 events a second differs by this factor between two runs of the same server on a shared machine."""


def _is_dropped(contestant: Contestant, files: int) -> bool:
    """
    Whether the server gave the stalled connection up within some 10 s. What is in the kernel's buffer keeps the client from
    seeing it, so the server's files are counted; publishing goes on, so that the publisher's connection stays.
    """
    for _ in range(10):
        contestant.run(seconds=0.8, rate=RATE, drain=0.3)
        if contestant.running.process.open_files() < files:
            return True
    return False


def _sample(contestant: Contestant, settings: Settings) -> dict[str, Any]:
    process = contestant.running.process
    seconds = settings.pick(2.0, 0.7)
    flood = {"events": settings.pick(300, 200), "window": 1, "bytes": FLOOD_BYTES, "drain": 1}
    flood["seconds"] = settings.pick(20, 5)
    before = [contestant.run(seconds=seconds, rate=RATE) for _ in range(WINDOWS)]
    # Once while all read: buffers that grow with the size of a message belong to nobody's stall.
    contestant.run(**flood)
    memory_kib, files = process.memory_kib(), process.open_files()
    contestant.load.ask("stall")
    flooded = contestant.run(**flood)
    grown_kib = process.memory_kib() - memory_kib
    after = [contestant.run(seconds=seconds, rate=RATE, drain=2) for _ in range(WINDOWS)]
    delivered = sum(window["deliveries"] for window in after)
    due = WINDOWS * int(seconds * RATE) * (contestant.connections - 1)
    return {
        "server": contestant.name,
        "before": before,
        "flood": flooded,
        "after": after,
        "share_of_the_others": min(1.0, delivered / due),
        "grown_kib": grown_kib,
        "published_kib": flooded["events"] * FLOOD_BYTES / 1024,
        # A server that hangs with it has not let it go.
        "is_dropped": delivered > 0 and _is_dropped(contestant, files),
    }


def _p99_ms(windows: Sequence[dict[str, Any]]) -> float | None:
    found = [window["latency_ms"]["p99"] for window in windows if window["latency_ms"]]
    return statistics.median(found) if found else None


def _row(server: Server, sample: dict[str, Any]) -> tuple[str | float | int | None, ...]:
    return (
        server.title,
        _p99_ms(sample["before"]),
        _p99_ms(sample["after"]),
        f"{sample['share_of_the_others']:.0%}",
        sample["published_kib"],
        sample["grown_kib"],
        "disconnected" if sample["is_dropped"] else "kept",
    )


def _judge(outcome: Outcome, sample: dict[str, Any]) -> None:
    share = sample["share_of_the_others"]
    outcome.holds("the others get everything", share == 1.0, f"{share:.0%}")
    before, after = _p99_ms(sample["before"]), _p99_ms(sample["after"])
    change = after / before if before and after else float("inf")
    outcome.at_most("p99 of the others, of what it was before", change, NOISE)
    outcome.at_most("MiB that the process grew by", sample["grown_kib"] / 1024, QUEUE_LIMIT_MIB)


def measure(settings: Settings) -> Outcome:
    outcome = Outcome()
    connections = settings.pick(1_000, 250)
    table = Table(
        title=f"{connections:,} connections, {RATE} events a second",
        columns=(
            "server",
            "p99 ms before",
            "p99 ms of the others after",
            "of the events the others get",
            "KiB published to it",
            "KiB grown",
            "the stalled one is",
        ),
    )
    for server in settings.pick((*SERVERS, *MORE), SERVERS):
        with contest([server], connections, outcome.notes, stalled=1) as contestants:
            for contestant in contestants:
                sample = _sample(contestant, settings)
                table.rows.append(_row(server, sample))
                outcome.samples.append(sample)
                if server.name == "avance":
                    _judge(outcome, sample)
    outcome.tables.append(table)
    return outcome


if __name__ == "__main__":
    main(NAME, TITLE, measure)
