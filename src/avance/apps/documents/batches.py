"""
Batches: many files under one name, each read by a job of its own, below one parent job.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum
from functools import partial
from typing import Any

import msgspec

from avance.errors import AvanceError, NotFound
from avance.storage import Changes, Durability, Records, Row, Rows

_BATCH = "id, owner, tenant, name, description, collection, job_id, created_ms, import_job_id, import_error"
_FILE = (
    "id, batch_id, job_id, filename, source_type, file_size, mime_type, status, chunk_count,"
    " error_message, created_ms, processed_ms"
)


class FileStatus(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    CHUNKED = "chunked"
    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        return self in (FileStatus.COMPLETED, FileStatus.FAILED)


class BatchStatus(StrEnum):
    PENDING = "pending"
    VALIDATING = "validating"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    PARTIAL = "partial"

    @property
    def is_final(self) -> bool:
        return self in (BatchStatus.COMPLETED, BatchStatus.FAILED, BatchStatus.PARTIAL)


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    owner: str
    tenant: str | None
    name: str
    description: str
    collection: str
    job_id: str | None
    created_ms: int
    import_job_id: str | None = None
    """The job that fetches files into it, until it is known how that ended."""
    import_error: str | None = None
    """Why the last such job failed."""


class BatchFile(msgspec.Struct, frozen=True, kw_only=True):
    """
    A file of a batch; its id is that of the document that it becomes.
    """

    id: str
    batch_id: str
    job_id: str | None
    filename: str
    source_type: str = "upload"
    file_size: int
    mime_type: str = "application/octet-stream"
    status: FileStatus = FileStatus.PENDING
    chunk_count: int = 0
    error_message: str | None = None
    created_ms: int
    processed_ms: int | None = None


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    total: int = 0
    pending: int = 0
    processing: int = 0
    completed: int = 0
    failed: int = 0
    total_size_bytes: int = 0
    chunks: int = 0
    ended_ms: int | None = None

    @property
    def status(self) -> BatchStatus:
        """
        What the batch is, by what its files are.
        """
        if not self.total:
            return BatchStatus.PENDING
        if self.completed + self.failed < self.total:
            return BatchStatus.PROCESSING
        if not self.failed:
            return BatchStatus.COMPLETED
        return BatchStatus.PARTIAL if self.completed else BatchStatus.FAILED


class Batches:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def add(self, batch: Batch) -> None:
        await self._records.write(partial(_add, batch))

    async def get(self, batch_id: str) -> Batch:
        """
        Raises:
            NotFound: There is none.
        """
        found = await self._records.read(partial(_get, batch_id))
        if found is None:
            raise not_found(batch_id)
        return found

    async def of(self, owner: str, limit: int, offset: int) -> tuple[list[Batch], int]:
        """
        The newest of an owner, and how many there are.
        """
        return await self._records.read(partial(_of, owner, limit, offset))

    async def follow(self, batch_id: str, job_id: str) -> None:
        """
        Keep which job is the parent from now on.
        """
        await self._records.write(partial(_follow, batch_id, job_id))

    async def import_by(self, batch_id: str, job_id: str) -> None:
        """
        Keep which job fetches files into it.
        """
        await self._records.write(partial(_import_by, batch_id, job_id))

    async def imported(self, batch_id: str, job_id: str, error: str | None) -> None:
        """
        Keep how that job ended, unless there is another one by now.
        """
        await self._records.write(partial(_imported, batch_id, job_id, error))

    async def add_file(self, file: BatchFile) -> None:
        """
        Repeated under the same id it does nothing.
        """
        await self._records.write(partial(_add_file, file))

    async def files(self, batch_id: str, limit: int, offset: int) -> list[BatchFile]:
        return await self._records.read(partial(_files, batch_id, limit, offset), is_long=True)

    async def open_files(self, batch_id: str) -> list[BatchFile]:
        """
        Those that have not ended.
        """
        return await self._records.read(partial(_open_files, batch_id), is_long=True)

    async def counts(self, batch_id: str) -> Counts:
        return await self._records.read(partial(_counts, batch_id))

    async def tell(
        self, job_id: str, status: FileStatus, *, chunks: int = 0, error: str | None = None
    ) -> None:
        """
        Keep where the file of a job is; what has ended stays as it is.
        """
        # What is lost with the power is settled from the job.
        work = partial(_tell, job_id, status, chunks, error)
        await self._records.write(work, durability=Durability.NORMAL)

    async def claim(self, file_id: str, failed_job_id: str) -> bool:
        """
        Let a file wait that failed, for who tries it again: of many at the same moment, one.
        """
        return await self._records.write(partial(_claim, file_id, failed_job_id)) == 1

    async def take_over(self, old_job_id: str, job_id: str) -> None:
        """
        Let a file that was not read be that of another job, which tries again: it counts once, and waits. Repeated it does nothing.
        """
        await self._records.write(partial(_take_over, old_job_id, job_id))

    async def failed_files(self, batch_id: str) -> list[BatchFile]:
        """
        Those that failed and have a job, which can be tried again.
        """
        return await self._records.read(partial(_failed_files, batch_id), is_long=True)

    async def remove(self, batch_id: str) -> None:
        """
        Forget a batch; its documents stay.
        """
        await self._records.write(partial(_remove, batch_id))


@asynccontextmanager
async def settling(batches: Batches, job_id: str) -> AsyncGenerator[Callable[[int], None], None]:
    """
    Keep how the work in this block ends: call what it gives with the number of passages, or raise.
    """
    ended: list[int] = []
    try:
        yield ended.append
    except AvanceError as error:
        await batches.tell(job_id, FileStatus.FAILED, error=error.message)
        raise
    if ended:
        await batches.tell(job_id, FileStatus.COMPLETED, chunks=ended[0])


def not_found(batch_id: str) -> NotFound:
    return NotFound(f"there is no batch {batch_id}", code="batch_not_found")


def _add(batch: Batch, changes: Changes) -> None:
    changes.run(
        f"INSERT INTO documents_batches ({_BATCH}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *msgspec.structs.astuple(batch),
    )


def _get(batch_id: str, rows: Rows) -> Batch | None:
    row = rows.one(f"SELECT {_BATCH} FROM documents_batches WHERE id = ?", batch_id)
    return None if row is None else _as(Batch, row)


def _of(owner: str, limit: int, offset: int, rows: Rows) -> tuple[list[Batch], int]:
    found = rows.all(
        f"SELECT {_BATCH} FROM documents_batches WHERE owner = ? ORDER BY created_ms DESC, id DESC LIMIT ? OFFSET ?",
        owner,
        limit,
        offset,
    )
    total = rows.one("SELECT count(*) FROM documents_batches WHERE owner = ?", owner)
    return [_as(Batch, row) for row in found], 0 if total is None else int(total[0])


def _follow(batch_id: str, job_id: str, changes: Changes) -> None:
    changes.run("UPDATE documents_batches SET job_id = ? WHERE id = ?", job_id, batch_id)


def _import_by(batch_id: str, job_id: str, changes: Changes) -> None:
    changes.run(
        "UPDATE documents_batches SET import_job_id = ?, import_error = NULL WHERE id = ?",
        job_id,
        batch_id,
    )


def _imported(batch_id: str, job_id: str, error: str | None, changes: Changes) -> None:
    changes.run(
        "UPDATE documents_batches SET import_job_id = NULL, import_error = ? WHERE id = ? AND import_job_id = ?",
        error,
        batch_id,
        job_id,
    )


def _add_file(file: BatchFile, changes: Changes) -> None:
    changes.run(
        f"INSERT INTO documents_batch_files ({_FILE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO NOTHING",
        *msgspec.structs.astuple(file),
    )


def _files(batch_id: str, limit: int, offset: int, rows: Rows) -> list[BatchFile]:
    found = rows.all(
        f"SELECT {_FILE} FROM documents_batch_files WHERE batch_id = ? ORDER BY created_ms, id LIMIT ? OFFSET ?",
        batch_id,
        limit,
        offset,
    )
    return [_as(BatchFile, row) for row in found]


def _open_files(batch_id: str, rows: Rows) -> list[BatchFile]:
    found = rows.all(
        f"SELECT {_FILE} FROM documents_batch_files WHERE batch_id = ? AND status NOT IN ('completed', 'failed')",
        batch_id,
    )
    return [_as(BatchFile, row) for row in found]


def _failed_files(batch_id: str, rows: Rows) -> list[BatchFile]:
    found = rows.all(
        f"SELECT {_FILE} FROM documents_batch_files WHERE batch_id = ? AND status = 'failed' AND job_id IS NOT NULL"
        " ORDER BY created_ms, id",
        batch_id,
    )
    return [_as(BatchFile, row) for row in found]


def _counts(batch_id: str, rows: Rows) -> Counts:
    found = rows.all(
        "SELECT status, count(*), sum(file_size), sum(chunk_count), max(processed_ms)"
        " FROM documents_batch_files WHERE batch_id = ? GROUP BY status",
        batch_id,
    )
    of = {row[0]: int(row[1]) for row in found}
    return Counts(
        total=sum(of.values()),
        pending=of.get("pending", 0),
        processing=of.get("processing", 0) + of.get("chunked", 0),
        completed=of.get("completed", 0),
        failed=of.get("failed", 0),
        total_size_bytes=sum(int(row[2]) for row in found),
        chunks=sum(int(row[3]) for row in found),
        ended_ms=max((int(row[4]) for row in found if row[4] is not None), default=None),
    )


def _tell(
    job_id: str, status: FileStatus, chunks: int, error: str | None, changes: Changes
) -> None:
    changes.run(
        "UPDATE documents_batch_files SET status = ?, chunk_count = ?, error_message = ?, processed_ms = ?"
        " WHERE job_id = ? AND status NOT IN ('completed', 'failed')",
        status.value,
        chunks,
        error,
        changes.now_ms if status.is_final else None,
        job_id,
    )


def _claim(file_id: str, failed_job_id: str, changes: Changes) -> int:
    return changes.run(
        "UPDATE documents_batch_files SET status = 'pending' WHERE id = ? AND job_id = ? AND status = 'failed'",
        file_id,
        failed_job_id,
    )


def _take_over(old_job_id: str, job_id: str, changes: Changes) -> None:
    changes.run(
        "UPDATE documents_batch_files SET job_id = ?, status = 'pending', error_message = NULL, processed_ms = NULL"
        " WHERE job_id = ? AND status <> 'completed'",
        job_id,
        old_job_id,
    )


def _remove(batch_id: str, changes: Changes) -> None:
    changes.run("DELETE FROM documents_batch_files WHERE batch_id = ?", batch_id)
    changes.run("DELETE FROM documents_batches WHERE id = ?", batch_id)


def _as(kind: type[Any], row: Row) -> Any:
    return msgspec.convert(dict(zip(_names(kind), row, strict=True)), kind)


def _names(kind: type[Any]) -> Sequence[str]:
    names: Sequence[str] = kind.__struct_fields__
    return names
