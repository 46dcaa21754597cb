import hashlib
import io
import os
import secrets
import shutil
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio.to_thread
from anyio import CancelScope

from avance.errors import NotFound, TooLarge, Unavailable
from avance.ports.blobs import Blob, Blobs, checked_key

T = TypeVar("T")

READ_BYTES = 262_144
PARTIAL = ".partial"
"""The directory of what is still written; no key begins with a dot."""


class DiskBlobs(Blobs):
    def __init__(self, directory: str | Path) -> None:
        self._root = Path(directory)

    async def put(self, key: str, data: AsyncIterable[bytes], *, bytes_max: int) -> Blob:
        target = self._path(key)
        partly = self._root / PARTIAL / secrets.token_hex(16)
        try:
            file = await self._work(partial(_create, partly))
            try:
                size, digest = 0, hashlib.sha256()
                async for chunk in data:
                    size += len(chunk)
                    if size > bytes_max:
                        raise TooLarge(
                            f"the file is over {bytes_max} bytes", limit=bytes_max, size=size
                        )
                    await self._work(partial(_write, file.fileno(), chunk))
                    digest.update(chunk)
                await self._work(partial(os.fsync, file.fileno()))
            finally:
                file.close()
            await self._work(partial(_place, partly, target))
        except BaseException:
            with CancelScope(shield=True):
                await anyio.to_thread.run_sync(partial(partly.unlink, missing_ok=True))
            raise
        return Blob(key=key, size=size, sha256=digest.hexdigest())

    async def take(self, key: str, path: Path) -> Blob:
        size, sha256 = await self._work(partial(_adopt, path, self._path(key)))
        return Blob(key=key, size=size, sha256=sha256)

    async def read(
        self, key: str, *, start: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        try:
            file = await anyio.to_thread.run_sync(partial(io.FileIO, self._path(key)))
        except FileNotFoundError as error:
            raise _not_found(key) from error
        with file:
            file.seek(start)
            left = length
            while left is None or left > 0:
                most = READ_BYTES if left is None else min(READ_BYTES, left)
                chunk = await anyio.to_thread.run_sync(file.read, most)
                if not chunk:
                    return
                left = None if left is None else left - len(chunk)
                yield chunk

    @asynccontextmanager
    async def local(self, key: str) -> AsyncIterator[Path]:
        path = self._path(key)
        if not await anyio.to_thread.run_sync(path.is_file):
            raise _not_found(key)
        yield path

    async def info(self, key: str) -> Blob | None:
        path = self._path(key)
        try:
            found = await anyio.to_thread.run_sync(path.stat)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return Blob(key=key, size=found.st_size)

    async def remove(self, key: str) -> None:
        path = self._path(key)
        work = partial(shutil.rmtree, path, ignore_errors=True) if key.endswith("/") else None
        await anyio.to_thread.run_sync(work or partial(path.unlink, missing_ok=True))

    async def link(self, key: str, *, ttl_s: float, name: str | None = None) -> str | None:
        return None

    async def _work(self, work: Callable[[], T]) -> T:
        # Not around the stream: when that breaks off, the disk is well.
        try:
            return await anyio.to_thread.run_sync(work)
        except OSError as error:
            raise _unavailable(error, self._root) from error

    def _path(self, key: str) -> Path:
        return self._root / checked_key(key)


def _create(path: Path) -> io.FileIO:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return io.FileIO(path, "xb")


def _write(number: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(number, view) :]


def _place(partly: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.replace(partly, target)
    _sync_directory(target.parent)


def _adopt(path: Path, target: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        size = file.tell()
        os.fsync(file.fileno())
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        os.replace(path, target)
    except OSError:
        # Another file system: copy beside the place, then move.
        beside = target.with_name(f"{target.name}.{secrets.token_hex(8)}")
        try:
            shutil.copyfile(path, beside)
            with beside.open("rb") as copied:
                os.fsync(copied.fileno())
            os.replace(beside, target)
        finally:
            beside.unlink(missing_ok=True)
        path.unlink(missing_ok=True)
    _sync_directory(target.parent)
    return size, digest.hexdigest()


def _sync_directory(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _not_found(key: str) -> NotFound:
    return NotFound(f"there is no file {key}", code="file_not_found", key=key)


def _unavailable(error: OSError, root: Path) -> Unavailable:
    return Unavailable(
        f"files cannot be written to {root} ({error.strerror}); make room there, or name another directory",
        code="disk_full" if error.errno in (28, 122) else "files_unavailable",
        path=str(root),
    )
