"""
Each place for vectors does the same. Qdrant is the real client in its local mode, and Qdrant Edge the real library.
"""

from collections.abc import Callable
from pathlib import Path

import anyio
import numpy
import pytest
from free_port import free_port

from avance.apps.documents.vectors import Owned, Point, Vectors
from avance.apps.documents.vectors.edge import EdgeVectors
from avance.apps.documents.vectors.qdrant import QdrantVectors
from avance.errors import Unavailable

Make = Callable[[Path], Vectors]
PLACES: dict[str, Make] = {
    "qdrant": lambda folder: QdrantVectors(f"file:{folder}/q", None, "documents"),
    "edge": lambda folder: EdgeVectors(folder / "edge"),
}


@pytest.fixture(params=sorted(PLACES))
def make(request: pytest.FixtureRequest) -> Make:
    return PLACES[request.param]


def point(chunk_id: int, *vector: float, collection: int = 1, document: str = "a") -> Point:
    unit = numpy.asarray(vector, dtype="<f4")
    return Point(
        chunk_id=chunk_id,
        vector=(unit / numpy.linalg.norm(unit)).tobytes(),
        collection_id=collection,
        document_id=document,
        job_id=f"job of {document}",
        chunk_index=0,
        content_hash="0",
        uploaded_ms=1,
    )


@pytest.mark.filterwarnings("ignore")
def test_points_are_found_by_nearness_within_their_collection_and_removed(
    make: Make, tmp_path: Path
) -> None:
    # In a loop that is not watched: the local mode of Qdrant's client reads files in it, which a server never makes it do.
    anyio.run(_course, make, tmp_path)


async def _course(make: Make, tmp_path: Path) -> None:
    vectors = make(tmp_path)
    await vectors.upsert(
        [
            point(1, 1, 0, 0),
            point(2, 1, 1, 0, document="b"),
            point(3, 0, 0, 1, document="c"),
            point(4, 1, 0, 0, collection=2, document="d"),
        ]
    )
    found = await vectors.search(1, [1.0, 0.0, 0.0], 2)
    assert [(one.chunk_id, one.document_id) for one in found] == [(1, "a"), (2, "b")]
    assert found[0].score == pytest.approx(1.0, abs=1e-5)
    kept = await vectors.kept(3, [1, 2, 9])
    assert {
        one: numpy.frombuffer(vector, dtype="<f4").tolist() for one, vector in kept.items()
    } == {
        1: pytest.approx([1.0, 0.0, 0.0], abs=1e-5),
        2: pytest.approx([0.70711, 0.70711, 0.0], abs=1e-4),
    }
    await vectors.upsert([point(1, 0, 0, 1)])
    assert [one.chunk_id for one in await vectors.search(1, [1.0, 0.0, 0.0], 1)] == [2]
    await vectors.remove(Owned.DOCUMENT, "b")
    await vectors.remove(Owned.JOB, "job of c")
    assert [one.chunk_id for one in await vectors.search(1, [1.0, 0.0, 0.0], 9)] == [1]
    await vectors.remove(Owned.COLLECTION, 2)
    assert await vectors.search(2, [1.0, 0.0, 0.0], 9) == []
    # Another model, with more numbers, lives beside it.
    await vectors.upsert([point(5, 1, 0, 0, 0, collection=3)])
    assert [one.chunk_id for one in await vectors.search(3, [1.0, 0.0, 0.0, 0.0], 9)] == [5]
    await vectors.close()
    again = make(tmp_path)
    assert [one.chunk_id for one in await again.search(1, [1.0, 0.0, 0.0], 9)] == [1]
    await again.close()


async def test_a_second_owner_of_a_shard_is_told_why(tmp_path: Path) -> None:
    first, second = EdgeVectors(tmp_path / "edge"), EdgeVectors(tmp_path / "edge")
    await first.upsert([point(1, 1, 0)])
    with pytest.raises(Unavailable, match="only one process may have it"):
        await second.search(1, [1.0, 0.0], 1)
    await first.close()


@pytest.fixture
def away() -> QdrantVectors:
    return QdrantVectors(f"http://127.0.0.1:{free_port()}", None, "documents")


async def test_a_server_that_is_away_is_named(away: QdrantVectors) -> None:
    with pytest.raises(Unavailable, match="Qdrant at http") as refused:
        await away.upsert([point(1, 1, 0)])
    assert refused.value.code == "vectors_unavailable"
    await away.close()
