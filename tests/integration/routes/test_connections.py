"""
Connections: counted, apart from each other, and gone when they are gone. docs/contract/routes.md, 2.1.

The names of the brief are capabilities: `connect` and `disconnect` are opening and closing a socket, `send_progress` is what a job
tells, `get_connection_count` is `GET /routes/connections`, and the builders are the frames that arrive.
"""

import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from uuid import UUID, uuid4

import anyio
import msgspec
import pytest
from websockets.asyncio.client import connect

from avance.apps.routes import app as routes_app
from avance.apps.routes.sample import sample_day
from avance.config import AuthMode
from avance.edge.http.limits import HttpLimits

from .conftest import PATIENCE_S, Site, read_all, serving

pytestmark = pytest.mark.timeout(90)

UNKNOWN = ["a-job-of-nobody", "another-job-of-nobody"]


async def count(site: Site, job_id: str) -> int:
    told = (await site.get("/routes/connections", job_id=job_id)).json()
    assert told["active_connections"] == sum(told["jobs"].values())
    assert told["active_jobs"] == len(told["jobs"])
    return int(told["active_connections"])


async def until_count(site: Site, job_id: str, wanted: int) -> None:
    with anyio.fail_after(PATIENCE_S):
        while await count(site, job_id) != wanted:  # noqa: ASYNC110 - a peer that vanished tells nobody
            await anyio.sleep(0.05)


async def test_connections_are_counted_by_job_and_a_vanished_one_is_not_counted_for_long(
    site: Site,
) -> None:
    """001-01 001-02 001-03 001-04 001-36: connected and disconnected all at once, some with a close and some without."""
    one, other = UNKNOWN

    async def visit(number: int) -> None:
        async with connect(site.socket_url(one)) as connection:
            await connection.recv()
            if number % 2:
                connection.transport.abort()

    async with connect(site.socket_url(other)) as stays:
        await stays.recv()
        async with anyio.create_task_group() as group:
            for number in range(60):
                group.start_soon(visit, number)
        await until_count(site, one, 0)
        assert await count(site, other) == 1
        whole = (await site.get("/routes/connections")).json()
        assert whole["jobs"][other] == 1
        await stays.send('{"action":"ping"}')
        assert json.loads(await stays.recv())["type"] == "pong"
    await until_count(site, other, 0)


async def test_each_receiver_of_progress_is_counted_until_its_job_has_ended(site: Site) -> None:
    """001-04 001-05: three receivers of what one job tells; the frames have the keys that the builders of the brief give them."""
    other = (await site.start(sample_day(12)))["job_id"]
    packed = (await site.get(f"/v1/jobs/{other}/input")).json()["args"][0]
    job_id = str(uuid4())
    async with AsyncExitStack() as stack:
        tabs = [
            await stack.enter_async_context(connect(site.socket_url(job_id), max_size=None))
            for _ in range(3)
        ]
        first = [json.loads(await tab.recv()) for tab in tabs]
        assert await count(site, job_id) == 3
        # Only now there is the job: one that ran already could have ended before they were counted.
        body = {"task": "routes.optimize", "params": {"request": packed}, "job_id": job_id}
        assert (await site.post("/v1/jobs", json.dumps(body).encode())).status_code == 200
        with anyio.fail_after(PATIENCE_S):
            frames = [(await read_all(tab))[0] for tab in tabs]
    told = {frame["type"]: frame for frame in [*first, *frames[0]]}
    assert set(told["status"]) == {"type", "job_id", "status", "message", "timestamp"}
    assert set(told["progress"]) >= {"type", "job_id", "phase", "progress", "message", "timestamp"}
    assert set(told["completed"]) == {"type", "job_id", "result", "stats", "timestamp"}
    assert frames[0][-1] == frames[1][-1] == frames[2][-1]
    await until_count(site, job_id, 0)


async def test_a_thousand_connections_of_one_job_do_not_delay_another(site: Site) -> None:
    """
    001-42 001-T20: while a thousand connect to job A, whoever follows job B gets each pong; what it costs to add and remove one does
    not depend on how many there are, so the last hundred cost what the first hundred cost.
    """
    crowd, calm = UNKNOWN
    pongs = 0
    async with connect(site.socket_url(calm)) as follower, AsyncExitStack() as stack:
        await follower.recv()
        limit = anyio.Semaphore(20)

        async def join() -> None:
            async with limit:
                tab = await stack.enter_async_context(connect(site.socket_url(crowd)))
                await tab.recv()

        async with anyio.create_task_group() as group:
            for number in range(1_000):
                group.start_soon(join)
                if number % 100 == 0:
                    await follower.send('{"action":"ping"}')
                    assert json.loads(await follower.recv())["type"] == "pong"
                    pongs += 1
        assert await count(site, crowd) == 1_000
        assert await count(site, calm) == 1
        await follower.send('{"action":"get_status"}')
        assert json.loads(await follower.recv())["type"] == "status"
    assert pongs == 10


STARTS_MAX = 3


@pytest.fixture(scope="module")
def _guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder, limits = tmp_path_factory.mktemp("guarded"), HttpLimits(starts_per_minute=STARTS_MAX)
    # Nothing is solved here, so no worker is started.
    with serving(folder, auth=AuthMode.TOKEN, http=limits, processes=0) as started:
        yield started


@pytest.fixture
def guarded(_guarded: Site) -> Site:
    routes_app.join(_guarded.host)
    return _guarded


def token_of(site: Site, user: str, **claims: str) -> str:
    token: str = site.portal.call(lambda: site.host.token(user, **claims))
    return token


async def test_ids_are_random_and_in_token_mode_nobody_follows_without_a_token(
    guarded: Site, site: Site
) -> None:
    """001-43: in open mode an id that nobody guesses is all it takes."""
    ids = {(await site.start(sample_day(2)))["job_id"] for _ in range(3)}
    assert {UUID(job_id).version for job_id in ids} == {4}
    assert len(ids) == 3
    async with connect(site.socket_url(ids.pop())) as anybody:
        assert json.loads(await anybody.recv())["type"] == "status"
    async with connect(guarded.socket_url(UNKNOWN[0])) as nobody:
        assert await read_all(nobody) == ([], 1008)
    assert (await guarded.get("/routes/connections")).status_code == 401
    assert (await guarded.post("/optimize-async", b"[]")).status_code == 401
    token = token_of(guarded, "ana")
    async with connect(f"{guarded.socket_url(UNKNOWN[0])}?token={token}") as ana:
        assert json.loads(await ana.recv())["status"] == "unknown"


async def test_in_production_an_admin_sees_who_follows_and_starts_are_limited(
    guarded: Site,
) -> None:
    """001-47: in token mode nobody else sees all the connections, and a planner cannot flood the others."""
    as_ana = {"Authorization": f"Bearer {token_of(guarded, 'ana')}"}
    as_root = {"Authorization": f"Bearer {token_of(guarded, 'root', role='admin')}"}
    body = msgspec.json.encode(sample_day(2))
    async with guarded.client as client, AsyncExitStack() as stack:
        started = (await client.post("/optimize-async", content=body, headers=as_ana)).json()
        job_id = started["job_id"]
        url = f"{guarded.socket_url(job_id)}?token={token_of(guarded, 'ana')}"
        tabs = [await stack.enter_async_context(connect(url)) for _ in range(3)]
        assert {json.loads(await tab.recv())["status"] for tab in tabs} == {"queued"}
        told = (await client.get("/routes/connections", headers=as_root)).json()
        refused = await client.get("/routes/connections", headers=as_ana)
        answers = [
            await client.post("/optimize-async", content=body, headers=as_ana)
            for _ in range(STARTS_MAX)
        ]
        await client.delete(f"/jobs/{job_id}", headers=as_ana)
        assert [(await read_all(tab))[1] for tab in tabs] == [1000] * 3
    assert told["jobs"][job_id] == 3
    assert refused.status_code == 403
    assert [answer.status_code for answer in answers] == [200] * (STARTS_MAX - 1) + [429]
    assert answers[-1].headers["Retry-After"]
    assert "in a minute" in answers[-1].json()["detail"]
