"""
Vectors beside the passages, in the store: exact, by comparing with every one of the collection. Good up to some 100,000 passages.
"""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy

from avance.apps.documents.vectors.port import Near, Owned, Point, Vectors
from avance.storage import Changes, Durability, Records, Rows


class TableVectors(Vectors):
    def __init__(self, records: Records) -> None:
        self._records = records

    async def upsert(self, points: Sequence[Point]) -> None:
        work = partial(_upsert, points)
        # They are seen only after a write that reaches the disk.
        await self._records.write(work, durability=Durability.NORMAL)

    async def remove(self, by: Owned, value: str | int) -> None:
        """
        They go with their passages.
        """
        return

    async def search(self, collection_id: int, vector: Sequence[float], limit: int) -> list[Near]:
        return await self._records.read(
            partial(_search, collection_id, vector, limit), is_long=True
        )

    async def kept(self, dimensions: int, chunk_ids: Sequence[int]) -> Mapping[int, bytes]:
        if not chunk_ids:
            return {}
        found = await self._records.read(partial(_kept, chunk_ids))
        return {one: vector for one, vector in found.items() if len(vector) == dimensions * 4}


def _kept(chunk_ids: Sequence[int], rows: Rows) -> dict[int, bytes]:
    marks = ", ".join("?" for _ in chunk_ids)
    found = rows.all(
        f"SELECT id, vector FROM documents_chunks WHERE vector IS NOT NULL AND id IN ({marks})",
        *chunk_ids,
    )
    return {int(row[0]): bytes(row[1]) for row in found}


def _upsert(points: Sequence[Point], changes: Changes) -> None:
    changes.run_many(
        "UPDATE documents_chunks SET vector = ? WHERE id = ?",
        [(one.vector, one.chunk_id) for one in points],
    )


def _search(collection_id: int, vector: Sequence[float], limit: int, rows: Rows) -> list[Near]:
    kept = rows.all(
        "SELECT k.id, k.file_id, k.vector FROM documents_chunks k JOIN documents_files f ON f.id = k.file_id"
        " JOIN documents_collections c ON c.id = f.collection_id"
        " WHERE k.vector IS NOT NULL AND c.id = ? AND f.generation = c.generation AND f.is_ready = 1",
        collection_id,
    )
    if not kept:
        return []
    matrix = numpy.frombuffer(b"".join(bytes(row[2]) for row in kept), dtype="<f4")
    scores = matrix.reshape(len(kept), -1) @ numpy.asarray(vector, dtype="<f4")
    best = numpy.argsort(-scores)[:limit]
    return [Near(int(kept[n][0]), str(kept[n][1]), float(scores[n])) for n in best]
