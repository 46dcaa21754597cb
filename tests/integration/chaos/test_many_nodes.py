"""
Two serving nodes and two workers on one PostgreSQL and one Redis, each behind a network of its own; clients on both nodes. Everything is
killed or cut in turn: every page converges on the same end, every job ends once, nothing acknowledged is lost.

What happens, to whom and when is drawn from AVANCE_TEST_CHAOS_SEED; make it longer with AVANCE_TEST_NODES_CHAOS_ROUNDS.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random

import anyio
import httpx2 as httpx
import pytest
from anyio.to_thread import run_sync
from broken_link import Link
from node_service import Node
from postgres_service import PostgresServer
from redis_service import RedisServer
from worker_service import WorkerProcess

from .test_chaos import SEED, all_ended, some_work
from .witness import Witness, hold_against_the_store, wait_for_the_end

ROUNDS = int(os.environ.get("AVANCE_TEST_NODES_CHAOS_ROUNDS", "1"))
JOBS_A_STRIKE = 5
CUT_S_MAX = 4.0
LEASE_S = 3.0
HERE = Path(__file__).parent

pytestmark = pytest.mark.timeout(120 + 60 * ROUNDS)


class Site:
    """
    A process with its own network to both servers.
    """

    def __init__(self, redis: Link, postgres: Link, database: str) -> None:
        self.links = (redis, postgres)
        self.env = {
            "AVANCE_STORE": f"postgresql://postgres@127.0.0.1:{postgres.port}/{database}",
            "REDIS_URL": f"redis://127.0.0.1:{redis.port}/0",
            "AVANCE_DISPATCHER_LEASE_S": str(LEASE_S),
            "AVANCE_DISPATCHER_RENEW_INTERVAL_S": "0.5",
        }


class Town:
    """
    All of it, what was acknowledged, and the pages of both clients.
    """

    def __init__(
        self,
        sites: Sequence[Site],
        nodes: Sequence[Node],
        workers: Sequence[WorkerProcess],
        redis: RedisServer,
        postgres: PostgresServer,
        random: Random,
    ) -> None:
        self._sites = sites
        self._nodes = nodes
        self._workers = workers
        self._redis = redis
        self._postgres = postgres
        self._random = random
        self._acknowledged: list[str] = []
        self.witnesses = [Witness(f"ws://127.0.0.1:{node.port}") for node in nodes]

    def faults(self) -> list[Callable[[], Awaitable[None]]]:
        """
        One of each, in an order of its own.
        """
        faults = [
            self.kill_a_node,
            self.kill_a_worker,
            self.kill_redis,
            self.kill_postgres,
            self.cut_the_network,
            self.stall_the_network,
        ]
        self._random.shuffle(faults)
        return faults

    async def kill_a_node(self) -> None:
        node = self._random.choice(self._nodes)
        node.kill()
        await run_sync(node.start)

    async def kill_a_worker(self) -> None:
        worker = self._random.choice(self._workers)
        worker.kill()
        await run_sync(worker.start)

    async def kill_redis(self) -> None:
        self._redis.stop()
        await anyio.sleep(self._random.random())
        await run_sync(self._redis.start)

    async def kill_postgres(self) -> None:
        # As if the power failed.
        await run_sync(self._postgres.stop, "immediate")
        await anyio.sleep(self._random.random())
        await run_sync(self._postgres.start)

    async def cut_the_network(self) -> None:
        site = self._random.choice(self._sites)
        for link in site.links:
            await link.cut()
        await anyio.sleep(self._random.random() * CUT_S_MAX)
        for link in site.links:
            await link.mend()

    async def stall_the_network(self) -> None:
        site = self._random.choice(self._sites)
        for link in site.links:
            link.stall()
        # Longer than a lease, so that what arrives late comes from an attempt that was given up.
        await anyio.sleep(LEASE_S + self._random.random())
        for link in site.links:
            await link.mend()

    async def strike(self, fault: Callable[[], Awaitable[None]]) -> None:
        """
        Submit at both nodes, and have the fault in the middle of it.
        """
        async with anyio.create_task_group() as group:
            for n in range(JOBS_A_STRIKE):
                group.start_soon(self._submit, self._nodes[n % 2], some_work(self._random))
            await anyio.sleep(self._random.random() * 0.3)
            await fault()

    async def settle(self) -> None:
        """
        Wait for the end of every job on both pages, and hold them against the store.
        """
        assert len(self._acknowledged) >= JOBS_A_STRIKE, "hardly anything was acknowledged"
        async with httpx.AsyncClient(base_url=self._nodes[0].url, timeout=30) as http:
            for witness in self.witnesses:
                for job_id in self._acknowledged:
                    screen = witness.screens[job_id]
                    await wait_for_the_end(http, screen)
                    await hold_against_the_store(http, screen)
                    await witness.forget(job_id)
            # Also those whose submit was never answered.
            assert set(self._acknowledged) <= await all_ended(http)
        self._acknowledged.clear()

    async def _submit(self, node: Node, work: dict[str, object]) -> None:
        async with httpx.AsyncClient(base_url=node.url, timeout=10) as http:
            try:
                answer = await http.post("/v1/jobs", json=work)
            except httpx.TransportError:
                # Not acknowledged: it may or may not exist.
                return
        if answer.status_code != 200:
            assert answer.status_code == 503, answer.text
            return
        job_id = answer.json()["id"]
        for witness in self.witnesses:
            await witness.watch(job_id)
        self._acknowledged.append(job_id)


@asynccontextmanager
async def a_town(
    tmp_path: Path, redis: RedisServer, postgres: PostgresServer, database: str
) -> AsyncIterator[Town]:
    async with AsyncExitStack() as stack:
        sites = []
        for _ in range(4):
            links = [await stack.enter_async_context(Link(one.port)) for one in (redis, postgres)]
            sites.append(Site(links[0], links[1], database))
        nodes = []
        for number, site in enumerate(sites[:2]):
            data = tmp_path / f"node-{number}"
            data.mkdir()
            env = {**site.env, "AVANCE_PROCESSES": "0"}
            nodes.append(Node("work:app", HERE, data, env=env))
        workers = []
        for number, site in enumerate(sites[2:]):
            env = {
                **site.env,
                "AVANCE_PROCESSES": "1",
                "AVANCE_DATA": str(tmp_path / f"worker-{number}"),
            }
            workers.append(WorkerProcess("work:app", HERE, tmp_path / f"worker-{number}.log", env))
        for node in nodes:
            stack.callback(node.kill)
        for worker in workers:
            stack.callback(worker.end)
        # All at once, on a database without a table.
        async with anyio.create_task_group() as group:
            for one in (*nodes, *workers):
                group.start_soon(run_sync, one.start)
        town = Town(sites, nodes, workers, redis, postgres, Random(SEED))
        for witness in town.witnesses:
            await witness.open()
            stack.push_async_callback(witness.close)
        yield town


async def test_nodes_workers_servers_and_networks_that_fail_lose_nothing(
    tmp_path: Path,
    redis_server: RedisServer,
    redis_url: str,
    postgres_server: PostgresServer,
    postgres_url: str,
) -> None:
    """
    001-40, 001-T9, 000-T6 with everything real.
    """
    database = postgres_url.rpartition("/")[2]
    async with a_town(tmp_path, redis_server, postgres_server, database) as town:
        for _ in range(ROUNDS):
            for fault in town.faults():
                await town.strike(fault)
            await town.settle()
