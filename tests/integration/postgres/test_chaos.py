"""
Kill nodes and the database at random moments, over seeded rounds: every job ends once, nothing acknowledged is lost. Repeat a run with
AVANCE_TEST_CHAOS_SEED; make it longer with AVANCE_TEST_POSTGRES_CHAOS_ROUNDS.
"""

import os
from random import Random

import anyio
import httpx2 as httpx
import pytest
from anyio.to_thread import run_sync
from node_service import Node
from postgres_service import PostgresServer

from .conftest import Cluster

SEED = int(os.environ.get("AVANCE_TEST_CHAOS_SEED", "20261121"))
ROUNDS = int(os.environ.get("AVANCE_TEST_POSTGRES_CHAOS_ROUNDS", "4"))
JOBS_A_ROUND = 6
TERMINAL = {"completed", "failed", "cancelled", "expired"}

pytestmark = pytest.mark.timeout(200)


async def submit(node: Node, random: Random, acknowledged: list[str]) -> None:
    params = {"count": random.randint(1, 20), "pause_s": 0.005}
    async with httpx.AsyncClient(base_url=node.url, timeout=30) as http:
        try:
            answer = await http.post("/v1/jobs", json={"task": "steps", "params": params})
        except httpx.TransportError:
            # Not acknowledged: it may or may not exist.
            return
    if answer.status_code == 200:
        acknowledged.append(answer.json()["id"])
    else:
        assert answer.status_code == 503, answer.text


async def strike(what: int, nodes: list[Node], server: PostgresServer) -> None:
    if what < len(nodes):
        nodes[what].kill()
        await run_sync(nodes[what].start)
    else:
        await run_sync(server.stop, "immediate")
        await run_sync(server.start)


async def ended(http: httpx.AsyncClient, job_id: str) -> str:
    with anyio.fail_after(60):
        while True:
            answer = await http.get(f"/v1/jobs/{job_id}")
            if answer.status_code == 200 and answer.json()["state"] in TERMINAL:
                return str(answer.json()["state"])
            assert answer.status_code in (200, 503), answer.text
            await anyio.sleep(0.1)


async def test_nodes_and_the_database_killed_at_random_moments_lose_nothing(
    cluster: Cluster, postgres_server: PostgresServer
) -> None:
    random = Random(SEED)
    acknowledged: list[str] = []
    async with cluster(1, 1) as nodes:
        for number in range(ROUNDS):
            async with anyio.create_task_group() as group:
                for n in range(JOBS_A_ROUND):
                    group.start_soon(submit, nodes[n % 2], random, acknowledged)
                await anyio.sleep(random.random() * 0.2)
                # Each has its turn; the moment is left to chance.
                await strike((number + SEED) % 3, nodes, postgres_server)
        assert acknowledged
        async with httpx.AsyncClient(base_url=nodes[0].url, timeout=30) as http:
            for job_id in acknowledged:
                assert await ended(http, job_id) == "completed"
                answer = await http.get(
                    f"/v1/jobs/{job_id}/events", params={"since": 0, "limit": 500}
                )
                events = answer.json()["events"]
                ends = [e for e in events if e["type"] == "state" and e["to"] in TERMINAL]
                assert len(ends) == 1
                assert events[-1] == ends[0]
                assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
