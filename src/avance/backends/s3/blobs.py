import hashlib
import logging
import mimetypes
import os
import tempfile
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import anyio
import anyio.to_thread
import msgspec
from anyio import CancelScope

from avance.backends.s3.failure import PastTheEnd, told
from avance.backends.s3.place import S3_LIMITS, S3Limits, open_client, read_place
from avance.errors import NotFound, TooLarge, Unavailable
from avance.ports.blobs import Blob, Blobs, checked_key

log = logging.getLogger("avance.s3")

T = TypeVar("T")

_MAKES = ("put_object", "create_multipart_upload")
"""These give a file its content type."""


class UploadForm(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a browser posts (multipart/form-data, the file last as `file`) to bring a file past us.
    """

    url: str
    fields: Mapping[str, str]


class S3Blobs(Blobs):
    """
    In a bucket. The client of S3 blocks, so it works in threads.
    """

    def __init__(self, url: str, *, limits: S3Limits = S3_LIMITS) -> None:
        self._place = read_place(url)
        self._limits = limits
        self._client: Any = None
        self._opening = threading.Lock()
        self._threads: anyio.CapacityLimiter | None = None
        self._is_away = False

    async def put(self, key: str, data: AsyncIterable[bytes], *, bytes_max: int) -> Blob:
        checked_key(key)
        upload = _Upload(self, key)
        try:
            async for chunk in data:
                upload.size += len(chunk)
                if upload.size > bytes_max:
                    raise TooLarge(
                        f"the file is over {bytes_max} bytes", limit=bytes_max, size=upload.size
                    )
                await upload.add(chunk)
            await upload.finish()
        except BaseException:
            with CancelScope(shield=True):
                await upload.abort()
            raise
        return Blob(key=key, size=upload.size, sha256=upload.digest.hexdigest())

    async def take(self, key: str, path: Path) -> Blob:
        checked_key(key)

        async def chunks() -> AsyncIterator[bytes]:
            async with await anyio.open_file(path, "rb") as file:
                while chunk := await file.read(self._limits.part_bytes):
                    yield chunk

        size = (await anyio.Path(path).stat()).st_size
        blob = await self.put(key, chunks(), bytes_max=size)
        await anyio.Path(path).unlink(missing_ok=True)
        return blob

    async def read(
        self, key: str, *, start: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        if length is not None and length <= 0:
            if await self.info(key) is None:
                raise _not_found(key)
            return
        last = "" if length is None else start + length - 1
        range_ = {"Range": f"bytes={start}-{last}"} if start or length is not None else {}
        try:
            answer = await self.ask(key, "get_object", **self.at(key), **range_)
        except PastTheEnd:
            return
        body = answer["Body"]
        try:
            while chunk := await self._run(key, lambda _: body.read(self._limits.read_bytes)):
                yield chunk
        finally:
            body.close()

    @asynccontextmanager
    async def local(self, key: str) -> AsyncIterator[Path]:
        number, name = await anyio.to_thread.run_sync(
            partial(tempfile.mkstemp, prefix="avance-", suffix=Path(key).suffix)
        )
        path = Path(name)
        try:
            with os.fdopen(number, "wb") as file:
                async for chunk in self.read(key):
                    await anyio.to_thread.run_sync(file.write, chunk)
            yield path
        finally:
            with CancelScope(shield=True):
                await anyio.to_thread.run_sync(partial(path.unlink, missing_ok=True))

    async def info(self, key: str) -> Blob | None:
        try:
            found = await self.ask(key, "head_object", **self.at(key))
        except NotFound:
            return None
        return Blob(key=key, size=found["ContentLength"])

    async def remove(self, key: str) -> None:
        checked_key(key)
        if key.endswith("/"):
            await self._run(key, partial(self._remove_below, key))
        else:
            await self.ask(key, "delete_object", **self.at(key))

    async def link(self, key: str, *, ttl_s: float, name: str | None = None) -> str | None:
        shown = (
            {}
            if name is None
            else {
                "ResponseContentDisposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"
            }
        )
        url = await self.ask(
            key,
            "generate_presigned_url",
            ClientMethod="get_object",
            Params={**self.at(key), **shown},
            ExpiresIn=max(round(ttl_s), 1),
        )
        return str(url)

    async def upload_form(self, key: str, *, ttl_s: float, bytes_max: int) -> UploadForm:
        """
        Let a browser bring a file without us; the store itself refuses one that is larger.
        """
        form = await self.ask(
            key,
            "generate_presigned_post",
            **self.at(key),
            Conditions=[["content-length-range", 0, bytes_max]],
            ExpiresIn=max(round(ttl_s), 1),
        )
        return UploadForm(url=form["url"], fields=form["fields"])

    # For an upload.

    @property
    def part_bytes(self) -> int:
        return self._limits.part_bytes

    def at(self, key: str) -> dict[str, str]:
        return {"Bucket": self._place.bucket, "Key": self._place.prefix + checked_key(key)}

    async def ask(self, key: str, method: str, **arguments: Any) -> Any:
        """
        Call a method of the client.
        """

        def call(client: Any) -> Any:
            given = _with_kind(key, arguments) if method in _MAKES else arguments
            return getattr(client, method)(**given)

        return await self._run(key, call)

    async def _run(self, key: str, work: Callable[[Any], T]) -> T:
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(self._limits.connections)

        def run() -> T:
            with told(key, self._place.bucket):
                return work(self._opened())

        try:
            answer = await anyio.to_thread.run_sync(run, limiter=self._threads)
        except Unavailable as error:
            # Once for each time that it goes away, not for each request.
            if not self._is_away:
                self._is_away = True
                log.warning("%s", error.message)
            raise
        except (NotFound, PastTheEnd):
            self._note_back()
            raise
        self._note_back()
        return answer

    def _note_back(self) -> None:
        if self._is_away:
            self._is_away = False
            log.warning("the files in bucket %s are there again", self._place.bucket)

    def _opened(self) -> Any:
        # In a thread and once: making a client reads files.
        with self._opening:
            if self._client is None:
                self._client = open_client(self._place, self._limits)
            return self._client

    def _remove_below(self, key: str, client: Any) -> None:
        bucket = self._place.bucket
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=self._place.prefix + key
        )
        for page in pages:
            keys = [{"Key": one["Key"]} for one in page.get("Contents", ())]
            if keys:
                client.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})


class _Upload:
    """
    A small file goes in one request, a large one in parts; nothing is seen of either before its end.
    """

    def __init__(self, blobs: S3Blobs, key: str) -> None:
        self._blobs = blobs
        self._key = key
        self._buffer = bytearray()
        self._id: str | None = None
        self._parts: list[dict[str, Any]] = []
        self.size = 0
        self.digest = hashlib.sha256()

    async def add(self, chunk: bytes) -> None:
        self.digest.update(chunk)
        self._buffer += chunk
        size = self._blobs.part_bytes
        while len(self._buffer) > size:
            part = bytes(self._buffer[:size])
            del self._buffer[:size]
            await self._send(part)

    async def finish(self) -> None:
        at = self._blobs.at(self._key)
        if self._id is None:
            await self._blobs.ask(self._key, "put_object", **at, Body=bytes(self._buffer))
            return
        await self._send(bytes(self._buffer))
        await self._blobs.ask(
            self._key,
            "complete_multipart_upload",
            **at,
            UploadId=self._id,
            MultipartUpload={"Parts": self._parts},
        )
        self._id = None

    async def abort(self) -> None:
        if self._id is not None:
            at = self._blobs.at(self._key)
            await self._blobs.ask(self._key, "abort_multipart_upload", **at, UploadId=self._id)

    async def _send(self, part: bytes) -> None:
        at = self._blobs.at(self._key)
        if self._id is None:
            begun = await self._blobs.ask(self._key, "create_multipart_upload", **at)
            self._id = begun["UploadId"]
        number = len(self._parts) + 1
        sent = await self._blobs.ask(
            self._key, "upload_part", **at, UploadId=self._id, PartNumber=number, Body=part
        )
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})


def _with_kind(key: str, arguments: dict[str, Any]) -> dict[str, Any]:
    # In a thread: the first look at the kinds of files reads some of the system's.
    kind, _ = mimetypes.guess_type(key)
    return arguments if kind is None else {**arguments, "ContentType": kind}


def _not_found(key: str) -> NotFound:
    return NotFound(f"there is no file {key}", code="file_not_found", key=key)
