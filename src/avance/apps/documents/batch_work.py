"""
Putting files into a batch, and saying how far it is.
"""

from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

import msgspec

from avance import Avance, State
from avance.apps.documents.batches import (
    Batch,
    Batches,
    BatchFile,
    BatchStatus,
    Counts,
    FileStatus,
)
from avance.apps.documents.catalog import Catalog
from avance.apps.documents.model import OnDuplicate, Source
from avance.apps.documents.settings import DocumentsSettings
from avance.apps.documents.tasks import ingest
from avance.apps.documents.words import failure, iso_z
from avance.errors import Conflict, NotFound

KIND = "documents.batch"
DEADLINE_S = 7 * 86_400.0
"""Longer than anything that is read."""
LOST = "the server ended before this file was queued; send it again"
LOST_AFTER_MS = 60_000
WEIGHT_MAX = 1_000_000


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """
    How a batch is.
    """

    batch: Batch
    counts: Counts
    percent: float
    is_importing: bool = False

    @property
    def status(self) -> BatchStatus:
        by_files = self.counts.status
        if self.is_importing:
            return BatchStatus.PROCESSING if self.counts.total else BatchStatus.VALIDATING
        if self.batch.import_error is None or by_files is BatchStatus.PROCESSING:
            return by_files
        return BatchStatus.PARTIAL if self.counts.completed else BatchStatus.FAILED


async def parent_of(host: Avance, batch: Batch) -> str:
    """
    The job below which the next files of a batch are read: the present one, or after its end a new one.
    """
    if batch.job_id is not None and await _is_under_way(host, batch.job_id):
        return batch.job_id
    # Named by what it comes after: of requests that come together each would begin one, and only one be followed.
    job_id = str(uuid5(NAMESPACE_URL, f"{batch.id}/{batch.job_id or ''}"))
    try:
        await host.track(
            job_id,
            kind=KIND,
            owner=batch.owner,
            tenant=batch.tenant,
            title=batch.name,
            deadline_s=DEADLINE_S,
            meta={"batch_id": batch.id},
        )
    except Conflict as error:
        if error.code != "stale_write":
            raise
    await Batches(host.records).follow(batch.id, job_id)
    return job_id


async def _is_under_way(host: Avance, job_id: str) -> bool:
    """
    A job that is gone ended before its retention did.
    """
    try:
        job = await host.jobs.get(job_id)
    except NotFound:
        return False
    return not job.state.is_terminal


async def add(
    host: Avance,
    batch: Batch,
    source: Source,
    policy: OnDuplicate,
    folder: str,
    *,
    file_id: str | None = None,
    source_type: str = "upload",
) -> tuple[BatchFile, str]:
    """
    Queue a file below the parent of its batch, weighing as much as it has bytes. Answers that parent, too.

    Args:
        file_id: With the same one and the same folder it is queued once, however often it is added.
    """
    file = BatchFile(
        id=file_id or str(uuid4()),
        batch_id=batch.id,
        job_id=folder,
        filename=source.name,
        source_type=source_type,
        file_size=source.size,
        created_ms=host.clock.now_ms(),
    )
    await Batches(host.records).add_file(file)
    source = msgspec.structs.replace(source, document_id=file.id)
    while True:
        batch = await Batches(host.records).get(batch.id)
        parent_id = await parent_of(host, batch)
        try:
            await _submit(host, batch, parent_id, source, policy, folder)
        except Conflict as error:
            if error.code == "stale_write":
                # Queued before a crash, under the same id.
                return file, parent_id
            if error.code != "job_state":
                raise
            # It ended meanwhile, by another request; there is a next one.
            continue
        return file, parent_id


async def _submit(
    host: Avance,
    batch: Batch,
    parent_id: str,
    source: Source,
    policy: OnDuplicate,
    folder: str,
) -> None:
    settings = host.settings.section(DocumentsSettings)
    collection_id = await Catalog(host.records).id_of(batch.owner, batch.tenant, batch.collection)
    await ingest.using(
        owner=batch.owner,
        tenant=batch.tenant,
        job_id=folder,
        parent_id=parent_id,
        weight=float(min(max(source.size, 1), WEIGHT_MAX)),
    ).submit(
        sources=[msgspec.to_builtins(source)],
        collection=batch.collection,
        collection_id=collection_id,
        tokens=settings.chunk_tokens,
        overlap=settings.overlap_tokens,
        title=source.name,
        on_duplicate=policy.value,
    )


async def refuse(
    host: Avance,
    batch: Batch,
    name: str,
    size: int,
    why: str,
    *,
    file_id: str | None = None,
    source_type: str = "upload",
) -> BatchFile:
    """
    Keep that a file was not taken, so that the batch shows it.
    """
    now_ms = host.clock.now_ms()
    file = BatchFile(
        id=file_id or str(uuid4()),
        batch_id=batch.id,
        job_id=None,
        filename=name,
        source_type=source_type,
        file_size=size,
        status=FileStatus.FAILED,
        error_message=why,
        created_ms=now_ms,
        processed_ms=now_ms,
    )
    await Batches(host.records).add_file(file)
    return file


async def again(host: Avance, batch: Batch, file: BatchFile) -> tuple[BatchFile | None, str]:
    """
    Try a file that failed once more, below the parent of its batch. Answers that parent, too, and no file where somebody else has just done it.

    Raises:
        Conflict: What its job was given is no longer kept (code `input_gone`).
    """
    failed_id, batches = file.job_id or "", Batches(host.records)
    while True:
        parent_id = await parent_of(host, await batches.get(batch.id))
        if not await batches.claim(file.id, failed_id):
            return None, parent_id
        try:
            job = await host.jobs.retry(failed_id, owner=batch.owner, parent_id=parent_id)
        except (Conflict, NotFound) as error:
            # It waits for nothing, and may be tried again.
            await batches.tell(failed_id, FileStatus.FAILED, error=file.error_message)
            if error.code != "job_state" or await _is_under_way(host, failed_id):
                raise
            # The parent ended meanwhile, as above.
            continue
        await batches.take_over(failed_id, job.id)
        return msgspec.structs.replace(file, job_id=job.id, status=FileStatus.PENDING), parent_id


async def close(host: Avance, parent_id: str) -> None:
    """
    Let the parent end with the last of its files.
    """
    await (await host.tracker(parent_id)).done()


async def standing(host: Avance, batch_id: str) -> Standing:
    """
    How a batch is now. Files whose jobs ended without a word, by a cancel or after too many crashes, are settled first.
    """
    batches = Batches(host.records)
    # Before the files are counted: what it adds in between is missed, but not that it adds.
    batch, is_importing = await _importing(host, await batches.get(batch_id))
    counts = await batches.counts(batch_id)
    percent = 100.0 if counts.status.is_final and not is_importing else 0.0
    if counts.status is BatchStatus.PROCESSING or is_importing:
        percent, is_behind = await _percent(host, batch)
        if is_behind:
            await _settle(host, batch_id)
            counts = await batches.counts(batch_id)
            percent = 100.0 if counts.status.is_final else percent
    return Standing(batch=batch, counts=counts, percent=percent, is_importing=is_importing)


async def _importing(host: Avance, batch: Batch) -> tuple[Batch, bool]:
    """
    Whether files are still fetched into it; if not, how that ended is kept.
    """
    job_id = batch.import_job_id
    if job_id is None:
        return batch, False
    error: str | None = None
    try:
        job = await host.jobs.get(job_id)
    except NotFound:
        error = LOST
    else:
        if not job.state.is_terminal:
            return batch, True
        if job.state is not State.COMPLETED:
            told = None if job.error is None else {"message": job.error.message}
            error = failure(job.state, told)
    await Batches(host.records).imported(batch.id, job_id, error)
    return msgspec.structs.replace(batch, import_job_id=None, import_error=error), False


async def _percent(host: Avance, batch: Batch) -> tuple[float, bool]:
    """
    By the parent's roll-up, and whether more may have ended than the files know.
    """
    if batch.job_id is None:
        return 0.0, True
    try:
        parent = await host.jobs.get(batch.job_id)
    except NotFound:
        return 0.0, True
    # Not of the children alone: a file that is tried again begins anew, and the bar never drops.
    is_behind = parent.state.is_terminal or not parent.has_open_children
    return round(parent.progress.percent or 0.0, 2), is_behind


async def _settle(host: Avance, batch_id: str) -> None:
    batches, now_ms = Batches(host.records), host.clock.now_ms()
    for file in await batches.open_files(batch_id):
        job_id = file.job_id or ""
        try:
            job = await host.jobs.get(job_id)
        except NotFound:
            if now_ms - file.created_ms > LOST_AFTER_MS:
                await batches.tell(job_id, FileStatus.FAILED, error=LOST)
            continue
        if job.state is State.COMPLETED:
            result = msgspec.json.decode(await host.jobs.result(job_id))
            await batches.tell(job_id, FileStatus.COMPLETED, chunks=int(result["chunks"]))
        elif job.state.is_terminal:
            error = None if job.error is None else {"message": job.error.message}
            await batches.tell(job_id, FileStatus.FAILED, error=failure(job.state, error))


async def cancel(host: Avance, batch: Batch) -> None:
    """
    End what is still under way.

    Raises:
        Conflict: Nothing is.
    """
    if batch.job_id is not None and await _is_under_way(host, batch.job_id):
        await host.jobs.cancel(batch.job_id)
        return
    # A file that came while its parent ended is under way without it.
    files = await Batches(host.records).open_files(batch.id)
    left = [file.job_id for file in files if file.job_id is not None]
    under_way = [job_id for job_id in left if await _is_under_way(host, job_id)]
    if not under_way:
        raise Conflict(f"nothing of the batch {batch.id} is under way", code="job_state")
    for job_id in under_way:
        await host.jobs.cancel(job_id)


def shown(standing: Standing) -> dict[str, Any]:
    """
    A batch in the names of the contract (docs/contract/ingest.md, 3.3).
    """
    batch, counts = standing.batch, standing.counts
    return {
        "id": batch.id,
        "user_id": batch.owner,
        "name": batch.name,
        "description": batch.description,
        "status": standing.status.value,
        "qdrant_collection": batch.collection,
        "collection_name": batch.collection,
        "job_id": batch.job_id,
        "total_files": counts.total,
        "processed_files": counts.completed,
        "failed_files": counts.failed,
        "total_size_bytes": counts.total_size_bytes,
        "created_at": iso_z(batch.created_ms),
        "completed_at": iso_z(counts.ended_ms) if standing.status.is_final else None,
        "error_summary": _summary(standing),
        "metadata": {},
    }


def _summary(standing: Standing) -> str | None:
    counts = standing.counts
    told = [standing.batch.import_error] if standing.batch.import_error else []
    if counts.failed:
        told.append(f"{counts.failed} of {counts.total} files failed")
    return "; ".join(told) or None


def statistics(counts: Counts) -> dict[str, int]:
    return {
        "total": counts.total,
        "pending": counts.pending,
        "processing": counts.processing,
        "completed": counts.completed,
        "failed": counts.failed,
    }


def shown_file(file: BatchFile) -> dict[str, Any]:
    """
    A file of a batch, likewise.
    """
    return {
        "id": file.id,
        "document_id": file.id,
        "batch_id": file.batch_id,
        "job_id": file.job_id,
        "filename": file.filename,
        "source_type": file.source_type,
        "file_size": file.file_size,
        "mime_type": file.mime_type,
        "status": file.status.value,
        "chunk_count": file.chunk_count,
        "processed_at": iso_z(file.processed_ms),
        "error_message": file.error_message,
        "metadata": {},
        "created_at": iso_z(file.created_ms),
    }
