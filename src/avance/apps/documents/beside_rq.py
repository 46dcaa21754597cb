"""
Reading on the workers of RQ: `POST /ingest` puts its work into a queue that is handed in, so nothing of RQ is imported here.

Where the queue is made, for the server and for the worker alike:

    queue = Queue(QUEUE, connection=Redis.from_url("redis://…"))    # avance.integrations.rq
"""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import accumulate
from typing import Any

import anyio
import msgspec
from anyio import to_thread
from msgspec.structs import replace

from avance import Avance, Job, current
from avance.apps.documents import app
from avance.apps.documents.model import OnDuplicate, Source
from avance.apps.documents.settings import DocumentsSettings
from avance.apps.documents.tasks import PHASES
from avance.errors import AvanceError, Cancelled, ConfigError, Unavailable

QUEUE = "ingestion"
"""Its one name, for whoever puts work in and whoever takes it out."""
TIMEOUT_S = 600
BROKER_S = 2.0
"""So long Redis may take to accept a file."""
APPEARS_S = 2.0
"""So long the answer waits for work that was sent to be known as a job."""
ASK_S = 1.0
"""How often a worker asks whether its job was cancelled."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a worker is told of one file.
    """

    owner: str
    source: Source
    collection: str
    collection_id: int | None = None
    tokens: int
    overlap: int
    on_duplicate: OnDuplicate


def read(order: dict[str, Any]) -> dict[str, Any]:
    """
    What the worker runs.
    """
    try:
        return anyio.run(_read, current(), msgspec.convert(order, Order))
    except AvanceError as error:
        # RQ keeps of an exception its class and its text, so the class is called as the code is.
        raise type(error.code, (Exception,), {})(error.message) from None


KIND = f"{read.__module__}.{read.__name__}"
"""The kind of these jobs: RQ calls its work by the function."""


async def send(job_id: str, order: Order, settings: DocumentsSettings) -> None:
    """
    Put one file into the queue, and come back when its job is known.

    Raises:
        Unavailable: Redis does not take it.
    """
    # The first time it is imported, which reads files.
    queue = await to_thread.run_sync(_queue, settings.rq_queue)
    enqueue = partial(
        queue.enqueue_call,
        KIND,
        args=(msgspec.to_builtins(order),),
        job_id=job_id,
        timeout=TIMEOUT_S,
        description=order.source.name,
        meta={"avance_owner": order.owner},
    )
    try:
        with anyio.fail_after(BROKER_S):
            await to_thread.run_sync(enqueue, abandon_on_cancel=True)
    except Exception as error:  # the client of Redis has errors of its own, which apps do not know
        raise Unavailable(
            f"the queue {QUEUE} does not take {order.source.name} ({error!r}); try again, and look at its Redis",
            code="queue_unavailable",
        ) from error
    await app.host.jobs.appears(job_id, within_s=APPEARS_S)


def _queue(reference: str) -> Any:
    module, _, name = reference.partition(":")
    try:
        queue = getattr(importlib.import_module(module), name or "queue")
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"AVANCE_DOCUMENTS_RQ_QUEUE is {reference!r} and cannot be imported ({error}); write module:queue",
            setting="documents.rq_queue",
        ) from error
    if queue.name != QUEUE:
        raise ConfigError(
            f"the queue {reference!r} is called {queue.name!r}; its workers listen to {QUEUE!r}, so make it with that name",
            setting="documents.rq_queue",
        )
    return queue


async def _read(job: Job, order: Order) -> dict[str, Any]:
    # Heavy, and a server that only sends needs none of it.
    from avance.apps.documents.catalog import Catalog  # noqa: PLC0415
    from avance.apps.documents.pipeline import Ingestion  # noqa: PLC0415
    from avance.apps.documents.text.strategies import Cutting  # noqa: PLC0415

    site = Avance()
    # What it tells goes by the worker; as a node of the bus it would be missed when it ends.
    site.configure(replace(site.settings, bus=None))
    site.include(app)
    result: dict[str, Any] | None = None
    refused: AvanceError | None = None
    async with site.open(executes=False):
        place = await Catalog(site.records).place(
            order.owner, None, order.collection, fresh=False, collection_id=order.collection_id
        )
        ingestion = Ingestion(
            site,
            Weighed(job),
            place=place,
            owner=order.owner,
            cutting=Cutting(tokens=order.tokens, overlap=order.overlap),
            policy=order.on_duplicate,
            fresh=False,
        )
        async with anyio.create_task_group() as group:
            group.start_soon(_watch, job, group.cancel_scope)
            try:
                result = await ingestion.run([order.source])
            except AvanceError as error:
                # A group would put it into a group of exceptions, of which RQ keeps no code.
                refused = error
            group.cancel_scope.cancel()
    if refused is not None:
        raise refused
    if result is None:
        raise Cancelled(f"job {job.id} was cancelled")
    return result


async def _watch(job: Job, scope: anyio.CancelScope) -> None:
    """
    Stop the work when its job is cancelled, so that it removes what nobody will see; RQ kills whoever does not listen.
    """
    while not await to_thread.run_sync(lambda: job.cancelled):  # noqa: ASYNC110 - asking Redis is the only way
        await anyio.sleep(ASK_S)
    scope.cancel()


class Weighed:
    """
    Phases with the percent of the whole: a job of RQ is known without the weights of its phases.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._phase = next(iter(PHASES))

    @property
    def id(self) -> str:
        """
        Of the job.
        """
        return self._job.id

    @contextmanager
    def phase(self, id: str, /) -> Iterator[None]:
        """
        Begin a phase; a percent is told outside of one.
        """
        with self._job.phase(id):
            self._phase = id
        yield

    def progress(
        self, *, current: float, total: float, unit: str | None = None, message: str | None = None
    ) -> None:
        """
        Tell how much of the phase is done, as a share of the whole.
        """
        share = current / total if total else 0.0
        percent = _BEGINS_AT[self._phase] + PHASES[self._phase] * share
        self._job.progress(percent, unit=unit, phase=self._phase, message=message)

    def log(self, message: str, *, level: str = "info", **fields: object) -> None:
        """
        As with workers of avance.
        """
        self._job.log(message, level=level, **fields)


_BEGINS_AT = dict(zip(PHASES, accumulate(PHASES.values(), initial=0), strict=False))
