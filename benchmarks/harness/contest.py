"""
Servers that are measured in turns, so that what the machine does meanwhile meets all of them alike.
"""

import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from benchmarks.harness.load import Load
from benchmarks.harness.process import DidNotStart
from benchmarks.harness.servers import Running, Server


@dataclass(kw_only=True)
class Contestant:
    running: Running
    load: Load
    connections: int
    samples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.running.server.name

    @property
    def title(self) -> str:
        return self.running.server.title

    def run(self, **command: float) -> dict[str, Any]:
        """
        One run of the generator, with the CPU time that the server took for it.
        """
        before_s = self.running.process.cpu_s()
        answer = self.load.ask("run", **command)
        cpu_s = self.running.process.cpu_s() - before_s
        deliveries = answer["deliveries"]
        return {
            "server": self.name,
            "connections": self.connections,
            "server_cpu_s": round(cpu_s, 4),
            "per_cpu_s": deliveries / cpu_s if cpu_s else 0.0,
            "us_per_delivery": cpu_s / deliveries * 1e6 if deliveries else None,
            **answer,
        }

    def median(self, key: str) -> float:
        values = [sample[key] for sample in self.samples if sample.get(key) is not None]
        return statistics.median(values) if values else 0.0

    def median_of(self, histogram: str, percentile: str) -> float | None:
        values = [sample[histogram][percentile] for sample in self.samples if sample.get(histogram)]
        return statistics.median(values) if values else None

    def spread(self, key: str) -> str:
        values = [sample[key] for sample in self.samples if sample.get(key) is not None]
        return f"{min(values):,.3g} – {max(values):,.3g}" if values else "–"


@contextmanager
def contest(
    servers: Sequence[Server],
    connections: int,
    missing: list[str],
    *,
    is_broadcast: bool = False,
    **options: str | int,
) -> Iterator[list[Contestant]]:
    """
    Start all, connect a generator to each. A peer that does not start is named in `missing`; avance must start.

    With `is_broadcast` each event is published to all channels at once.
    """
    with ExitStack() as stack:
        contestants = []
        for server in servers:
            try:
                running = stack.enter_context(Running(server))
            except (DidNotStart, FileNotFoundError) as error:
                if server.name.startswith("avance"):
                    raise
                missing.append(f"{server.title} was left out: {str(error)[:200]}")
                continue
            own = (
                {"body": server.broadcast_body, "publish_path": server.broadcast_path}
                if is_broadcast
                else {}
            )
            load = stack.enter_context(running.load(connections, **{**own, **options}))
            load.connect(connections)
            contestants.append(Contestant(running=running, load=load, connections=connections))
        yield contestants


def take_turns(
    contestants: Sequence[Contestant], rounds: int, measure: Callable[[Contestant], dict[str, Any]]
) -> None:
    """
    Each once to warm up, then all of them again and again; the order turns, so that none always follows the same one.
    """
    for contestant in contestants:
        measure(contestant)
    for turn in range(rounds):
        shift = turn % max(1, len(contestants))
        for contestant in [*contestants[shift:], *contestants[:shift]]:
            contestant.samples.append(measure(contestant))


def ratio(
    contestants: Sequence[Contestant], name: str, other: str, key: str = "per_cpu_s"
) -> float:
    """
    The median of the ratios of each round: drift between rounds cancels out.
    """
    by_name = {contestant.name: contestant.samples for contestant in contestants}
    ratios = [
        mine[key] / theirs[key]
        for mine, theirs in zip(by_name.get(name, []), by_name.get(other, []), strict=False)
        if theirs.get(key) and mine.get(key)
    ]
    return statistics.median(ratios) if ratios else 0.0
