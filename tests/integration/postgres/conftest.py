from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from anyio import create_task_group
from anyio.to_thread import run_sync
from node_service import Node
from postgres_service import PostgresServer

from avance.integrations.client.api import Api
from avance.integrations.client.limits import CLIENT_LIMITS

HERE = Path(__file__).parent
PASSWORD = "nobody-reads-this"

Cluster = Callable[..., AbstractAsyncContextManager[list[Node]]]


@pytest.fixture(scope="session")
def one_database(postgres_server: PostgresServer) -> str:
    postgres_server.ensure()
    # Otherwise it syncs each of its thousands of files after a crash, before it answers.
    postgres_server.sql("ALTER SYSTEM SET recovery_init_sync_method = 'syncfs'")
    postgres_server.sql("CREATE DATABASE growing")
    return f"postgresql://postgres@127.0.0.1:{postgres_server.port}/growing"


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, one_database: str) -> str:
    """
    One database for all, emptied for each: to make one costs more than most tests.
    """
    postgres_server.ensure()
    postgres_server.sql(
        "DROP SCHEMA IF EXISTS avance CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public",
        "growing",
    )
    return one_database


@pytest.fixture
def cluster(tmp_path: Path, postgres_url: str) -> Cluster:
    """
    Nodes on one database, each with a directory of its own, with so many worker processes each.
    """

    @asynccontextmanager
    async def start(*processes: int) -> AsyncIterator[list[Node]]:
        nodes = []
        async with AsyncExitStack() as stack:
            for number, count in enumerate(processes):
                environment = {
                    "AVANCE_PROCESSES": str(count),
                    # The server takes any; what matters is that nobody says it.
                    "AVANCE_STORE": postgres_url.replace("postgres@", f"postgres:{PASSWORD}@"),
                    "AVANCE_DISPATCHER_LEASE_S": "3",
                    "AVANCE_DISPATCHER_RENEW_INTERVAL_S": "0.5",
                }
                data = tmp_path / f"node-{number}"
                data.mkdir()
                nodes.append(Node("relay:app", HERE, data, env=environment))
                stack.callback(nodes[-1].kill)
            # At once, on a database without a table.
            async with create_task_group() as group:
                for node in nodes:
                    group.start_soon(run_sync, node.start)
            yield nodes

    return start


async def health(node: Node) -> dict[str, Any]:
    api = Api(node.url, token=None, key=None, limits=CLIENT_LIMITS)
    try:
        answer: dict[str, Any] = msgspec.json.decode(await api.call("GET", "/health"))
    finally:
        await api.aclose()
    return answer
