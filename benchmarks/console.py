"""
Console: what a table of a thousand jobs that move costs a browser in each frame, and how much it loads first.
"""

import json
import subprocess
import tempfile
from typing import Any

from benchmarks.harness.places import REPOSITORY
from benchmarks.harness.process import CORES
from benchmarks.harness.question import Outcome, Settings, Table, arguments, ask
from benchmarks.harness.servers import Running, avance_command, avance_server

NAME = "console"
TITLE = "Console: a thousand live rows"
E2E = REPOSITORY / "tests/e2e"
ROWS = 1_000
FRAME_MS = 16.0
FIRST_ROWS_MS = 1_000.0
TIMEOUT_S = 300
COSTS = ("TaskDuration", "ScriptDuration", "LayoutDuration", "RecalcStyleDuration")


def measure(settings: Settings) -> Outcome:
    subprocess.run([REPOSITORY / "scripts/console"], check=True)
    outcome = Outcome()
    table = Table(
        title=f"{ROWS} rows, 20 events a second",
        columns=(
            "run",
            "frames/s",
            "frame p50 ms",
            "frame p99 ms",
            "CPU ms a frame",
            "script",
            "layout",
            "style",
            "first rows ms",
        ),
    )
    seconds = settings.pick(10, 3)
    for run in range(settings.pick(3, 1)):
        told = _drive(seconds)
        outcome.samples.append(told)
        costs = [told["cpuMsPerFrame"][name] for name in COSTS]
        frame = told["frameMs"]
        table.rows.append(
            (
                run + 1,
                told["frames"] / seconds,
                frame["p50"],
                frame["p99"],
                *costs,
                told["firstRowsMs"],
            )
        )
    outcome.tables.append(table)
    worst = max(told["cpuMsPerFrame"]["TaskDuration"] for told in outcome.samples)
    outcome.at_most("main thread of the page, CPU a frame", worst, FRAME_MS, " ms")
    first = min(told["firstRowsMs"] for told in outcome.samples)
    outcome.at_most("from the click on a link to the first rows, cold", first, FIRST_ROWS_MS, " ms")
    outcome.notes.append(
        "Headless Chromium draws without a GPU, beside the server, on the same cores."
    )
    return outcome


def _drive(seconds: int) -> dict[str, Any]:
    """
    The script of the test, with a longer look.
    """
    server = avance_server(
        "avance-console",
        cores=set(CORES),
        command=avance_command("tests.e2e.rows_app:app"),
        environment={},
    )
    with Running(server) as running, tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [
                "node",
                E2E / "rows.mjs",
                f"http://127.0.0.1:{running.port}",
                folder,
                str(ROWS),
                str(seconds),
            ],
            capture_output=True,
            check=True,
            cwd=REPOSITORY,
            text=True,
            timeout=TIMEOUT_S,
        )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


if __name__ == "__main__":
    # Without the peers and the load generator, which this question does not need.
    ask(NAME, TITLE, measure, Settings(quick=arguments(TITLE).parse_args().quick))
