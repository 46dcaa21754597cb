"""
Two nodes: what is published at one reaches readers of the other. How late, how many, through which bus, and what grows?
"""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.harness.places import DATA, REPOSITORY
from benchmarks.harness.question import Outcome, Settings, Table, main
from benchmarks.harness.servers import AVANCE, STORED_CHANNEL, Running
from benchmarks.stores import postgres

NAME = "growth_nodes"
TITLE = "From a publish at one node to readers of another"
READERS = 10
PUBLISHERS = 16
WINDOW = 64
RATE = 100
BUSES = ("SQLite alone", "Redis", "PostgreSQL NOTIFY", "Redis and PostgreSQL")
GROWING = ("Redis", "PostgreSQL NOTIFY")
COLUMNS = ("events/s at most", "p50 ms", "p99 ms", "CPU ms an event, both nodes", "gaps")

Pair = tuple[Running, Running]


@contextmanager
def redis() -> Iterator[str]:
    sys.path.append(str(REPOSITORY / "tests/services"))
    from redis_service import RedisServer

    with tempfile.TemporaryDirectory(prefix="avance-bench-") as name:
        server = RedisServer(Path(name))
        server.start()
        try:
            yield server.url
        finally:
            server.stop()


@contextmanager
def pair(bus: str, servers: Mapping[str, str]) -> Iterator[Pair]:
    """
    Two nodes that hear of each other in this way.
    """
    environment = {**AVANCE.environment, "AVANCE_PROCESSES": "0"}
    if "Redis" in bus:
        environment["AVANCE_BUS"] = servers["redis"]
    if "PostgreSQL" in bus:
        environment["AVANCE_STORE"] = servers["postgres"]
    DATA.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pair-", dir=DATA)))
        nodes = [
            Running(replace(AVANCE, name=f"avance-{letter}", environment=environment), data=data)
            for letter in "ab"
        ]
        yield stack.enter_context(nodes[0]), stack.enter_context(nodes[1])


def sample(nodes: Pair, seconds: float, **options: str | int) -> dict[str, Any]:
    """
    At an even rate for the delay, then as fast as it goes.
    """
    here, there = nodes
    readers = int(options.pop("readers", READERS))
    asked = {"publishers": PUBLISHERS, "channel": STORED_CHANNEL, **options}
    with there.load(readers, publish_port=here.port, **asked) as load:
        load.connect(readers)
        load.ask("run", seconds=0.5, rate=20, drain=5)
        even = load.ask("run", seconds=seconds, rate=RATE, drain=5)
        before_s = here.process.cpu_s() + there.process.cpu_s()
        fast = load.ask("run", seconds=seconds, window=WINDOW, drain=10)
        cpu_s = here.process.cpu_s() + there.process.cpu_s() - before_s
    latency = even["latency_ms"] or {"p50": float("inf"), "p99": float("inf")}
    return {
        **options,
        "per_s": fast["events"] / fast["seconds"],
        "p50_ms": latency["p50"],
        "p99_ms": latency["p99"],
        "cpu_ms": cpu_s * 1e3 / max(1, fast["events"]),
        "gaps": fast["gaps"],
        "errors": even["publish_errors"] + fast["publish_errors"],
    }


def _cells(found: dict[str, Any]) -> tuple[float, ...]:
    return tuple(found[key] for key in ("per_s", "p50_ms", "p99_ms", "cpu_ms", "gaps"))


def _is_whole(found: Mapping[str, Any]) -> bool:
    return found["gaps"] == 0 and found["errors"] == 0


def _by_bus(bus: str, nodes: Pair, table: Table, outcome: Outcome, settings: Settings) -> None:
    found = sample(nodes, settings.pick(3.0, 1.0))
    table.rows.append((bus, *_cells(found)))
    outcome.samples.append({"by": "bus", "bus": bus, **found})
    outcome.holds(f"{bus}: no gap and no error", _is_whole(found))


def _by_size(bus: str, nodes: Pair, table: Table, outcome: Outcome, settings: Settings) -> None:
    for size in settings.pick((1_024, 8_192, 65_000), (65_000,)):
        found = sample(nodes, settings.pick(2.0, 1.0), event_bytes=size)
        table.rows.append((bus, size, *_cells(found)))
        outcome.samples.append({"by": "size", "bus": bus, **found})
        outcome.holds(f"{bus}, {size:,} bytes: no gap and no error", _is_whole(found))


def _by_channels(bus: str, nodes: Pair, table: Table, outcome: Outcome, settings: Settings) -> None:
    """
    A hundred of them have a reader; the others only have been written to.
    """
    here, there = nodes
    for channels in settings.pick((100, 1_000, 10_000, 100_000), (1_000,)):
        channel = f"{STORED_CHANNEL}-{channels}-"
        options = {"publishers": PUBLISHERS, "channel": channel, "channels": channels}
        with there.load(100, publish_port=here.port, **options) as load:
            load.connect(100)
            limit_s = settings.pick(240, 5)
            first = load.ask("run", events=channels, seconds=limit_s, window=WINDOW, drain=2)
            again = load.ask("run", seconds=settings.pick(3, 1), window=WINDOW, drain=2)
        found = {
            "channels": min(channels, first["events"]),
            "first_per_s": first["events"] / first["seconds"],
            "per_s": again["events"] / again["seconds"],
            "mib": sum(node.process.memory_kib() for node in nodes) / 1024,
        }
        table.rows.append((bus, *found.values()))
        outcome.samples.append({"by": "channels", "bus": bus, **found})


def measure(settings: Settings) -> Outcome:
    outcome = Outcome()
    title = (
        f"One channel, {READERS} readers at the other node, {RATE} events a second for the delay"
    )
    buses = Table(title=title, columns=("bus", *COLUMNS))
    sizes = Table(title="Larger events", columns=("bus", "bytes", *COLUMNS))
    columns = (
        "bus",
        "channels",
        "first events/s",
        "events/s with all of them there",
        "MiB at both",
    )
    channels = Table(title="More channels, each with history", columns=columns)
    with redis() as redis_url, postgres() as postgres_url:
        servers = {"redis": redis_url, "postgres": postgres_url}
        for bus in BUSES:
            with pair(bus, servers) as nodes:
                _by_bus(bus, nodes, buses, outcome, settings)
                if bus in GROWING:
                    _by_size(bus, nodes, sizes, outcome, settings)
                    _by_channels(bus, nodes, channels, outcome, settings)
    outcome.tables += [buses, sizes, channels]
    outcome.notes.append(
        "Both nodes share one core, the load generator and the database servers have the other, so this is a floor for nodes of "
        "their own. Every channel is stored before it is told. Channels that the time limit did not reach are not counted."
    )
    return outcome


if __name__ == "__main__":
    main(NAME, TITLE, measure)
