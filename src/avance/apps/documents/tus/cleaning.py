"""
What a crash or an absent client left behind.
"""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio

from avance import Avance
from avance.apps.documents.direct import receiving as direct
from avance.apps.documents.leftovers import forget
from avance.apps.documents.tus.arrivals import Arrival
from avance.apps.documents.tus.receiving import abandon, arrivals_of, complete
from avance.errors import AvanceError, Unavailable
from avance.storage import Outage

INTERVAL_S = 60.0
RETRY_S = 1.0
_log = logging.getLogger("avance.documents")


@asynccontextmanager
async def expired(host: Avance) -> AsyncGenerator[None, None]:
    """
    Go on with files that had arrived when the server died, and from time to time forget those that never will.
    """
    async with anyio.create_task_group() as group:
        group.start_soon(_work, host)
        yield
        group.cancel_scope.cancel()


async def _work(host: Avance) -> None:
    is_recovered = False
    outage = Outage(_log, "uploads that broke off wait for the store")
    while True:
        with outage:
            if not is_recovered:
                await _recover(host)
                is_recovered = True
            await _give_up_expired(host)
            await _forget_left(host)
        await anyio.sleep(INTERVAL_S if is_recovered else RETRY_S)


async def _recover(host: Avance) -> None:
    arrivals = arrivals_of(host)
    for arrival in await arrivals.all():
        if arrival.multipart_id is not None:
            await _settle(direct.recover, host, arrival)
        elif await arrivals.offset(arrival) == arrival.size:
            await _settle(complete, host, arrival)


async def _give_up_expired(host: Avance) -> None:
    for arrival in await arrivals_of(host).expired(host.clock.now_ms()):
        give_up = abandon if arrival.multipart_id is None else direct.abandon
        await _settle(give_up, host, arrival)


async def _forget_left(host: Avance) -> None:
    try:
        while await forget(host):
            pass
    except Unavailable:
        raise
    except AvanceError as error:
        _log.warning("files of failed jobs cannot be removed now: %s", error.message)


async def _settle(
    how: Callable[[Avance, Arrival], Awaitable[None]], host: Avance, arrival: Arrival
) -> None:
    try:
        await how(host, arrival)
    except AvanceError as error:
        _log.warning("the upload %s (%s): %s", arrival.id, arrival.filename, error.message)
