"""
From `job.progress()` in a worker process to the socket of a browser: how long?
"""

import json
import time
import urllib.request
from typing import Any

from benchmarks.harness.process import CORES
from benchmarks.harness.question import Outcome, Settings, Table, main
from benchmarks.harness.servers import Running, avance_command, avance_server

NAME = "progress_latency"
TITLE = "From job.progress() in a worker process to the socket"
JOBS = 2
"""As many as there are worker processes with two cores."""
RATES = (100, 1_000)
TARGET_RATE = 1_000
TARGET_P50_MS = 5.0
TARGET_P99_MS = 20.0
HEAD_START_S = 2.0
"""Between the submit and the first report: the subscriptions must stand by then."""

SERVER = avance_server(
    name="avance-with-tasks", command=avance_command("benchmarks.app:app"), cores=set(CORES)
)


def _submit(running: Running, begin_at_ns: int, count: int, gap_ns: int) -> str:
    body = {
        "task": "tick",
        "params": {"begin_at_ns": begin_at_ns, "count": count, "gap_ns": gap_ns},
    }
    request = urllib.request.Request(
        f"http://127.0.0.1:{running.port}/v1/jobs",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        submitted: dict[str, Any] = json.load(answer)
    return str(submitted["id"])


def _measure_rate(running: Running, rate: int, seconds: float) -> dict[str, Any]:
    count, gap_ns = int(rate * seconds / JOBS), int(1e9 * JOBS / rate)
    begin_at_ns = time.monotonic_ns() + int(HEAD_START_S * 1e9)
    jobs = [
        _submit(running, begin_at_ns + index * gap_ns // JOBS, count, gap_ns)
        for index in range(JOBS)
    ]
    with running.load(
        JOBS, channel_list=",".join(f"job:{job}" for job in jobs), stamp="t="
    ) as load:
        load.connect(JOBS)
        if time.monotonic_ns() >= begin_at_ns:
            raise RuntimeError(
                "the jobs began before the subscriptions stood; the machine is too busy"
            )
        # States and ends come on the same channels and have no stamp, so they are counted as deliveries only.
        answer = load.ask("run", deliveries=JOBS * count, seconds=HEAD_START_S + seconds + 10)
    latency = answer["latency_ms"] or {
        "count": 0,
        "p50": float("inf"),
        "p99": float("inf"),
        "max": float("inf"),
    }
    return {"rate": rate, "reported": JOBS * count, **answer, "latency_ms": latency}


def measure(settings: Settings) -> Outcome:
    outcome = Outcome()
    table = Table(
        title=f"{JOBS} jobs in worker processes, one browser each; SQLite, durability full",
        columns=(
            "reports a second",
            "reported",
            "arrived",
            "p50 ms",
            "p90 ms",
            "p99 ms",
            "max ms",
            "gaps",
        ),
    )
    with Running(SERVER) as running:
        _measure_rate(running, RATES[0], 1.0)
        for rate in RATES:
            sample = _measure_rate(running, rate, settings.pick(6.0, 2.0))
            latency = sample["latency_ms"]
            table.rows.append(
                (
                    rate,
                    sample["reported"],
                    latency["count"],
                    latency["p50"],
                    latency.get("p90"),
                    latency["p99"],
                    latency["max"],
                    sample["gaps"],
                )
            )
            outcome.samples.append(sample)
            if rate == TARGET_RATE:
                outcome.at_most(
                    f"p50 at {rate:,} events a second", latency["p50"], TARGET_P50_MS, " ms"
                )
                outcome.at_most(
                    f"p99 at {rate:,} events a second", latency["p99"], TARGET_P99_MS, " ms"
                )
    outcome.tables.append(table)
    outcome.notes.append(
        "The task's throttle is off; the server and its workers have all cores, as after `avance serve`."
    )
    return outcome


if __name__ == "__main__":
    main(NAME, TITLE, measure)
