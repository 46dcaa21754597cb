"""
Finding passages: by words, and by meaning where embeddings are configured.
"""

from collections.abc import Sequence
from functools import partial

import msgspec

from avance.apps.documents.model import Hit, Place
from avance.apps.documents.text.stems import LANGUAGES, WORD, stems
from avance.storage import Engine, Records, Row, Rows

QUERY_WORDS_MAX = 64
_SELECT = "SELECT k.id, f.id, f.filename, k.text, k.page, k.start_char, k.end_char, k.chunk_index, f.metadata"
_LIVE = "f.collection_id = ? AND f.generation = ? AND f.is_ready = 1"


async def by_words(records: Records, place: Place, query: str, limit: int) -> list[Hit]:
    """
    The best passages by BM25 over stems; `score` is the share of the question's words that a passage has.
    """
    # A question is short and may be in either language: both stems of each word are asked.
    words = [set(stems(word, LANGUAGES)) for word in WORD.findall(query)]
    asked = [word for word in words if word][:QUERY_WORDS_MAX]
    if not asked:
        return []
    return await records.read(partial(_by_words, place, asked, limit), is_long=True)


async def by_meaning(
    records: Records, place: Place, vector: Sequence[float], limit: int
) -> list[Hit]:
    """
    The passages whose vectors are nearest; exact, by comparing with every one.
    """
    return await records.read(partial(_by_meaning, place, vector, limit), is_long=True)


def mixed(words: list[Hit], meaning: list[Hit], weight: float, limit: int) -> list[Hit]:
    """
    One ranking of two, by reciprocal ranks; `weight` is that of meaning.
    """
    score: dict[int, float] = {}
    hits: dict[int, Hit] = {}
    for share, ranking in ((1 - weight, words), (weight, meaning)):
        for rank, hit in enumerate(ranking):
            score[hit.chunk_id] = score.get(hit.chunk_id, 0.0) + share / (60 + rank)
            hits.setdefault(hit.chunk_id, hit)
    best = sorted(score, key=lambda chunk_id: -score[chunk_id])[:limit]
    return [hits[chunk_id] for chunk_id in best]


def _by_words(place: Place, words: Sequence[set[str]], limit: int, rows: Rows) -> list[Hit]:
    asked = sorted(set().union(*words))
    if rows.engine is Engine.SQLITE:
        match = " OR ".join(f'"{stem}"' for stem in asked)
        found = rows.all(
            f"{_SELECT}, w.stems FROM documents_words w JOIN documents_chunks k ON k.id = w.rowid"
            f" JOIN documents_files f ON f.id = k.file_id WHERE documents_words MATCH ? AND {_LIVE}"
            " ORDER BY bm25(documents_words), k.id LIMIT ?",
            match,
            place.collection_id,
            place.generation,
            limit,
        )
        return [_hit(row[:9], _share(words, set(row[9].split()))) for row in found]
    match = " | ".join(f"'{stem}'" for stem in asked)
    found = rows.all(
        f"{_SELECT}, array_to_string(tsvector_to_array(k.stems), ' ') FROM documents_chunks k"
        " JOIN documents_files f ON f.id = k.file_id, to_tsquery('simple', ?) q"
        f" WHERE k.stems @@ q AND {_LIVE} ORDER BY ts_rank_cd(k.stems, q, 1) DESC, k.id LIMIT ?",
        match,
        place.collection_id,
        place.generation,
        limit,
    )
    return [_hit(row[:9], _share(words, set(row[9].split()))) for row in found]


def _by_meaning(place: Place, vector: Sequence[float], limit: int, rows: Rows) -> list[Hit]:
    # Only where vectors are used; it is heavy to load.
    import numpy  # noqa: PLC0415

    kept = rows.all(
        f"SELECT k.id, k.vector FROM documents_chunks k JOIN documents_files f ON f.id = k.file_id WHERE k.vector IS NOT NULL AND {_LIVE}",
        place.collection_id,
        place.generation,
    )
    if not kept:
        return []
    matrix = numpy.frombuffer(b"".join(bytes(row[1]) for row in kept), dtype="<f4")
    near = matrix.reshape(len(kept), -1) @ numpy.asarray(vector, dtype="<f4")
    best = numpy.argsort(-near)[:limit]
    scores = {int(kept[place][0]): float(near[place]) for place in best}
    marks = ", ".join("?" for _ in scores)
    found = rows.all(
        f"{_SELECT} FROM documents_chunks k JOIN documents_files f ON f.id = k.file_id WHERE k.id IN ({marks})",
        *scores,
    )
    hits = [_hit(row, max(0.0, min(1.0, scores[row[0]]))) for row in found]
    return sorted(hits, key=lambda hit: -scores[hit.chunk_id])


def _share(words: Sequence[set[str]], has: set[str]) -> float:
    return round(sum(bool(word & has) for word in words) / len(words), 4)


def _hit(row: Row, score: float) -> Hit:
    return Hit(
        chunk_id=row[0],
        document_id=row[1],
        filename=row[2],
        text=row[3],
        page=row[4],
        start=row[5],
        end=row[6],
        index=row[7],
        metadata=msgspec.json.decode(row[8]),
        score=score,
    )
