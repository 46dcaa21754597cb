"""
What is left of an upload five minutes after its end.
"""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx2 as httpx
from node_service import Node

from .following import frames
from .test_uploads import upload

Serve = Callable[..., Node]
FIVE_MINUTES_MS = 300_000


async def test_after_five_minutes_the_socket_is_gone_and_the_history_stays(serve: Serve) -> None:
    """
    003-08, 003-T8, 003-20: between two servers on the same data, the end of one upload is moved into the past.
    """
    first = serve()
    async with httpx.AsyncClient(base_url=first.url, timeout=60) as http:
        old, new = await upload(http, "uno"), await upload(http, "dos")
        for one in (old, new):
            said, code = await frames(first.url, f"/ws/{one}")
            assert (said[-1]["status"], code) == ("completed", 1000)
    first.stop()
    _age(first.data, old)
    second = serve()
    assert await frames(second.url, f"/ws/{old}") == ([], 4404)
    said, code = await frames(second.url, f"/ws/{new}")
    assert (said[-1]["status"], code) == ("completed", 1000)
    async with httpx.AsyncClient(base_url=second.url, timeout=60) as http:
        kept = (await http.get(f"/upload/{old}")).json()
        assert (kept["upload_id"], kept["status"], kept["progress_percent"]) == (
            old,
            "completed",
            100.0,
        )
        history = (await http.get("/ingest/history")).json()
        assert {row["job_id"] for row in history["documents"]} == {old, new}


def _age(data: Path, job_id: str) -> None:
    (store,) = data.glob("*.db")
    with closing(sqlite3.connect(store)) as database, database:
        ((doc,),) = database.execute("SELECT doc FROM jobs WHERE id = ?", (job_id,))
        job = json.loads(doc)
        job["ended_ms"] -= FIVE_MINUTES_MS + 1
        database.execute(
            "UPDATE jobs SET doc = ?, ended_ms = ? WHERE id = ?",
            (json.dumps(job).encode(), job["ended_ms"], job_id),
        )
