"""
Files that arrive in parts: what is known of them, and their bytes so far.
"""

import errno
import fcntl
import hashlib
import os
from collections.abc import AsyncIterable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

import anyio
import anyio.to_thread
import msgspec

from avance.errors import Conflict, InvalidRequest, TooLarge, Unavailable
from avance.storage import Changes, Records, Rows

ALGORITHMS = ("sha256", "sha1")
SYNC_BYTES = 4_194_304
"""So much may be lost of what came when the power fails; the client then sends it again."""

SETTLE_S = 10.0
"""The longest that a question for the offset waits for a part that is being written."""
_writing: dict[Path, anyio.Event] = {}


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    owner: str
    tenant: str | None
    filename: str
    collection: str
    on_duplicate: str
    size: int
    expires_ms: int
    multipart_id: str | None = None
    """Of one whose bytes go straight into a bucket: what the bucket calls it."""


class Locked(Conflict):
    """
    Another request writes to the same upload.
    """

    code = "upload_locked"
    status = 423


class ChecksumMismatch(InvalidRequest):
    code = "checksum_mismatch"
    status = 460


class Checksum(msgspec.Struct, frozen=True):
    algorithm: str
    digest: bytes


class Arrivals:
    def __init__(self, records: Records, directory: Path) -> None:
        self._records = records
        self._directory = directory

    def path(self, arrival_id: str) -> Path:
        return self._directory / arrival_id

    async def find(self, arrival_id: str) -> Arrival | None:
        return await self._records.read(partial(_find, arrival_id))

    async def expired(self, now_ms: int) -> list[Arrival]:
        return await self._records.read(partial(_expired, now_ms))

    async def all(self) -> list[Arrival]:
        return await self._records.read(_all, is_long=True)

    async def reserve(self, arrival: Arrival, *, owner_bytes_max: int) -> None:
        """
        Remember a file that is about to come.

        Raises:
            TooLarge: What this owner has begun and not ended is too much with it.
        """
        await self._records.write(partial(_add, arrival, owner_bytes_max))

    async def add(self, arrival: Arrival, *, owner_bytes_max: int) -> None:
        """
        Make room for a file on our own disk.

        Raises:
            TooLarge: As `reserve`.
        """
        await self.reserve(arrival, owner_bytes_max=owner_bytes_max)
        await anyio.to_thread.run_sync(_create, self.path(arrival.id))

    async def remove(self, arrival_id: str) -> None:
        """
        Forget it, with its bytes.
        """
        await self._records.write(partial(_remove, arrival_id))
        await anyio.to_thread.run_sync(partial(self.path(arrival_id).unlink, missing_ok=True))

    async def offset(self, arrival: Arrival) -> int:
        """
        How many bytes have come.
        """
        try:
            return (await anyio.to_thread.run_sync(self.path(arrival.id).stat)).st_size
        except FileNotFoundError:
            return 0

    async def settled(self, arrival: Arrival) -> None:
        """
        Wait a while for whoever still writes: bytes that came before a cut go on to the disk after it, and an offset that grows is of no use.
        """
        writing = _writing.get(self.path(arrival.id))
        if writing is not None:
            with anyio.move_on_after(SETTLE_S):
                await writing.wait()

    async def write(
        self,
        arrival: Arrival,
        offset: int,
        data: AsyncIterable[bytes],
        checksum: Checksum | None,
    ) -> int:
        """
        Append what comes, and answer the new offset. What came before a cut is kept, unless a checksum was promised for all of it.

        Raises:
            Locked, Conflict, TooLarge, ChecksumMismatch, Unavailable: Nothing of this part was kept.
        """
        path = self.path(arrival.id)
        with _told_when_over(path), _locked(path) as file:
            present = os.fstat(file.fileno()).st_size
            if offset != present:
                raise Conflict(
                    f"the part begins at {offset}, but {present} bytes have come; ask with HEAD and go on from there",
                    code="offset_mismatch",
                    offset=present,
                )
            try:
                return await self._append(arrival, file, present, data, checksum)
            except BaseException as error:
                if checksum is not None or isinstance(error, TooLarge | ChecksumMismatch):
                    os.ftruncate(file.fileno(), present)
                raise

    async def _append(
        self,
        arrival: Arrival,
        file: BinaryIO,
        offset: int,
        data: AsyncIterable[bytes],
        checksum: Checksum | None,
    ) -> int:
        digest = None if checksum is None else hashlib.new(checksum.algorithm)
        unsynced = 0
        try:
            async for chunk in data:
                if offset + len(chunk) > arrival.size:
                    raise TooLarge(
                        f"the upload was announced with {arrival.size} bytes, and more came",
                        limit=arrival.size,
                    )
                await anyio.to_thread.run_sync(_put, file, offset, chunk)
                offset += len(chunk)
                unsynced += len(chunk)
                if digest is not None:
                    digest.update(chunk)
                if unsynced >= SYNC_BYTES:
                    await anyio.to_thread.run_sync(os.fsync, file.fileno())
                    unsynced = 0
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise Unavailable(
                    "no room is left for uploads; what came is kept, try again later",
                    code="disk_full",
                ) from error
            raise
        finally:
            os.fsync(file.fileno())
        if digest is not None and checksum is not None and digest.digest() != checksum.digest:
            raise ChecksumMismatch(
                f"the {checksum.algorithm} of the part is another than announced; send it again"
            )
        return offset


@contextmanager
def _told_when_over(path: Path) -> Generator[None, None, None]:
    if path in _writing:
        # The lock refuses the second, which must not tell of the end of the first.
        yield
        return
    over = _writing[path] = anyio.Event()
    try:
        yield
    finally:
        del _writing[path]
        over.set()


@contextmanager
def _locked(path: Path) -> Generator[BinaryIO, None, None]:
    with path.open("r+b", buffering=0) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Locked("another request writes to this upload; end it, or wait for it") from None
        yield file


def _put(file: BinaryIO, offset: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        written = os.pwrite(file.fileno(), view, offset)
        view, offset = view[written:], offset + written


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)


_COLUMNS = "id, owner, tenant, filename, collection, on_duplicate, size, expires_ms, multipart_id"


def _read(row: tuple[object, ...]) -> Arrival:
    return Arrival(**dict(zip(Arrival.__struct_fields__, row, strict=True)))  # type: ignore[arg-type]


def _find(arrival_id: str, rows: Rows) -> Arrival | None:
    row = rows.one(f"SELECT {_COLUMNS} FROM documents_arrivals WHERE id = ?", arrival_id)
    return None if row is None else _read(row)


def _expired(now_ms: int, rows: Rows) -> list[Arrival]:
    found = rows.all(f"SELECT {_COLUMNS} FROM documents_arrivals WHERE expires_ms <= ?", now_ms)
    return [_read(row) for row in found]


def _all(rows: Rows) -> list[Arrival]:
    return [_read(row) for row in rows.all(f"SELECT {_COLUMNS} FROM documents_arrivals")]


def _add(arrival: Arrival, owner_bytes_max: int, changes: Changes) -> None:
    row = changes.one(
        "SELECT coalesce(sum(size), 0) FROM documents_arrivals WHERE owner = ?", arrival.owner
    )
    begun = 0 if row is None else int(row[0])
    if begun + arrival.size > owner_bytes_max:
        raise TooLarge(
            f"uploads of {begun} bytes have begun and not ended; with this one it would be over {owner_bytes_max}: end or delete some",
            code="upload_quota",
            begun=begun,
            limit=owner_bytes_max,
        )
    changes.run(
        f"INSERT INTO documents_arrivals ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *msgspec.structs.astuple(arrival),
    )


def _remove(arrival_id: str, changes: Changes) -> None:
    changes.run("DELETE FROM documents_arrivals WHERE id = ?", arrival_id)
