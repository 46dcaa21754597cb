"""
Vectors in a Qdrant server: one collection there for each number of dimensions, filtered by ours.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager

import numpy
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import ApiException

from avance.apps.documents.vectors.port import Near, Owned, Point, Vectors
from avance.errors import Unavailable

LOCAL = "file:"
"""A URL that begins so is a folder for the client's own local mode, for trials without a server."""
TIMEOUT_S = 30


class QdrantVectors(Vectors):
    def __init__(self, url: str, key: str | None, prefix: str) -> None:
        self._url = url
        self._prefix = prefix
        if url.startswith(LOCAL):
            self._client = AsyncQdrantClient(path=url.removeprefix(LOCAL))
        else:
            # The check of versions would ask the server here, which may not be up yet.
            self._client = AsyncQdrantClient(
                url=url, api_key=key, timeout=TIMEOUT_S, check_compatibility=False
            )
        self._known: set[str] = set()

    async def upsert(self, points: Sequence[Point]) -> None:
        if not points:
            return
        dimensions = len(points[0].vector) // 4
        async with self._reached():
            name = await self._collection(dimensions)
            await self._client.upsert(
                name,
                points=[
                    models.PointStruct(
                        id=one.chunk_id,
                        vector=numpy.frombuffer(one.vector, dtype="<f4").tolist(),
                        payload=one.payload,
                    )
                    for one in points
                ],
                wait=True,
            )

    async def remove(self, by: Owned, value: str | int) -> None:
        async with self._reached():
            for one in (await self._client.get_collections()).collections:
                if one.name.startswith(f"{self._prefix}_"):
                    chosen = models.FilterSelector(filter=_where(by, value))
                    await self._client.delete(one.name, points_selector=chosen, wait=True)

    async def search(self, collection_id: int, vector: Sequence[float], limit: int) -> list[Near]:
        async with self._reached():
            name = await self._collection(len(vector))
            found = await self._client.query_points(
                name,
                query=list(vector),
                query_filter=_where(Owned.COLLECTION, collection_id),
                limit=limit,
                with_payload=[Owned.DOCUMENT.value],
            )
        return [
            Near(int(one.id), str((one.payload or {}).get(Owned.DOCUMENT, "")), one.score)
            for one in found.points
        ]

    async def kept(self, dimensions: int, chunk_ids: Sequence[int]) -> Mapping[int, bytes]:
        if not chunk_ids:
            return {}
        async with self._reached():
            name = await self._collection(dimensions)
            found = await self._client.retrieve(
                name, list(chunk_ids), with_payload=False, with_vectors=True
            )
        return {
            int(one.id): numpy.asarray(one.vector, dtype="<f4").tobytes()
            for one in found
            if one.vector is not None
        }

    async def close(self) -> None:
        await self._client.close()

    async def _collection(self, dimensions: int) -> str:
        name = f"{self._prefix}_{dimensions}"
        if name not in self._known:
            if not await self._client.collection_exists(name):
                await self._create(name, dimensions)
            self._known.add(name)
        return name

    async def _create(self, name: str, dimensions: int) -> None:
        size = models.VectorParams(size=dimensions, distance=models.Distance.COSINE)
        try:
            await self._client.create_collection(name, vectors_config=size)
        except (ApiException, ValueError):
            # Another process may have been faster.
            if not await self._client.collection_exists(name):
                raise
        if not self._url.startswith(LOCAL):
            for owned, kind in (
                (Owned.COLLECTION, models.PayloadSchemaType.INTEGER),
                (Owned.DOCUMENT, models.PayloadSchemaType.KEYWORD),
                (Owned.JOB, models.PayloadSchemaType.KEYWORD),
            ):
                await self._client.create_payload_index(name, owned.value, kind)

    @asynccontextmanager
    async def _reached(self) -> AsyncGenerator[None, None]:
        try:
            yield
        except (ApiException, OSError) as error:
            raise Unavailable(
                f"Qdrant at {self._url} cannot be used ({error}); look at its log and its /healthz, or unset AVANCE_DOCUMENTS_QDRANT_URL",
                code="vectors_unavailable",
            ) from error


def _where(by: Owned, value: str | int) -> models.Filter:
    return models.Filter(
        must=[models.FieldCondition(key=by.value, match=models.MatchValue(value=value))]
    )
