"""
A cancel ends the stream at once in whichever phase it comes, and keeps the best plan that has passed the check, if there was one.
docs/contract/routes.md, 2.3 and decision 9.
"""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import anyio
import msgspec
import pytest
from websockets.asyncio.client import connect

from avance.apps.routes.check import check_schedule
from avance.apps.routes.http_files import FullSchedule
from avance.apps.routes.sample import sample_day
from avance.apps.routes.trips import NoRoads

from .conftest import PATIENCE_S, Site, read_all, serving

pytestmark = pytest.mark.timeout(120)

ROUTES = sample_day(500)
"""So many are still searched when the machine has stood still for a while."""


async def cancelled_in(site: Site, phase: str) -> tuple[dict[str, str], int, dict[str, object]]:
    """
    The last frame, the close code, and what is kept.
    """
    job_id = (await site.start(ROUTES))["job_id"]
    with anyio.fail_after(PATIENCE_S):
        async with connect(site.socket_url(job_id), max_size=None) as connection:
            while json.loads(await connection.recv()).get("phase") != phase:
                pass
            answer = (await site.delete(f"/jobs/{job_id}")).json()
            frames, code = await read_all(connection)
    assert answer["status"] == "cancelled"
    return frames[-1], code, (await site.get(f"/jobs/{job_id}/result")).json()


@pytest.mark.parametrize("phase", ["building_chains", "matching_blocks", "local_search"])
async def test_a_cancel_in_the_search_ends_the_stream_and_keeps_a_checked_plan(
    site: Site, phase: str
) -> None:
    """001-22 001-T2 001-T10 001-T14"""
    last, code, kept = await cancelled_in(site, phase)
    assert (last["type"], last["status"], code) == ("status", "cancelled", 1000)
    assert kept["status"] == "cancelled"
    if phase == "building_chains" and "result" not in kept:
        # Before the first plan there is none to keep.
        return
    schedule = msgspec.convert(kept["result"], FullSchedule).schedule
    assert not check_schedule(ROUTES, schedule, NoRoads())


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Site]:
    """
    Beside a server of travel times that takes every question and never answers.
    """
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with serving(tmp_path, osrm_url=url, osrm_timeout_s=60.0) as started:
            yield started


async def test_a_cancel_while_travel_times_are_waited_for_ends_the_stream(waiting: Site) -> None:
    """001-22 001-T2: and the worker takes the next job."""
    last, code, kept = await cancelled_in(waiting, "travel_matrix")
    assert (last["status"], code) == ("cancelled", 1000)
    assert "result" not in kept
    body = json.dumps({"task": "routes.optimize", "params": {"request": "no request"}}).encode()
    job_id = (await waiting.post("/v1/jobs", body)).json()["id"]
    with anyio.fail_after(PATIENCE_S):
        frames, _ = await waiting.frames(job_id)
    assert frames[-1]["error_code"] == "INVALID_INPUT"
