"""
A database that is away for longer than any part waits: the server goes on, says it once, and can be stopped.
"""

import re
from pathlib import Path

import anyio
import pytest
from anyio.to_thread import run_sync
from node_service import Node
from postgres_service import PostgresServer

from avance import Avance
from avance.app.engine import Engine
from avance.apps.documents import app
from avance.apps.documents.tus import cleaning
from avance.config import read_settings

HERE = Path(__file__).parent
pytestmark = pytest.mark.timeout(45)

PARTS = (
    "no work is taken while the store is away",
    "leases are not renewed while the store is away",
)


def told(node: Node, what: str, level: str) -> int:
    return len(re.findall(rf"{level} avance\.\w+: {what}", node.log()))


async def test_each_part_says_once_that_the_store_is_away_and_the_server_stops_in_order_meanwhile(
    tmp_path: Path, postgres_server: PostgresServer, postgres_url: str
) -> None:
    """
    001-29, 001-44
    """
    environment = {
        "AVANCE_STORE": postgres_url,
        "AVANCE_DISPATCHER_UNAVAILABLE_WAIT_S": "0.2",
        "AVANCE_DISPATCHER_RENEW_INTERVAL_S": "0.2",
        "AVANCE_LOG_LEVEL": "debug",
    }
    (tmp_path / "node").mkdir()
    with Node("relay:app", HERE, tmp_path / "node", env=environment) as node:
        await run_sync(postgres_server.stop, "immediate")
        for part in PARTS:
            while told(node, part, "DEBUG") < 2:  # noqa: ASYNC110 - another process has no event to wait for
                await anyio.sleep(0.05)
            assert told(node, part, "WARNING") == 1
        await run_sync(node.stop)
        assert "work is not given back before its lease ends" in node.log()
        assert "Error:" not in node.log()


@pytest.fixture
def host(tmp_path: Path, postgres_url: str) -> tuple[Avance, Engine]:
    """
    Put together before the loop runs, because imports block.
    """
    settings = read_settings(
        env={"AVANCE_DATA": str(tmp_path), "AVANCE_PROCESSES": "0", "AVANCE_STORE": postgres_url}
    )
    site = Avance(settings=settings)
    site.include(app)
    return site, site.build()


async def test_what_looks_after_broken_uploads_outlives_the_database(
    host: tuple[Avance, Engine],
    postgres_server: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """
    A minute without a database ended the whole server here.
    """
    monkeypatch.setattr(cleaning, "INTERVAL_S", 0.05)
    site, engine = host
    async with site.running(engine):
        await run_sync(postgres_server.stop, "immediate")
        while "uploads that broke off wait for the store" not in caplog.text:  # noqa: ASYNC110 - as above
            await anyio.sleep(0.02)
        await run_sync(postgres_server.start)
        while "is back" not in caplog.text:  # noqa: ASYNC110 - as above
            await anyio.sleep(0.02)
