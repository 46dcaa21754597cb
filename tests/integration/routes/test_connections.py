"""
Connections: counted, apart from each other, and gone when they are gone. docs/contract/routes.md, 2.1.

The names of the brief are capabilities: `connect` and `disconnect` are opening and closing a socket, `send_progress` is what a job
tells, `get_connection_count` is `GET /routes/connections`, and the builders are the frames that arrive.
"""

import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import UUID

import anyio
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from avance.apps.routes.sample import sample_day
from avance.config import AuthMode

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
    started = await site.start(sample_day(60))
    job_id = started["job_id"]
    async with AsyncExitStack() as stack:
        tabs = [
            await stack.enter_async_context(connect(site.socket_url(job_id), max_size=None))
            for _ in range(3)
        ]
        first = [json.loads(await tab.recv()) for tab in tabs]
        assert await count(site, job_id) == 3
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


async def test_without_web_sockets_the_path_is_404_and_jobs_run_all_the_same(
    tmp_path: Path,
) -> None:
    """001-29: and progress is followed by polling."""
    with serving(tmp_path, websocket_enabled=False) as site:
        started = await site.start(sample_day(8))
        assert started["websocket_url"] is None
        with pytest.raises(InvalidStatus) as refused:
            await connect(site.socket_url(started["job_id"]))
        with anyio.fail_after(PATIENCE_S):
            while (await site.get(f"/jobs/{started['job_id']}")).json()["status"] != "completed":  # noqa: ASYNC110 - polling is what is shown
                await anyio.sleep(0.05)
    assert refused.value.response.status_code == 404
    assert b"WEBSOCKET_ENABLED" in (refused.value.response.body or b"")


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Site]:
    with serving(tmp_path, auth=AuthMode.TOKEN) as started:
        yield started


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
    token = guarded.portal.call(lambda: guarded.host.token("ana"))
    async with connect(f"{guarded.socket_url(UNKNOWN[0])}?token={token}") as ana:
        assert json.loads(await ana.recv())["status"] == "unknown"
