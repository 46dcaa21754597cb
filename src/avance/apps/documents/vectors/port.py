"""
What every place for vectors can do.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """
    A passage with its unit vector, as little-endian 32-bit floats.
    """

    chunk_id: int
    vector: bytes
    collection_id: int
    document_id: str
    job_id: str
    chunk_index: int
    content_hash: str
    uploaded_ms: int

    @property
    def payload(self) -> dict[str, Any]:
        """
        What is kept beside the vector.
        """
        fields = msgspec.structs.asdict(self)
        return {name: value for name, value in fields.items() if name not in ("chunk_id", "vector")}


class Near(msgspec.Struct, frozen=True):
    chunk_id: int
    document_id: str
    score: float


class Owned(StrEnum):
    """
    By what points are removed.
    """

    DOCUMENT = "document_id"
    JOB = "job_id"
    COLLECTION = "collection_id"


class Vectors(ABC):
    """
    The tables decide what may be seen: a point whose passage is gone, or not shown yet, is found here and left out there. So nothing here has to
    be in one transaction with them.
    """

    @abstractmethod
    async def upsert(self, points: Sequence[Point]) -> None:
        """
        Keep points; one that is there already is replaced.

        Raises:
            Unavailable: The place cannot be reached.
        """

    @abstractmethod
    async def remove(self, by: Owned, value: str | int) -> None:
        """
        Forget all points of a document, a job or a collection.

        Raises:
            Unavailable: As for `upsert`.
        """

    @abstractmethod
    async def search(self, collection_id: int, vector: Sequence[float], limit: int) -> list[Near]:
        """
        The nearest points of a collection, best first, with their cosine.

        Raises:
            Unavailable: As for `upsert`.
        """

    @abstractmethod
    async def kept(self, dimensions: int, chunk_ids: Sequence[int]) -> Mapping[int, bytes]:
        """
        The vectors of some passages, as they were given; of those alone that have one of so many numbers.

        Raises:
            Unavailable: As for `upsert`.
        """

    async def close(self) -> None:
        """
        Let go of files and connections.
        """
        return
