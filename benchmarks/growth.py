"""
What happens to the costs while connections, channels and history grow?
"""

from collections.abc import Callable, Sequence

from benchmarks.harness.contest import Contestant, contest
from benchmarks.harness.plot import slope, svg
from benchmarks.harness.process import file_limit
from benchmarks.harness.question import Outcome, Settings, Table, main
from benchmarks.harness.servers import AVANCE, STORED_CHANNEL, Running

NAME = "growth"
TITLE = "Cost as it grows"
FILES_FOR_OTHERS = 500
SLOPE_MAX = 1.1
"""Linear is 1; the rest is what two points on a shared machine differ by."""
WARM_UP = 50
MEMORY = "MiB more than empty"
RECOVERED = 10
RECOVERING_CLIENTS = 500

Row = dict[str, float]


def _by_connections(settings: Settings) -> list[Row]:
    most = min(20_000, file_limit() - FILES_FOR_OTHERS)
    rows = []
    for connections in settings.pick((100, 1_000, 5_000, 10_000, most), (500, 2_000)):
        with Running(AVANCE) as running, running.load(connections) as load:
            # What is loaded once, with the first connection, belongs to no size.
            with running.load(WARM_UP) as first:
                first.connect(WARM_UP)
            empty_kib = running.process.memory_kib()
            cpu_s = running.process.cpu_s()
            joined = load.connect(connections)
            joining_s = running.process.cpu_s() - cpu_s
            contestant = Contestant(running=running, load=load, connections=connections)
            contestant.run(seconds=0.3, window=1)
            sample = contestant.run(seconds=settings.pick(2.0, 0.5), window=1)
            rows.append(
                {
                    "size": connections,
                    "seconds to connect all": joined["seconds"],
                    "CPU s to connect all": joining_s,
                    "CPU ms a broadcast": sample["server_cpu_s"] / max(1, sample["events"]) * 1e3,
                    MEMORY: (running.process.memory_kib() - empty_kib) / 1024,
                }
            )
    return rows


def _by_channels(settings: Settings) -> list[Row]:
    rows = []
    for channels in settings.pick((100, 1_000, 10_000, 100_000), (100, 1_000)):
        options = {"channels": channels, "publishers": 16, "channel": STORED_CHANNEL}
        with contest([AVANCE], 100, [], **options) as (contestant,):
            empty_kib = contestant.running.process.memory_kib()
            first = contestant.run(events=channels, window=64, seconds=200, drain=10)
            kib = contestant.running.process.memory_kib() - empty_kib
            again = contestant.run(events=2_000, window=64, seconds=60, drain=10)
            rows.append(
                {
                    "size": channels,
                    "CPU s for the first event of each": first["server_cpu_s"],
                    "µs a publish with all of them there": again["server_cpu_s"]
                    / max(1, again["events"])
                    * 1e6,
                    "KiB more": kib,
                    "errors": first["publish_errors"] + again["publish_errors"],
                }
            )
    return rows


def _by_history(settings: Settings) -> list[Row]:
    rows = []
    for history in settings.pick((0, 10, 100, 1_000), (0, 100)):
        with contest([AVANCE], RECOVERING_CLIENTS, [], publishers=16, channel=STORED_CHANNEL) as (
            contestant,
        ):
            load, process = contestant.load, contestant.running.process
            # The readers are there only for their position; the history is older than it.
            load.ask("drop")
            contestant.run(events=history + 1, window=16, seconds=60)
            load.connect(RECOVERING_CLIENTS)
            load.ask("drop")
            contestant.run(events=RECOVERED, window=1, seconds=10)
            cpu_s = process.cpu_s()
            answer = load.ask("reconnect", seconds=60)
            rows.append(
                {
                    "size": history,
                    "µs of CPU to come back with 10 missed": (process.cpu_s() - cpu_s)
                    / RECOVERING_CLIENTS
                    * 1e6,
                    "recovered": answer["recovered"],
                    "gaps": answer["gaps"],
                }
            )
    return rows


def _add(outcome: Outcome, name: str, rows: Sequence[Row]) -> None:
    columns = [name, *(key for key in rows[0] if key != "size")]
    table = Table(title=f"Growing {name}", columns=columns)
    table.rows = [[int(row["size"]), *(row[key] for key in columns[1:])] for row in rows]
    outcome.tables.append(table)
    outcome.samples += [{"axis": name, **row} for row in rows]


def _judge(
    outcome: Outcome, name: str, rows: Sequence[Row], keys: Sequence[str], *, is_total: bool
) -> None:
    series = {key: [(row["size"], row[key]) for row in rows] for key in keys}
    outcome.plots[name] = svg(f"Growing {name}", name, "cost", series)
    for key, points in series.items():
        limit = SLOPE_MAX if is_total else SLOPE_MAX - 1
        if key == MEMORY:
            # The first thousands find room in what the process has anyway; from here on each asks for its own.
            points = points[-3:]
        outcome.at_most(f"growth of «{key}» with {name} (exponent)", slope(points), limit)


def measure(settings: Settings) -> Outcome:
    outcome = Outcome()
    plan: tuple[tuple[str, Callable[[Settings], list[Row]], tuple[str, ...], bool], ...] = (
        (
            "connections",
            _by_connections,
            ("CPU s to connect all", "CPU ms a broadcast", MEMORY),
            True,
        ),
        ("channels", _by_channels, ("µs a publish with all of them there",), False),
        ("history", _by_history, ("µs of CPU to come back with 10 missed",), False),
    )
    for name, count, keys, is_total in plan:
        rows = count(settings)
        _add(outcome, name, rows)
        _judge(outcome, name, rows, keys, is_total=is_total)
    outcome.notes.append(
        f"A process here may open {file_limit():,} files, which bounds the connections. "
        "Exponent: by which power of the size the cost grows; 1 is linear, 0 is constant."
    )
    return outcome


if __name__ == "__main__":
    main(NAME, TITLE, measure)
