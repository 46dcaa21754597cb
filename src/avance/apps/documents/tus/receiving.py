"""
From the first byte to a document: one job for what a person sees as one upload.
"""

from collections.abc import AsyncIterable
from pathlib import Path
from uuid import uuid4

import anyio.to_thread

from avance import Avance, Tracker
from avance.apps.documents.catalog import Catalog
from avance.apps.documents.model import OnDuplicate, Source
from avance.apps.documents.settings import DocumentsSettings
from avance.apps.documents.tasks import UPLOAD, ingest
from avance.apps.documents.tus.arrivals import Arrival, Arrivals, Checksum
from avance.apps.reading import Unreadable, sniff
from avance.errors import NotFound, TooLarge
from avance.web import Caller

PHASES = {"receiving": 20, "reading": 80}
STEP = 0.005
"""The bar is told of so much of the file at a time."""


def arrivals_of(host: Avance) -> Arrivals:
    return Arrivals(host.records, Path(host.settings.data) / "arriving")


async def begin(
    host: Avance, who: Caller, *, filename: str, size: int, collection: str, policy: OnDuplicate
) -> Arrival:
    """
    Announce a file. A job follows it from now on, and expires when it does not arrive.

    Raises:
        TooLarge: It is too large, or this owner has begun too much.
    """
    settings = host.settings.section(DocumentsSettings)
    arrival = announced(
        host,
        who,
        filename=filename,
        size=size,
        collection=collection,
        policy=policy,
        bytes_max=settings.file_bytes_max,
    )
    await arrivals_of(host).add(arrival, owner_bytes_max=settings.arriving_bytes_max)
    await follow(host, arrival)
    return arrival


def announced(
    host: Avance,
    who: Caller,
    *,
    filename: str,
    size: int,
    collection: str,
    policy: OnDuplicate,
    bytes_max: int,
) -> Arrival:
    """
    What is known of a file before its first byte.

    Raises:
        TooLarge: It is.
    """
    if size > bytes_max:
        raise TooLarge(f"{filename} has {size} bytes; the limit is {bytes_max}", limit=bytes_max)
    settings = host.settings.section(DocumentsSettings)
    return Arrival(
        id=str(uuid4()),
        owner=who.user,
        tenant=who.identity.tenant,
        filename=filename,
        collection=collection,
        on_duplicate=policy.value,
        size=size,
        expires_ms=host.clock.now_ms() + round(settings.arrival_s * 1000),
    )


async def follow(host: Avance, arrival: Arrival) -> None:
    """
    Begin the job that people see.
    """
    settings = host.settings.section(DocumentsSettings)
    tracker = await host.track(
        arrival.id,
        kind=UPLOAD,
        owner=arrival.owner,
        tenant=arrival.tenant,
        title=arrival.filename,
        phases=PHASES,
        deadline_s=settings.arrival_s + settings.reading_s_max,
        # To a person the upload and the reading of it are one thing.
        needs_children=True,
    )
    tracker.phase("receiving")


def key_of(arrival: Arrival) -> str:
    """
    Where its bytes lie among the files.
    """
    return f"documents/{arrival.id}/0"


async def receive(
    host: Avance,
    arrival: Arrival,
    offset: int,
    data: AsyncIterable[bytes],
    checksum: Checksum | None,
) -> int:
    """
    Take a part, tell how far it is, and when all is there let it be read.
    """
    tracker = await host.tracker(arrival.id)
    told = _Told(tracker, arrival.size, offset)
    reached = await arrivals_of(host).write(arrival, offset, told.passing(data), checksum)
    tracker.progress(current=reached, total=arrival.size, unit="byte", phase="receiving")
    if reached == arrival.size:
        await complete(host, arrival)
    return reached


async def complete(host: Avance, arrival: Arrival) -> None:
    """
    Hand a file that has arrived over to be read. Repeated after a crash it does the same once.

    Raises:
        Unreadable: Its first bytes show that it cannot be; the job has failed with the reason.
    """
    arrivals, tracker = arrivals_of(host), await host.tracker(arrival.id)
    path = arrivals.path(arrival.id)
    try:
        if await anyio.to_thread.run_sync(path.exists):
            await anyio.to_thread.run_sync(sniff, path, arrival.filename)
    except Unreadable as error:
        await tracker.fail(error.message, code=error.code)
        await arrivals.remove(arrival.id)
        raise
    kept = await host.blobs.take(key_of(arrival), path)
    await hand_over(host, arrival, kept.sha256 or "")


async def hand_over(host: Avance, arrival: Arrival, sha256: str) -> None:
    """
    Let a file be read that lies among the files. Repeated it does the same once.

    Args:
        sha256: Empty where nobody here has seen the bytes; its reader then finds out.
    """
    tracker = await host.tracker(arrival.id)
    source = Source(key=key_of(arrival), name=arrival.filename, size=arrival.size, sha256=sha256)
    settings = host.settings.section(DocumentsSettings)
    # Its collection may have been renamed since its first byte.
    arrival = await arrivals_of(host).find(arrival.id) or arrival
    catalog = Catalog(host.records)
    collection_id = await catalog.id_of(arrival.owner, arrival.tenant, arrival.collection)
    child = await ingest.using(
        owner=arrival.owner,
        tenant=arrival.tenant,
        parent_id=arrival.id,
        unique=f"documents.arrived:{arrival.id}",
    ).submit(
        sources=[_plain(source)],
        collection=arrival.collection,
        collection_id=collection_id,
        tokens=settings.chunk_tokens,
        overlap=settings.overlap_tokens,
        title=arrival.filename,
        on_duplicate=arrival.on_duplicate,
    )
    tracker.phase("reading")
    await tracker.done({"job_id": child.id})
    await arrivals_of(host).remove(arrival.id)


async def abandon(host: Avance, arrival: Arrival) -> None:
    """
    Forget a file that does not arrive, and end its job.
    """
    await arrivals_of(host).remove(arrival.id)
    try:
        await host.jobs.cancel(arrival.id)
    except NotFound:
        # It is past its retention.
        return


def _plain(source: Source) -> dict[str, object]:
    return {name: getattr(source, name) for name in source.__struct_fields__}


class _Told:
    """
    Lets a stream pass and moves the bar with it.
    """

    def __init__(self, tracker: Tracker, size: int, offset: int) -> None:
        self._tracker = tracker
        self._size = size
        self._offset = offset
        self._next = offset

    async def passing(self, data: AsyncIterable[bytes]) -> AsyncIterable[bytes]:
        async for chunk in data:
            self._offset += len(chunk)
            if self._offset >= self._next:
                self._next = self._offset + round(self._size * STEP)
                self._tracker.progress(
                    current=min(self._offset, self._size),
                    total=self._size,
                    unit="byte",
                    phase="receiving",
                )
            yield chunk
