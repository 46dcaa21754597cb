"""
Both sockets while clients come, go and stall. docs/contract/ingest.md and docs/contract/uploads.md, section 4.
"""

import asyncio
import itertools
from collections.abc import Callable

import httpx2 as httpx
from node_service import Node
from websockets.asyncio.client import connect

from .conftest import TOKEN_MODE
from .following import Frame, frames
from .test_uploads import document, upload

Serve = Callable[..., Node]


async def test_two_hundred_clients_come_and_go_and_who_stays_has_every_frame_once(
    node: Node, http: httpx.AsyncClient
) -> None:
    """
    000-T15, 000-03, 000-01, 000-04: half of those that go do so without a word; the server counts none of them afterwards.
    """
    waiting = await upload(http, document(120), collection_name="crowd")
    address = f"{node.url.replace('http', 'ws', 1)}/ws/{waiting}"
    gone = 0

    async def visit(number: int) -> None:
        nonlocal gone
        # Whoever says good-bye hears first what is on its way, and none of it may wait for being read.
        async with connect(address, max_queue=None) as one:
            await one.recv()
            if number % 2:
                one.transport.abort()
        gone += 1

    async with asyncio.TaskGroup() as group:
        staying = [group.create_task(frames(node.url, f"/ws/{waiting}")) for _ in range(5)]
        for number in range(200):
            group.create_task(visit(number))
    told = [task.result() for task in staying]
    assert gone == 200
    for said, code in told:
        assert code == 1000
        percents = [frame["progress_percent"] for frame in said]
        assert percents == sorted(percents)
        assert [a for a, b in itertools.pairwise(map(_place, said)) if a == b] == []
        assert len({_place(frame) for frame in said}) == len(said)
        assert (said[0]["status"], said[-1]["status"]) == ("received", "completed")
    while await _followers(http):  # noqa: ASYNC110 - whoever vanished tells nobody
        await asyncio.sleep(0.05)
    assert "Traceback" not in node.log()


def _place(frame: Frame) -> tuple[object, ...]:
    return tuple(value for key, value in frame.items() if key not in ("timestamp", "metrics"))


async def _followers(http: httpx.AsyncClient) -> int:
    lines = (await http.get("/metrics")).text.splitlines()
    return sum(
        round(float(line.rpartition(" ")[2]))
        for line in lines
        if line.startswith("avance_subscriptions")
    )


async def test_a_limit_that_is_declared_is_enforced(serve: Serve) -> None:
    """
    000-T14: two a minute; the third is 429 and told when to come back, sockets and the health are not limited.
    """
    node = serve(**TOKEN_MODE, AVANCE_HTTP_STARTS_PER_MINUTE="2")
    ana = {"X-API-Key": "ana-key"}
    async with httpx.AsyncClient(base_url=node.url, headers=ana, timeout=60) as http:
        answers = [
            await http.post("/ingest", files={"file": (f"{n}.txt", b"text %d" % n)})
            for n in range(3)
        ]
        assert [one.status_code for one in answers] == [200, 200, 429]
        assert int(answers[2].headers["retry-after"]) > 0
        for _ in range(5):
            assert (await http.get("/health")).status_code == 200
            said, code = await frames(node.url, f"/ws/jobs/{answers[0].json()['job_id']}", **ana)
            assert (said[-1]["status"], code) == ("completed", 1000)
