"""
Finding passages: by words, and by meaning where embeddings are configured.
"""

from collections.abc import Sequence
from functools import partial

import msgspec

from avance import Avance
from avance.apps.documents.model import Hit, Place
from avance.apps.documents.text.stems import LANGUAGES, WORD, stems
from avance.apps.documents.vectors import Near, vectors_of
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


async def by_meaning(host: Avance, place: Place, vector: Sequence[float], limit: int) -> list[Hit]:
    """
    The passages whose vectors are nearest.
    """
    # A place outside of the store may still have points of passages that are gone.
    near = await vectors_of(host).search(place.collection_id, vector, limit * 2)
    return await host.records.read(partial(_of_near, place, near, limit))


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


def _of_near(place: Place, near: Sequence[Near], limit: int, rows: Rows) -> list[Hit]:
    if not near:
        return []
    marks = ", ".join("?" for _ in near)
    found = rows.all(
        f"{_SELECT} FROM documents_chunks k JOIN documents_files f ON f.id = k.file_id WHERE k.id IN ({marks}) AND {_LIVE}",
        *(one.chunk_id for one in near),
        place.collection_id,
        place.generation,
    )
    rows_of = {(row[0], row[1]): row for row in found}
    hits = [
        _hit(rows_of[one.chunk_id, one.document_id], max(0.0, min(1.0, one.score)))
        for one in near
        if (one.chunk_id, one.document_id) in rows_of
    ]
    return hits[:limit]


def stems_of(chunk_ids: Sequence[int], rows: Rows) -> dict[int, frozenset[str]]:
    """
    The words by which passages are found, as they were indexed.
    """
    if not chunk_ids:
        return {}
    marks = ", ".join("?" for _ in chunk_ids)
    if rows.engine is Engine.SQLITE:
        sql = f"SELECT rowid, stems FROM documents_words WHERE rowid IN ({marks})"
    else:
        sql = (
            "SELECT id, array_to_string(tsvector_to_array(stems), ' ') FROM documents_chunks"
            f" WHERE id IN ({marks})"
        )
    found = {row[0]: frozenset((row[1] or "").split()) for row in rows.all(sql, *chunk_ids)}
    return {chunk_id: found.get(chunk_id, frozenset()) for chunk_id in chunk_ids}


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
