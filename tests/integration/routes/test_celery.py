"""
Optimizations on a real Celery worker: everything that a client sees is as it is without. docs/contract/routes.md, 2.3 and decisions 2, 10
and 11.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import msgspec
import pytest
from celery_worker import Worker
from redis_service import RedisServer
from websockets.asyncio.client import connect

from avance.apps.routes.check import check_schedule
from avance.apps.routes.http_files import FullSchedule
from avance.apps.routes.phases import PHASES
from avance.apps.routes.sample import sample_day
from avance.apps.routes.trips import NoRoads

from .conftest import PATIENCE_S, Site, read_all, serving
from .test_acceptance import accept

HERE = Path(__file__).parent
pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("planners-redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def worker(server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(HERE))
        worker = Worker(server.url, tmp_path_factory.mktemp("planners") / "log", app="planners")
    yield worker
    worker.kill()


@pytest.fixture(scope="module")
def beside(server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHORES_REDIS", server.url)
        patch.syspath_prepend(str(HERE))
        folder = tmp_path_factory.mktemp("beside")
        with serving(folder, bus=server.url, celery_app="planners:app") as started:
            yield started
        sys.modules.pop("planners", None)


async def test_the_acceptance_client_ends_with_a_celery_worker_as_well(
    beside: Site, worker: Worker
) -> None:
    """001-T1 001-23 001-24 001-25 001-39"""
    routes = sample_day(30)
    with anyio.fail_after(PATIENCE_S):
        started = await beside.start(routes)
        job_id = started["job_id"]
        during = await accept(beside, job_id)
        after = await accept(beside, job_id)
    assert started["task_id"] == job_id
    for frames in (during, after):
        assert (frames[0]["type"], frames[1]["type"]) == ("status", "pong")
        assert [frame["type"] for frame in frames].count("completed") == 1
    assert during[-1]["result"] == after[-1]["result"]
    schedule = msgspec.convert(after[-1]["result"], FullSchedule).schedule
    assert not check_schedule(routes, schedule, NoRoads())
    shown = [frame for frame in after if frame["type"] == "progress"]
    assert list(dict.fromkeys(frame["phase"] for frame in shown)) == list(PHASES)
    values = [frame["progress"] for frame in shown]
    assert values == sorted(values)
    assert values[-1] == 100
    assert (await beside.get(f"/jobs/{job_id}")).json()["execution_mode"] == "celery"
    assert (await beside.get(f"/tasks/{job_id}")).json()["state"] == "SUCCESS"


async def test_a_plan_of_celery_is_explained_and_asked_what_if(
    beside: Site, worker: Worker
) -> None:
    routes = sample_day(20)
    with anyio.fail_after(PATIENCE_S):
        job_id = (await beside.start(routes))["job_id"]
        await beside.ended(job_id)
        why = await beside.get(f"/jobs/{job_id}/explain", route=routes[0].id)
        body = json.dumps({"changes": [{"route_id": routes[0].id, "is_removed": True}]}).encode()
        again = (await beside.post(f"/jobs/{job_id}/what-if", body)).json()["job_id"]
        await beside.ended(again)
    assert why.status_code == 200
    assert (await beside.get(f"/jobs/{again}/result")).json()["stats"]["total_routes"] == 19


async def test_a_cancelled_task_gets_sigterm_and_its_best_plan_stays(
    beside: Site, worker: Worker
) -> None:
    """001-22 001-23 001-T2"""
    with anyio.fail_after(PATIENCE_S):
        job_id = (await beside.start(sample_day(400)))["job_id"]
        async with connect(beside.socket_url(job_id), max_size=None) as connection:
            while "best_buses" not in json.loads(await connection.recv()):
                pass
            answer = await beside.delete(f"/jobs/{job_id}")
            frames, code = await read_all(connection)
        while "Terminating" not in worker.log():  # noqa: ASYNC110 - another process writes it
            await anyio.sleep(0.05)
        # The worker is free for the next one.
        await beside.ended((await beside.start(sample_day(8)))["job_id"])
    assert answer.json()["status"] == frames[-1]["status"] == "cancelled"
    assert code == 1000
    kept = (await beside.get(f"/jobs/{job_id}/result")).json()
    assert kept["status"] == "cancelled"
    assert kept["stats"]["total_routes"] == 400
    assert (await beside.get(f"/tasks/{job_id}")).json()["state"] == "REVOKED"


async def planned(site: Site) -> dict[str, str]:
    with anyio.fail_after(PATIENCE_S):
        job_id = (await site.start(sample_day(8)))["job_id"]
        await site.ended(job_id)
    status: dict[str, str] = (await site.get(f"/jobs/{job_id}")).json()
    return status


AWAY = "redis://127.0.0.1:1/0"


@pytest.mark.parametrize(
    ("has_bus", "warning"),
    [
        (True, "Celery does not take the optimization"),
        (False, "set AVANCE_BUS"),
    ],
)
def test_with_a_broker_that_is_away_the_embedded_workers_take_the_job(
    has_bus: bool,
    warning: str,
    server: RedisServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """001-29 001-44 001-45: nobody has to say which is there."""
    monkeypatch.setenv("CHORES_REDIS", AWAY)
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.delitem(sys.modules, "planners", raising=False)
    bus = server.url if has_bus else None
    with serving(tmp_path, bus=bus, celery_app="planners:app") as site:
        status = anyio.run(planned, site)
    told = [one.getMessage() for one in caplog.records if one.name == "avance.routes"]
    assert (status["status"], status["execution_mode"]) == ("completed", "embedded")
    assert any(warning in one for one in told)
