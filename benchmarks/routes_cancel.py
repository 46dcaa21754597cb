"""
An optimization is cancelled in each of its phases: how soon does whoever follows it know, and is the best plan kept?
"""

import json
import statistics
import time

import httpx2 as httpx
import msgspec
from websockets.sync.client import ClientConnection, connect

from avance.apps.routes.check import check_schedule
from avance.apps.routes.http_files import FullSchedule
from avance.apps.routes.model import Route
from avance.apps.routes.sample import sample_day
from avance.apps.routes.trips import NoRoads
from benchmarks.harness.process import CORES
from benchmarks.harness.question import Outcome, Settings, Table, main
from benchmarks.harness.servers import Running, avance_server

NAME = "routes_cancel"
TITLE = "A cancelled optimization ends at once and keeps its best plan"
PHASES = ("preprocessing", "travel_matrix", "building_chains", "matching_blocks", "local_search")
ROUTES = 600
CANCEL_S = 1.0
PATIENCE_S = 60.0


def measure(settings: Settings) -> Outcome:
    outcome = Outcome()
    table = Table(
        title=f"{ROUTES} routes; from the DELETE to the last frame on the socket, ms",
        columns=("phase", "median", "slowest", "plans kept and checked"),
    )
    routes = sample_day(ROUTES)
    rounds = settings.pick(5, 1)
    with Running(avance_server("avance-routes", cores=set(CORES), environment={})) as running:
        address = f"127.0.0.1:{running.port}"
        with httpx.Client(base_url=f"http://{address}", timeout=PATIENCE_S) as http:
            # The first one waits for its worker and the solver process.
            _cancelled(http, address, routes, PHASES[-1])
            for phase in PHASES:
                ended = [_cancelled(http, address, routes, phase) for _ in range(rounds)]
                took_ms = [1000 * took_s for took_s, _ in ended]
                kept = sum(has_plan for _, has_plan in ended)
                row = (phase, statistics.median(took_ms), max(took_ms), f"{kept} of {rounds}")
                table.rows.append(row)
                outcome.samples.append({"phase": phase, "took_ms": took_ms, "kept": kept})
                outcome.at_most(f"cancelled in {phase}", max(took_ms) / 1000, CANCEL_S, " s")
                if phase in PHASES[-2:]:
                    outcome.holds(f"plan kept, cancelled in {phase}", kept == rounds)
    outcome.tables.append(table)
    outcome.notes.append("Before the first plan, which building_chains ends with, there is none to keep.")  # fmt: skip
    return outcome


def _cancelled(
    http: httpx.Client, address: str, routes: list[Route], phase: str
) -> tuple[float, bool]:
    """
    Seconds until the stream had ended, and whether a plan was kept, which must keep all rules.
    """
    started = http.post("/optimize-async", content=msgspec.json.encode(routes))
    started.raise_for_status()
    job_id = started.json()["job_id"]
    with connect(f"ws://{address}/ws/optimize/{job_id}", max_size=None) as socket:
        while _frame(socket).get("phase") != phase:
            pass
        begun_s = time.perf_counter()
        http.delete(f"/jobs/{job_id}").raise_for_status()
        while _frame(socket).get("status") != "cancelled":
            pass
        took_s = time.perf_counter() - begun_s
    kept = http.get(f"/jobs/{job_id}/result").json()
    if "result" not in kept:
        return took_s, False
    schedule = msgspec.convert(kept["result"], FullSchedule).schedule
    violations = check_schedule(routes, schedule, NoRoads())
    assert not violations, violations[:3]
    return took_s, True


def _frame(socket: ClientConnection) -> dict[str, object]:
    frame: dict[str, object] = json.loads(socket.recv(timeout=PATIENCE_S))
    return frame


if __name__ == "__main__":
    main(NAME, TITLE, measure)
