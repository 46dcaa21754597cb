"""
Taking files and texts from a request into the store of files, a piece at a time.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import anyio.to_thread
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from avance import Avance
from avance.apps.documents.model import Source
from avance.apps.documents.settings import DocumentsSettings
from avance.apps.reading import Unreadable, sniff
from avance.errors import InvalidRequest, TooLarge

READ_BYTES = 262_144
FIELDS_MAX = 20
FIELD_BYTES_MAX = 65_536
NAME_CHARS_MAX = 255


@asynccontextmanager
async def form_of(request: Request, settings: DocumentsSettings) -> AsyncGenerator[FormData, None]:
    """
    A multipart form whose files lie on the disk, not in memory.

    Raises:
        InvalidRequest: It is no such form.
    """
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        raise InvalidRequest(
            f"the body is {kind or 'of no type'}; send multipart/form-data", code="not_multipart"
        )
    form = await request.form(
        max_files=settings.upload_files_max, max_fields=FIELDS_MAX, max_part_size=FIELD_BYTES_MAX
    )
    try:
        yield form
    finally:
        await form.close()


def name_of(file: UploadFile, allowed: Sequence[str]) -> str:
    """
    The name of a file without any directory.

    Raises:
        InvalidRequest: It has none, or none of the allowed extensions.
    """
    name = (file.filename or "").replace("\\", "/").rpartition("/")[2].strip()
    if not name or len(name) > NAME_CHARS_MAX:
        raise Unreadable(
            f"the file has no name, or one over {NAME_CHARS_MAX} characters", code="file_name"
        )
    if not name.lower().endswith(tuple(allowed)):
        raise Unreadable(
            f"{name} is of no kind that is taken here; allowed: {', '.join(allowed)}",
            code="extension_not_allowed",
            allowed=list(allowed),
        )
    return name


async def keep_file(
    host: Avance, folder: str, number: int, file: UploadFile, name: str, *, bytes_max: int
) -> Source:
    """
    Store a file, and look at its first bytes before anything is queued.

    Raises:
        TooLarge, Unreadable: It is removed again.
    """
    key = f"documents/{folder}/{number}"

    async def pieces() -> AsyncGenerator[bytes, None]:
        while data := await file.read(READ_BYTES):
            yield data

    kept = await host.blobs.put(key, pieces(), bytes_max=bytes_max)
    try:
        async with host.blobs.local(key) as path:
            await anyio.to_thread.run_sync(sniff, path, name)
    except Unreadable:
        await host.blobs.remove(key)
        raise
    return Source(key=key, name=name, size=kept.size, sha256=kept.sha256 or "")


async def keep_text(
    host: Avance, folder: str, number: int, text: str, name: str, metadata: dict[str, Any]
) -> Source:
    """
    Store a text as the file that it could have been.
    """
    data = text.encode()
    key = f"documents/{folder}/{number}"

    async def pieces() -> AsyncGenerator[bytes, None]:
        for start in range(0, len(data), READ_BYTES):
            yield data[start : start + READ_BYTES]

    kept = await host.blobs.put(key, pieces(), bytes_max=len(data))
    return Source(key=key, name=name, size=kept.size, sha256=kept.sha256 or "", metadata=metadata)


def new_folder() -> str:
    """
    The id of a job that is about to be, which is where its files lie.
    """
    return str(uuid4())


def check_sizes(sources: Sequence[Source], settings: DocumentsSettings) -> None:
    """
    Refuse an upload whose files are too much together.
    """
    size = sum(source.size for source in sources)
    if size > settings.upload_bytes_max:
        raise TooLarge(
            f"the files have {size} bytes together; the limit is {settings.upload_bytes_max}",
            limit=settings.upload_bytes_max,
        )
