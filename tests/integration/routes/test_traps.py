"""
What earlier implementations got wrong. docs/contract/routes.md, 4.
"""

import json
import os
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from websockets.asyncio.client import connect

from avance.apps.routes.engine import Engine
from avance.apps.routes.model import Kind, Route, Stop
from avance.apps.routes.request import Request
from avance.apps.routes.sample import sample_day
from avance.apps.routes.solve import SolverProcess
from avance.apps.routes.solver.options import SearchOptions
from avance.dialect import Close, Do, Effect, Send, Visit
from avance.web import Identity

from .conftest import PATIENCE_S, Site, read_all
from .planning.plans import InProcess
from .test_osrm import Quiet

pytestmark = pytest.mark.timeout(90)

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def solver_processes() -> set[int]:
    """
    Those that run now on this machine below this test run.
    """
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if (
                b"routes.solver.process" in command
                and stat[0] != "Z"
                and _is_below(int(entry.name))
            ):
                found.add(int(entry.name))
    return found


def _is_below(pid: int) -> bool:
    while pid > 1:
        if pid == os.getpid():
            return True
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
    return False


async def test_cancel_frees_the_processor_and_stays_cancelled(site: Site) -> None:
    """001-22 001-23 001-T2"""
    started = await site.start(sample_day(500))
    job_id = started["job_id"]
    with anyio.fail_after(PATIENCE_S):
        async with connect(site.socket_url(job_id), max_size=None) as connection:
            while json.loads(await connection.recv()).get("phase") != "local_search":
                pass
            before = await anyio.to_thread.run_sync(solver_processes)
            assert before
            assert (await site.delete(f"/jobs/{job_id}")).json()["status"] == "cancelled"
            assert (await site.get(f"/jobs/{job_id}")).json()["status"] == "cancelled"
            await read_all(connection)
        # Others of this test run keep theirs warm; the one that worked is gone.
        while before <= await anyio.to_thread.run_sync(solver_processes):  # noqa: ASYNC110 - a process tells nobody of its end
            await anyio.sleep(0.05)
        # The worker is free for the next job, and the cancelled one has not changed.
        other = await site.start(sample_day(10))
        await site.ended(other["job_id"])
    status = (await site.get(f"/jobs/{job_id}")).json()
    assert status["status"] == "cancelled"
    assert (await site.get(f"/tasks/{job_id}")).json()["state"] == "REVOKED"


async def test_a_job_that_fails_ends_its_stream_with_one_error_also_for_who_comes_later(
    site: Site,
) -> None:
    """001-12 001-T10"""
    body = json.dumps({"task": "routes.optimize", "params": {"request": "no request"}}).encode()
    job_id = (await site.post("/v1/jobs", body)).json()["id"]
    with anyio.fail_after(PATIENCE_S):
        frames, code = await site.frames(job_id)
        late, late_code = await site.frames(job_id)
    for told in (frames, late):
        errors = [frame for frame in told if frame["type"] == "error"]
        assert len(errors) == 1
        assert told[-1] == errors[0]
        assert set(errors[0]) == {"type", "job_id", "error_code", "message", "timestamp"}
        assert errors[0]["error_code"] == "INVALID_INPUT"
    assert late[0]["status"] == "failed"
    assert code == late_code == 1000
    result = (await site.get(f"/jobs/{job_id}/result")).json()
    assert set(result) == {"job_id", "status", "error"}


async def test_post_answers_at_once_and_health_answers_during_the_run(site: Site) -> None:
    """001-T7"""
    started = await site.start(sample_day(228))
    status = (await site.get(f"/jobs/{started['job_id']}")).json()
    health = await site.get("/health")
    with anyio.fail_after(PATIENCE_S):
        while status["status"] == "queued":
            status = (await site.get(f"/jobs/{started['job_id']}")).json()
            assert (await site.get("/health")).status_code == 200
    assert started["task_id"]
    assert status["status"] == "running"
    assert health.json()["status"] == "healthy"
    await site.delete(f"/jobs/{started['job_id']}")


@contextmanager
def other_time_zone() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Pacific/Auckland"
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


async def test_every_moment_is_utc_with_z_wherever_the_server_is(site: Site) -> None:
    """001-14 001-T21"""
    with other_time_zone():
        started = await site.start(sample_day(8))
        with anyio.fail_after(PATIENCE_S):
            frames, _ = await site.frames(started["job_id"])
        status = (await site.get(f"/jobs/{started['job_id']}")).json()
    moments = [frame["timestamp"] for frame in frames]
    moments += [status[name] for name in ("created_at", "started_at", "completed_at", "updated_at")]
    assert all(STAMP.fullmatch(moment) for moment in moments)
    assert max(moments) <= status["updated_at"]
    assert min(moments) >= status["created_at"]


async def test_a_result_with_empty_fields_and_times_after_midnight_goes_through_everything(
    site: Site,
) -> None:
    """001-T12"""
    route = Route(id="n", type=Kind.EXIT, stops=(Stop(lat=42.5, lon=-8.2),), departure_time="25:30")
    started = await site.start([route])
    with anyio.fail_after(PATIENCE_S):
        frames, _ = await site.frames(started["job_id"])
    stored = (await site.get(f"/jobs/{started['job_id']}/result")).json()
    assert frames[-1]["result"] == stored["result"]
    (item,) = stored["result"]["schedule"][0]["items"]
    assert item["start_time"] == "25:30:00"
    assert item["contract_id"] is None
    assert item["vehicle_capacity_range"] is None


def run(routes: list[Route], solver: SolverProcess) -> Any:
    request = Request(routes=tuple(routes), search=SearchOptions(shakes=10))
    return Engine(request, solver, Quiet(), lambda _: None, time.monotonic).run()


def test_two_runs_at_once_give_what_each_gives_alone() -> None:
    """001-T17"""
    days = [sample_day(24, seed=1), sample_day(30, seed=2)]
    solvers = [SolverProcess(), SolverProcess()]
    try:
        alone = [run(day, solvers[0]) for day in days]
        with ThreadPoolExecutor(2) as threads:
            together = list(threads.map(run, days, solvers))
    finally:
        for solver in solvers:
            solver.end()
    for one, other in zip(alone, together, strict=True):
        assert one.result.schedule == other.result.schedule
        assert one.stats == other.stats
        ours, theirs = (dict(answer.result.diagnostics) for answer in (one, other))
        ours.pop("phase_time_sec")
        theirs.pop("phase_time_sec")
        assert ours == theirs


async def told(effects: Any) -> list[Effect]:
    """
    Carry out what waits, and answer the rest.
    """
    out: list[Effect] = []
    for effect in effects:
        if isinstance(effect, Do):
            out += await told(await effect.work())
        else:
            out.append(effect)
    return out


async def test_a_failed_attempt_is_not_a_failed_job(site: Site) -> None:
    """001-34 001-T5: running and progress until the third attempt succeeds, and never an error."""
    started = await site.start(sample_day(8))
    await site.ended(started["job_id"])
    job_id = started["job_id"]

    async def talk() -> list[Effect]:
        from avance.apps.routes.dialect import speak  # noqa: PLC0415

        dialect = speak(site.host)
        identity = Identity(user="dev", role="admin")  # type: ignore[arg-type]
        visit = Visit(identity=identity, path={"job_id": job_id}, query={})
        await told(dialect.opened(visit))
        out: list[Effect] = []
        top = 10_000
        error = {"kind": "error", "code": "solver_lost", "message": "gone"}
        for attempt in (1, 2, 3):
            base = {"job_id": job_id, "attempt": attempt, "ts": "2026-01-01T00:00:00.000Z"}
            last = "completed" if attempt == 3 else "retrying"
            for event in (
                {"type": "state", "to": "running"},
                {"type": "progress", "progress": {"percent": 15.0 * attempt, "phase": "loading"}},
                *([] if attempt == 3 else [{"type": "error", "error": error}]),
                {"type": "state", "to": last},
            ):
                top += 1
                out += await told(dialect.happened(f"job:{job_id}", {**base, **event, "seq": top}))
        return out

    effects = site.portal.call(talk)
    frames = [json.loads(one.text) for one in effects if isinstance(one, Send)]
    assert {frame["type"] for frame in frames} == {"status", "progress", "completed"}
    assert {frame["status"] for frame in frames if frame["type"] == "status"} == {"running"}
    assert "attempt 2" in " ".join(str(frame.get("message")) for frame in frames)
    assert isinstance(effects[-1], Close)


def test_the_retries_wait_one_two_and_four_minutes() -> None:
    """001-34"""
    from avance.apps.routes import optimize  # noqa: PLC0415

    policy = optimize.options.retry_policy
    assert [policy.wait_s(errors) for errors in (1, 2, 3)] == [60, 120, 240]
    assert policy.max_attempts == 4


def test_a_callback_that_fails_does_not_break_the_run(caplog: pytest.LogCaptureFixture) -> None:
    """001-28 001-37"""
    from avance.apps.routes.engine import GuardedSink  # noqa: PLC0415

    class Broken(Quiet):
        def show(self, *told: object) -> None:
            raise RuntimeError("nobody listens")

    request = Request(routes=tuple(sample_day(10)), search=SearchOptions(shakes=3))
    sink = GuardedSink(Broken())
    answer = Engine(request, InProcess(), sink, lambda _: None, time.monotonic).run()
    assert answer.stats.total_routes == 10
    assert "nobody listens" in caplog.text


async def test_the_literal_frames_of_the_contract_have_our_shape(site: Site) -> None:
    """001-09 001-10 001-11 001-12 001-13"""
    page = await anyio.Path(Path(__file__).parents[3] / "docs/contract/routes.md").read_text()
    section = page.partition("### 2.4")[2].partition("Answer of")[0].partition("Server → client")[2]
    examples = [json.loads(found) for found in re.findall(r"```json\n(.*?)```", section, re.DOTALL)]
    started = await site.start(sample_day(8))
    with anyio.fail_after(PATIENCE_S):
        frames, _ = await site.frames(started["job_id"])
    for example in examples:
        ours = [frame for frame in frames if frame["type"] == example["type"]]
        for frame in ours:
            assert set(example) <= set(frame)
            for key, value in example.items():
                assert type(frame[key]) is type(value)
    assert {example["type"] for example in examples} == {"progress", "status", "completed", "error", "pong"}  # fmt: skip
    assert msgspec.json.encode(frames[-1])
