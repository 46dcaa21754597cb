"""
From POST to the schedule, as a client sees it. docs/contract/routes.md.
"""

import json
from itertools import pairwise
from uuid import UUID

import anyio
import httpx2 as httpx
import pytest
from websockets.asyncio.client import connect

from avance.apps.routes.phases import PHASES, starts_at
from avance.apps.routes.sample import sample_day

from .conftest import PATIENCE_S, Site, read_all, unhurried

pytestmark = pytest.mark.timeout(90)

TIMESTAMP = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"


async def accept(site: Site, job_id: str) -> list[dict[str, object]]:
    """
    The acceptance client of 001-39: status, ping, pong, then read until `completed`.
    """
    frames = []
    with unhurried():
        async with connect(site.socket_url(job_id), max_size=None) as connection:
            frames.append(json.loads(await connection.recv()))
            await connection.send(json.dumps({"action": "ping"}))
            frames.append(json.loads(await connection.recv()))
            while frames[-1]["type"] != "completed":
                frames.append(json.loads(await connection.recv()))
    return frames


async def test_the_acceptance_client_ends_on_a_running_and_on_a_finished_job(
    site: Site,
) -> None:
    """001-06 001-11 001-15 001-18 001-39 001-T1"""
    started = await site.start(sample_day(40))
    job_id = started["job_id"]
    assert UUID(job_id).version == 4
    assert started["status"] == "queued"
    assert started["message"] == "Optimización encolada correctamente"
    assert started["task_id"]
    assert started["websocket_url"] == f"/ws/optimize/{job_id}"
    with anyio.fail_after(PATIENCE_S):
        during = await accept(site, job_id)
        after = await accept(site, job_id)
    for frames in (during, after):
        assert frames[0]["type"] == "status"
        assert frames[1]["type"] == "pong"
        assert [frame["type"] for frame in frames].count("completed") == 1
        assert set(frames[-1]) == {"type", "job_id", "result", "stats", "timestamp"}
    assert after[0]["status"] == "completed"
    assert during[-1]["result"] == after[-1]["result"]


async def test_ten_phases_in_order_in_small_steps_then_the_schedule_and_the_close(
    site: Site,
) -> None:
    """001-09 001-14 001-16 001-17 001-26 001-27 001-T3 001-T22"""
    started = await site.start(sample_day(100))
    with anyio.fail_after(PATIENCE_S):
        frames, code = await site.frames(started["job_id"])
    progress = [frame for frame in frames if frame["type"] == "progress"]
    firsts = {}
    for frame in progress:
        firsts.setdefault(frame["phase"], frame)
    assert list(firsts) == list(PHASES)
    for phase, frame in firsts.items():
        assert frame["progress"] == starts_at(phase)
        assert frame["message"] == PHASES[phase].message
    values = [frame["progress"] for frame in progress]
    assert values[0] == 0
    assert values[-1] == 100
    assert all(0 <= after - before <= 5 for before, after in pairwise(values))
    assert all(type(value) is int for value in values)
    assert frames[-1]["type"] == "completed"
    assert code == 1000


async def test_everything_that_http_tells_of_a_job(site: Site) -> None:
    """001-19 001-20 001-21 001-24 001-T11"""
    started = await site.start(sample_day(30))
    job_id = started["job_id"]
    early = (await site.get(f"/jobs/{job_id}/result")).json()
    assert early["job_id"] == job_id
    with anyio.fail_after(PATIENCE_S):
        await site.ended(job_id)
    status = (await site.get(f"/jobs/{job_id}")).json()
    result = await site.get(f"/jobs/{job_id}/result")
    results = await site.get(f"/jobs/{job_id}/results")
    task = (await site.get(f"/tasks/{started['task_id']}")).json()
    unknown = await site.get("/jobs/00000000-0000-4000-8000-000000000000")
    assert set(status) == {
        "job_id", "status", "algorithm", "created_at", "started_at", "completed_at", "error",
        "stage", "phase", "progress", "message", "updated_at", "execution_mode",
    }  # fmt: skip
    assert (status["status"], status["phase"], status["progress"]) == (
        "completed",
        "completed",
        100,
    )
    assert result.status_code == results.status_code == 200
    assert result.content == results.content
    assert result.json()["stats"]["total_routes"] == 30
    assert task["state"] == "SUCCESS"
    assert unknown.status_code == 404
    assert "detail" in unknown.json()


async def test_any_text_is_an_unknown_job_that_may_still_appear(site: Site) -> None:
    """001-07 001-08 001-10 001-13 001-38 001-T6"""
    said = ('{"action":"ping"}', '{"action":"get_status"}', "what", '{"action":"dance"}')
    async with connect(site.socket_url("test-job-id")) as connection:
        with anyio.fail_after(PATIENCE_S):
            first = json.loads(await connection.recv())
            answers = []
            for text in said:
                await connection.send(text)
                answers.append(json.loads(await connection.recv()))
    assert (first["type"], first["status"]) == ("status", "unknown")
    assert "no se conoce" in first["message"].lower()
    assert [answer["type"] for answer in answers] == ["pong", "status", "error", "error"]
    assert answers[1]["status"] == "unknown"
    assert {answer["error_code"] for answer in answers[2:]} == {"BAD_MESSAGE"}


async def test_a_job_that_comes_later_flows_to_who_waited_for_it(site: Site) -> None:
    """001-T6"""
    later = "0f8fad5b-d9cb-469f-a165-70867728950e"
    async with connect(site.socket_url(later), max_size=None) as connection:
        assert json.loads(await connection.recv())["status"] == "unknown"
        started = await site.start(sample_day(12))
        packed = (await site.get(f"/v1/jobs/{started['job_id']}/input")).json()["args"][0]
        body = {"task": "routes.optimize", "params": {"request": packed}, "job_id": later}
        assert (await site.post("/v1/jobs", json.dumps(body).encode())).status_code == 200
        with anyio.fail_after(PATIENCE_S):
            frames, code = await read_all(connection)
    assert frames[-1]["type"] == "completed"
    assert code == 1000


async def test_get_status_tells_the_state_and_the_latest_progress(site: Site) -> None:
    """001-08 001-T6"""
    started = await site.start(sample_day(12))
    with anyio.fail_after(PATIENCE_S):
        await site.ended(started["job_id"])
        with unhurried():
            async with connect(site.socket_url(started["job_id"]), max_size=None) as connection:
                greeting = json.loads(await connection.recv())
                await connection.send('{"action":"get_status"}')
                status = json.loads(await connection.recv())
                progress = json.loads(await connection.recv())
                frames, code = await read_all(connection)
    assert greeting["status"] == status["status"] == "completed"
    assert (progress["type"], progress["progress"]) == ("progress", 100)
    assert all(frame["progress"] >= 100 for frame in frames if frame["type"] == "progress")
    assert frames[-1]["type"] == "completed"
    assert code == 1000


async def test_each_of_several_connections_is_told_everything_once(site: Site) -> None:
    """001-01 001-T4"""
    started = await site.start(sample_day(30))
    told: list[list[dict[str, object]]] = []

    async def follow() -> None:
        frames, _ = await site.frames(started["job_id"])
        told.append([f for f in frames if f["type"] == "progress"])

    with anyio.fail_after(PATIENCE_S):
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(follow)
    assert told[0] == told[1] == told[2]
    seen = [json.dumps({**f, "timestamp": ""}, sort_keys=True) for f in told[0]]
    assert len(seen) == len(set(seen))


async def test_cancel_keeps_the_best_plan_and_ends_the_stream(site: Site) -> None:
    """001-22 001-45 001-T2 001-T10"""
    # So large that it is still searched when the machine has stood still for a while.
    started = await site.start(sample_day(500))
    job_id = started["job_id"]
    async with connect(site.socket_url(job_id), max_size=None) as connection:
        with anyio.fail_after(PATIENCE_S):
            while True:
                frame = json.loads(await connection.recv())
                if frame["type"] == "progress" and "best_buses" in frame:
                    break
            answer = await site.delete(f"/jobs/{job_id}")
            frames, code = await read_all(connection)
            again = await site.delete(f"/jobs/{job_id}")
    late, late_code = await site.frames(job_id)
    kept = (await site.get(f"/jobs/{job_id}/result")).json()
    assert answer.status_code == again.status_code == 200
    assert answer.json()["status"] == "cancelled"
    assert frames[-1]["type"] == "status"
    assert frames[-1]["status"] == "cancelled"
    assert code == late_code == 1000
    assert [f["status"] for f in late if f["type"] == "status"] == ["cancelled"]
    assert kept["stats"]["total_routes"] == 500


async def test_a_finished_job_cannot_be_cancelled(site: Site) -> None:
    """001-22"""
    started = await site.start(sample_day(8))
    with anyio.fail_after(PATIENCE_S):
        await site.ended(started["job_id"])
    refused = await site.delete(f"/jobs/{started['job_id']}")
    assert refused.status_code == 400
    assert "completed" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "invalid_json"),
        (b"[]", "routes_unusable"),
        (b'{"routes": 5}', "routes_unusable"),
        (b'[{"id": "a", "type": "entry", "stops": [{"lat": 42.5}]}]', "routes_unusable"),
    ],
)
async def test_a_body_of_which_nothing_can_be_used_is_422(
    site: Site, body: bytes, code: str
) -> None:
    """001-T13"""
    answer: httpx.Response = await site.post("/optimize-async", body)
    assert answer.status_code == 422
    assert answer.json()["code"] == code
    assert answer.json()["detail"]
