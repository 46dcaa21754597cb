"""
A client that is cut off comes back and goes on. docs/contract/routes.md, 2.1, 3.5 and trap T6.
"""

import json
from typing import Any

import anyio
import pytest
from websockets.asyncio.client import connect

from avance.apps.routes.phases import starts_at
from avance.apps.routes.sample import sample_day

from .conftest import PATIENCE_S, Site, read_all, unhurried

pytestmark = pytest.mark.timeout(90)


async def test_a_client_that_was_cut_off_is_told_where_the_job_is_and_follows_it_to_its_end(
    site: Site,
) -> None:
    """001-35 001-45 001-T6: cut off in the search, without a close. Whoever comes back asks for the status, and is told nothing older."""
    job_id = (await site.start(sample_day(500)))["job_id"]
    seen: dict[str, Any] = {}
    with anyio.fail_after(PATIENCE_S):
        async with connect(site.socket_url(job_id), max_size=None) as connection:
            while seen.get("phase") != "local_search":
                seen = json.loads(await connection.recv())
            connection.transport.abort()
        with unhurried():
            async with connect(site.socket_url(job_id), max_size=None) as connection:
                greeting = json.loads(await connection.recv())
                await connection.send('{"action":"get_status"}')
                answer = json.loads(await connection.recv())
                await site.delete(f"/jobs/{job_id}")
                frames, code = await read_all(connection)
    assert (greeting["type"], greeting["status"]) == ("status", "running")
    assert (answer["type"], answer["status"]) == ("status", "running")
    progress = [frame["progress"] for frame in frames if frame["type"] == "progress"]
    assert progress
    assert progress[0] >= seen["progress"] == starts_at("local_search")
    assert progress == sorted(progress)
    assert (frames[-1]["type"], frames[-1]["status"], code) == ("status", "cancelled", 1000)
