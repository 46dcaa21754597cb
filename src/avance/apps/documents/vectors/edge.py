"""
Vectors in Qdrant Edge, a shard in a folder of this process: exactly one process may have it.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TypeVar

import anyio.to_thread
import numpy
import qdrant_edge as edge

from avance.apps.documents.vectors.port import Near, Owned, Point, Vectors
from avance.errors import Unavailable

T = TypeVar("T")


class EdgeVectors(Vectors):
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shards: dict[int, edge.EdgeShard] = {}
        self._lock = Lock()

    async def upsert(self, points: Sequence[Point]) -> None:
        if points:
            await self._work(partial(self._upsert, points))

    async def remove(self, by: Owned, value: str | int) -> None:
        await self._work(partial(self._remove, by, value))

    async def search(self, collection_id: int, vector: Sequence[float], limit: int) -> list[Near]:
        return await self._work(partial(self._search, collection_id, vector, limit))

    async def kept(self, dimensions: int, chunk_ids: Sequence[int]) -> Mapping[int, bytes]:
        return await self._work(partial(self._kept, dimensions, chunk_ids))

    async def close(self) -> None:
        await self._work(self._close)

    async def _work(self, work: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(self._locked, work)

    def _locked(self, work: Callable[[], T]) -> T:
        with self._lock:
            return work()

    def _upsert(self, points: Sequence[Point]) -> None:
        shard = self._shard(len(points[0].vector) // 4)
        kept = [
            edge.Point(
                one.chunk_id, numpy.frombuffer(one.vector, dtype="<f4").tolist(), one.payload
            )
            for one in points
        ]
        shard.update(edge.UpdateOperation.upsert_points(kept))

    def _remove(self, by: Owned, value: str | int) -> None:
        for folder in self._folder.glob("[0-9]*"):
            shard = self._shard(int(folder.name))
            shard.update(edge.UpdateOperation.delete_points_by_filter(_where(by, value)))

    def _search(self, collection_id: int, vector: Sequence[float], limit: int) -> list[Near]:
        wanted = edge.SearchRequest(
            edge.Query.Nearest(list(vector)),
            limit,
            filter=_where(Owned.COLLECTION, collection_id),
            with_payload=True,
        )
        return [
            Near(int(str(one.id)), str((one.payload or {}).get(Owned.DOCUMENT.value)), one.score)
            for one in self._shard(len(vector)).search(wanted)
        ]

    def _kept(self, dimensions: int, chunk_ids: Sequence[int]) -> dict[int, bytes]:
        found = self._shard(dimensions).retrieve(
            list(chunk_ids), with_payload=False, with_vector=True
        )
        return {
            int(str(one.id)): numpy.asarray(one.vector, dtype="<f4").tobytes()
            for one in found
            if one.vector is not None
        }

    def _shard(self, dimensions: int) -> edge.EdgeShard:
        found = self._shards.get(dimensions)
        if found is None:
            found = self._shards[dimensions] = self._open(dimensions)
        return found

    def _open(self, dimensions: int) -> edge.EdgeShard:
        folder = self._folder / str(dimensions)
        size = edge.EdgeVectorParams(dimensions, edge.Distance.Cosine)
        try:
            if folder.exists():
                return edge.EdgeShard.load(str(folder))
            folder.mkdir(parents=True, mode=0o700)
            return edge.EdgeShard.create(str(folder), edge.EdgeConfig(vectors=size))
        except Exception as error:  # it raises bare ones for everything, a second owner among them
            raise Unavailable(
                f"Qdrant Edge cannot open {folder} ({error}); only one process may have it: with several, use a Qdrant server",
                code="vectors_unavailable",
            ) from error

    def _close(self) -> None:
        for shard in self._shards.values():
            shard.flush()
            shard.close()
        self._shards.clear()


def _where(by: Owned, value: str | int) -> edge.Filter:
    return edge.Filter(must=[edge.FieldCondition(by.value, match=edge.MatchValue(value))])
