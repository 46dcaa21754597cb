"""
What ends documents whose engine or job says nothing more, so that none is stuck.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from avance import Avance, State
from avance.apps.ocr.catalog import Catalog, failed
from avance.apps.ocr.pipeline import ending
from avance.errors import AvanceError, NotFound
from avance.storage import Outage

PERIOD_S = 1.0
AT_ONCE = 200
log = logging.getLogger("avance.ocr")


@asynccontextmanager
async def watching(host: Avance) -> AsyncIterator[None]:
    """
    Look after them while the engine runs.
    """
    async with anyio.create_task_group() as group:
        group.start_soon(_watch, host)
        try:
            yield
        finally:
            group.cancel_scope.cancel()


async def _watch(host: Avance) -> None:
    outage = Outage(log, "documents cannot be looked after now", kind=AvanceError)
    while True:
        with outage:
            await sweep(host)
        await anyio.sleep(PERIOD_S)


async def sweep(host: Avance) -> None:
    """
    One round.
    """
    catalog = Catalog(host.records)
    for document_id in await catalog.overdue(host.clock.now_ms(), AT_ONCE):
        await _end(catalog, document_id, "expired")
    for document_id, job_id in await catalog.open_jobs(AT_ONCE):
        state, message = await _of_job(host, job_id)
        # A request that was handed to an engine elsewhere is a completed job; its documents wait for that engine.
        if state is not None and state.is_terminal and state is not State.COMPLETED:
            await _end(catalog, document_id, message or ending(state))


async def _of_job(host: Avance, job_id: str) -> tuple[State | None, str | None]:
    try:
        job = await host.jobs.get(job_id)
    except NotFound:
        return None, None
    error = job.error
    return job.state, None if error is None or job.state is State.EXPIRED else error.message


async def _end(catalog: Catalog, document_id: str, error: str) -> None:
    try:
        await catalog.change(document_id, failed(error))
    except NotFound:
        log.debug("document %s was removed meanwhile", document_id)
