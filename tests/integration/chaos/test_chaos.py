"""
Kill the server or a worker at random moments, over many seeded rounds: every job ends once, no page ever goes back, nothing acknowledged
is lost. Repeat one run with AVANCE_TEST_CHAOS_SEED; make it longer with AVANCE_TEST_CHAOS_ROUNDS.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import anyio
import httpx2 as httpx
import pytest

from .server import Server
from .witness import Screen, Witness, hold_against_the_store, wait_for_the_end

SEED = int(os.environ.get("AVANCE_TEST_CHAOS_SEED", "20261121"))
ROUNDS = int(os.environ.get("AVANCE_TEST_CHAOS_ROUNDS", "200"))
JOBS_A_ROUND = 4

pytestmark = pytest.mark.timeout(200)


def some_work(random: Random) -> dict[str, Any]:
    return random.choice(
        [
            {"task": "work.steps", "params": {"count": random.randint(1, 25), "pause_s": 0.001}},
            {"task": "work.stumbles", "params": {"fails": random.randint(0, 3)}},
            {"task": "work.waits", "params": {"pause_s": random.random() / 20}},
            {"task": "work.family", "params": {"children": random.randint(1, 3)}},
            {"task": "work.fragile", "params": {"pause_s": random.random() / 20}},
        ]
    )


class Trial:
    """
    One server, one client, and the jobs that the server has acknowledged.
    """

    def __init__(
        self, server: Server, http: httpx.AsyncClient, witness: Witness, random: Random
    ) -> None:
        self.server = server
        self.http = http
        self.witness = witness
        self.random = random
        self.acknowledged: list[str] = []

    async def submit(self) -> Screen | None:
        try:
            answer = await self.http.post("/v1/jobs", json=some_work(self.random))
        except httpx.TransportError:
            # Not acknowledged: it may or may not exist.
            return None
        assert answer.status_code == 200, answer.text
        self.acknowledged.append(answer.json()["id"])
        return await self.witness.watch(answer.json()["id"])

    async def settle(self) -> None:
        """
        Wait for the end of every job on its page, then hold the page against the store.
        """
        for job_id, screen in list(self.witness.screens.items()):
            await wait_for_the_end(self.http, screen)
            await hold_against_the_store(self.http, screen)
            await self.witness.forget(job_id)


@asynccontextmanager
async def a_trial(tmp_path: Path, seed: int) -> AsyncIterator[Trial]:
    server = Server(tmp_path / "data")
    await server.start()
    witness = Witness(server.socket_url)
    await witness.open()
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as http:
        try:
            yield Trial(server, http, witness, Random(seed))
        finally:
            await witness.close()
            server.kill()


async def test_workers_killed_at_random_moments_lose_nothing(tmp_path: Path) -> None:
    async with a_trial(tmp_path, SEED) as trial:
        for _ in range(ROUNDS * 3 // 4):
            for _ in range(JOBS_A_ROUND):
                await trial.submit()
            await anyio.sleep(trial.random.random() * 0.03)
            trial.server.kill_a_worker(trial.random.random())
            await trial.settle()
        assert len(trial.acknowledged) == JOBS_A_ROUND * (ROUNDS * 3 // 4)


async def test_servers_killed_at_random_moments_lose_nothing(tmp_path: Path) -> None:
    async with a_trial(tmp_path, SEED + 1) as trial:
        for _ in range(ROUNDS // 4):
            async with anyio.create_task_group() as group:
                for _ in range(JOBS_A_ROUND):
                    group.start_soon(trial.submit)
                await anyio.sleep(trial.random.random() * 0.1)
                trial.server.kill()
            await trial.server.start()
            await trial.settle()
        assert set(trial.acknowledged) <= await all_ended(trial.http)


async def all_ended(http: httpx.AsyncClient) -> set[str]:
    """
    Wait until every job has ended, also those whose submit was never answered, and name them.
    """
    with anyio.fail_after(60):
        for state in ("scheduled", "queued", "running", "retrying"):
            while (await listed(http, state=state)) != set():  # noqa: ASYNC110 - the store is asked from outside
                await anyio.sleep(0.05)
    return await listed(http)


async def listed(http: httpx.AsyncClient, **wanted: str) -> set[str]:
    found: set[str] = set()
    cursor: str | None = None
    while True:
        page = (
            await http.get(
                "/v1/jobs",
                params={"limit": "200", **wanted, **({"cursor": cursor} if cursor else {})},
            )
        ).json()
        found |= {job["id"] for job in page["jobs"]}
        cursor = page.get("cursor")
        if cursor is None:
            return found
