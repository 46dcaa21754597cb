"""
Files: what was uploaded, and results that are too large for a row.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import msgspec

from avance.errors import InvalidRequest

_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*){0,15}")
KEY_CHARS_MAX = 512


class Blob(msgspec.Struct, frozen=True, kw_only=True):
    """
    What is known of a stored file.
    """

    key: str
    size: int
    sha256: str | None = None
    """In hex; known when it was just written."""


class Blobs(ABC):
    """
    A key is a path of names (`documents/<id>/file.pdf`); one that is written again is replaced as a whole.
    """

    @abstractmethod
    async def put(self, key: str, data: AsyncIterable[bytes], *, bytes_max: int) -> Blob:
        """
        Store a stream. It is there as a whole and on the disk when this returns, or not at all.

        Raises:
            TooLarge: More than `bytes_max` came.
            Unavailable: The disk is full, or the store cannot be reached.
        """

    @abstractmethod
    async def take(self, key: str, path: Path) -> Blob:
        """
        Store a local file, which is gone afterwards.

        Raises:
            Unavailable: As for `put`; the file is still there.
        """

    @abstractmethod
    def read(self, key: str, *, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """
        Stream a part of it.

        Raises:
            NotFound: There is no such file.
        """

    @abstractmethod
    def local(self, key: str) -> AbstractAsyncContextManager[Path]:
        """
        Have it as a local file for a while, for whatever reads files only. It is not to be changed.

        Raises:
            NotFound: There is no such file.
        """

    @abstractmethod
    async def info(self, key: str) -> Blob | None:
        """
        Its size, or None if it is not there.
        """

    @abstractmethod
    async def remove(self, key: str) -> None:
        """
        Remove it, and all below it when it ends with `/`; what is not there is removed already.
        """

    @abstractmethod
    async def link(self, key: str, *, ttl_s: float, name: str | None = None) -> str | None:
        """
        A URL from which a browser can read it for a while without us, or None where this store gives none.

        Args:
            name: What the browser is to call it.
        """


def checked_key(key: str) -> str:
    """
    Refuse what could leave the place of files.

    Raises:
        InvalidRequest: It is no key.
    """
    if len(key) > KEY_CHARS_MAX or _KEY.fullmatch(key.removesuffix("/")) is None:
        raise InvalidRequest(
            f"{key!r} is no key of a file; use names of A-Z, a-z, 0-9, `.`, `_` and `-`, separated by `/`",
            code="invalid_file_key",
            key=key,
        )
    return key
