"""
Batches that a crash left open: between the last of its files and the word that it was the last, nobody else would say it, and the job of the
batch would run for days.
"""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio

from avance import Avance, JobFilter, State
from avance.apps.documents.batch_work import KIND, LOST_AFTER_MS, close, standing
from avance.apps.documents.batches import BatchStatus
from avance.errors import AvanceError, NotFound, Unavailable
from avance.storage import Outage

INTERVAL_S = 60.0
AT_ONCE = 200
_log = logging.getLogger("avance.documents")


@asynccontextmanager
async def closed(host: Avance) -> AsyncGenerator[None, None]:
    """
    Look for them while the engine runs.
    """
    async with anyio.create_task_group() as group:
        group.start_soon(_work, host)
        yield
        group.cancel_scope.cancel()


async def _work(host: Avance) -> None:
    outage = Outage(_log, "batches that were left open wait for the store")
    while True:
        with outage:
            await close_left(host)
        await anyio.sleep(INTERVAL_S)


async def close_left(host: Avance) -> None:
    """
    Closed too early, because a request is only slow, it is followed by another.
    """
    cursor: str | None = None
    before_ms = host.clock.now_ms() - LOST_AFTER_MS
    while True:
        page = await host.jobs.list(
            JobFilter(
                kind=KIND,
                states=(State.RUNNING,),
                created_before_ms=before_ms,
                limit=AT_ONCE,
                cursor=cursor,
            )
        )
        for parent in page.jobs:
            if not (parent.has_open_children or parent.awaits_children):
                await _close(host, parent.id, str(parent.meta["batch_id"]))
        cursor = page.cursor
        if cursor is None:
            return


async def _close(host: Avance, parent_id: str, batch_id: str) -> None:
    try:
        if await _is_over(host, batch_id):
            await close(host, parent_id)
    except Unavailable:
        raise
    except AvanceError as error:
        # One that somebody removes meanwhile keeps no other open.
        _log.warning("the batch %s cannot be closed: %s", batch_id, error.message)


async def _is_over(host: Avance, batch_id: str) -> bool:
    try:
        found = await standing(host, batch_id)
    except NotFound:
        return True
    return not found.is_importing and found.counts.status is not BatchStatus.PROCESSING
