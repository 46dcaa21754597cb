"""
Collections, documents and passages in the store.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import PurePath
from typing import Any, TypeVar
from uuid import uuid4

import msgspec

from avance.apps.documents.model import Document, OnDuplicate, Piece, Place, Source
from avance.apps.documents.text.chunks import Chunk
from avance.errors import Conflict
from avance.storage import Changes, Durability, Engine, Records, Row, Rows

_FILE = (
    "f.id, f.filename, f.content_hash, f.mime_type, f.file_size, f.chunks, f.pages, f.language, f.title, f.author,"
    " f.dated, f.keywords, f.metadata, f.job_id, f.owner, f.blob_key, f.uploaded_ms, f.version"
)
_LIVE = "f.is_ready = 1 AND f.generation = c.generation"
STEM_CHARS_MAX = 60
T = TypeVar("T")


class Indexed(msgspec.Struct, frozen=True, kw_only=True):
    """
    A passage and the words by which it is found.
    """

    chunk_id: int
    stems: list[str]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """
    Which documents are looked for; what is None does not matter.
    """

    collection: str | None = None
    text: str | None = None
    """A part of the name."""
    language: str | None = None
    mime_type: str | None = None
    job_id: str | None = None
    since_ms: int | None = None
    before_ms: int | None = None


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """
    What came of showing the documents of a job.
    """

    duplicates: dict[str, str]
    """Those whose bytes another job was faster with, and by which document."""
    gone: list[str]
    """The documents that were replaced."""
    files: list[str]
    """Theirs; nobody needs them any more."""


class Catalog:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def _draft(self, work: Callable[[Changes], T]) -> T:
        """
        Write what nobody sees yet. It reaches the disk at the latest with `finish`, and is made anew after a crash.
        """
        return await self._records.write(work, durability=Durability.NORMAL)

    async def place(
        self,
        owner: str,
        tenant: str | None,
        name: str,
        *,
        fresh: bool,
        collection_id: int | None = None,
    ) -> Place:
        """
        Find a collection, or make it. A fresh one grows beside the present one and is not asked before `finish`.

        Args:
            collection_id: The one that had this name when somebody asked; it may have another by now.
        """
        return await self._records.write(
            partial(_place, owner, tenant or "", name, fresh, collection_id)
        )

    async def id_of(self, owner: str, tenant: str | None, name: str) -> int:
        """
        The collection into which work goes that is queued now, made if it is not there. Asked again by its name when the work begins, it may be
        another one.
        """
        own = await self._records.read(partial(_own, owner, tenant or "", name))
        if own is None:
            own = await self.place(owner, tenant, name, fresh=False)
        return own.collection_id

    async def find(self, owner: str, tenant: str | None, name: str) -> Place | None:
        """
        The collection that this owner asks under a name: an own one, or one that is shared.
        """
        return await self._records.read(partial(_find, owner, tenant or "", name))

    async def clear(self, job_id: str) -> None:
        """
        Remove what an attempt of this job left half done.
        """
        while await self._draft(partial(_clear, job_id)):
            pass

    async def of_job(self, job_id: str) -> list[Document]:
        """
        The documents that a job has shown. They appear all at once, so that any of them says that its work was done.
        """
        return await self._records.read(partial(_of_job, job_id))

    async def unreferenced(self, keys: Sequence[str]) -> list[str]:
        """
        Which of these files no document has.
        """
        return await self._records.read(partial(_unreferenced, keys))

    async def duplicate(self, place: Place, sha256: str) -> Document | None:
        """
        The document of the collection with the same bytes.
        """
        return await self._records.read(partial(_duplicate, place, sha256))

    async def begin(
        self, place: Place, job_id: str, position: int, owner: str, source: Source, mime_type: str
    ) -> str:
        """
        Make room for a document that nobody sees yet.
        """
        return await self._draft(partial(_begin, place, job_id, position, owner, source, mime_type))

    async def add_chunks(self, file_id: str, first: int, chunks: Sequence[Chunk]) -> list[int]:
        """
        Store passages from this index on, and answer their ids.
        """
        return await self._draft(partial(_add_chunks, file_id, first, chunks))

    async def enrich(self, details: Sequence[tuple[int, dict[str, Any]]]) -> None:
        """
        Store what was found out of passages.
        """
        await self._draft(partial(_enrich, details))

    async def describe(self, file_id: str, **fields: Any) -> None:
        """
        Store what was found out of a document.
        """
        await self._draft(partial(_describe, file_id, fields))

    async def index(self, words: Sequence[Indexed]) -> None:
        """
        Make passages known by their words.
        """
        await self._draft(partial(_index, words))

    async def finish(
        self,
        place: Place,
        files: Sequence[str],
        policy: OnDuplicate,
        model: tuple[str, int] | None,
        *,
        fresh: bool,
        replaces: str | None = None,
    ) -> "Shown":
        """
        Show all documents of a job at once.

        Args:
            replaces: The document that its only file is read anew for.
        """
        return await self._records.write(
            partial(_finish, place, files, policy, model, fresh, replaces)
        )

    async def sweep(self, collection_id: int) -> list[tuple[str, str | None]]:
        """
        Remove what a collection had before it was built anew, and answer those documents with their files.
        """
        gone: list[tuple[str, str | None]] = []
        while found := await self._draft(partial(_sweep, collection_id)):
            gone += found
        return gone

    async def collection_of(self, document_id: str) -> tuple[int, str] | None:
        """
        The collection that a document is in: its id and its name.
        """
        return await self._records.read(partial(_collection_of, document_id))

    async def documents(
        self,
        owner: str,
        *,
        wanted: "Wanted | None" = None,
        limit: int = 50,
        offset: int = 0,
    ) -> tuple[list[Document], int]:
        """
        The newest documents of an owner, and how many there are.
        """
        return await self._records.read(
            partial(_documents, owner, wanted or Wanted(), limit, offset), is_long=True
        )

    async def document(self, document_id: str) -> Document | None:
        return await self._records.read(partial(_document, document_id))

    async def pieces(self, document_id: str) -> list[Piece]:
        return await self._records.read(partial(_pieces, document_id), is_long=True)

    async def remove(self, document_ids: Sequence[str]) -> int:
        """
        Remove documents with their passages and words; each as a whole.
        """
        count = 0
        for document_id in document_ids:
            count += await self._records.write(partial(_remove, document_id))
        return count

    async def remove_collection(self, place: Place) -> int:
        """
        Remove a collection and answer how many documents it had.
        """
        ids = await self._records.read(partial(_ids_of, place.collection_id), is_long=True)
        count = await self.remove(ids)
        await self._records.write(partial(_drop, place.collection_id))
        return count

    async def owns(self, owner: str, collection_id: int) -> bool:
        """
        Whether a collection is this owner's own, not one that is shared with it.
        """
        return await self._records.read(partial(_owns, owner, collection_id))

    async def counts(self, owner: str) -> tuple[int, int, int]:
        """
        Collections, documents and passages of an owner.
        """
        return await self._records.read(partial(_counts, owner), is_long=True)


def _place(
    owner: str,
    tenant: str,
    name: str,
    fresh: bool,
    collection_id: int | None,
    changes: Changes,
) -> Place:
    found = _own_by_id(owner, tenant, collection_id, changes)
    if found is None:
        found = _made(owner, tenant, name, changes)
    if not fresh:
        return found
    newest = changes.one(
        "SELECT coalesce(max(generation), 0) FROM documents_files WHERE collection_id = ?",
        found.collection_id,
    )
    assert newest is not None
    return msgspec.structs.replace(
        found,
        generation=max(int(newest[0]), found.generation) + 1,
        embedding_model=None,
        dimensions=None,
    )


def _made(owner: str, tenant: str, name: str, changes: Changes) -> Place:
    changes.run(
        "INSERT INTO documents_collections (owner, tenant, name, created_ms) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (tenant, owner, name) DO NOTHING",
        owner,
        tenant,
        name,
        changes.now_ms,
    )
    found = _own(owner, tenant, name, changes)
    assert found is not None
    return found


def _own_by_id(owner: str, tenant: str, collection_id: int | None, rows: Rows) -> Place | None:
    return _read_place(
        rows.one(
            f"{_SELECT_PLACE} WHERE id = ? AND tenant = ? AND owner = ?",
            collection_id,
            tenant,
            owner,
        )
    )


def _find(owner: str, tenant: str, name: str, rows: Rows) -> Place | None:
    own = _own(owner, tenant, name, rows)
    if own is not None:
        return own
    return _read_place(
        rows.one(
            f"{_SELECT_PLACE} WHERE tenant = ? AND name = ? AND is_shared = 1 ORDER BY id LIMIT 1",
            tenant,
            name,
        )
    )


_SELECT_PLACE = "SELECT id, name, generation, embedding_model, dimensions, hybrid_weight FROM documents_collections"


def _own(owner: str, tenant: str, name: str, rows: Rows) -> Place | None:
    return _read_place(
        rows.one(
            f"{_SELECT_PLACE} WHERE tenant = ? AND owner = ? AND name = ?", tenant, owner, name
        )
    )


def _read_place(row: Row | None) -> Place | None:
    if row is None:
        return None
    found, name, generation, model, dimensions, weight = row
    return Place(
        collection_id=found,
        name=name,
        generation=generation,
        embedding_model=model,
        dimensions=dimensions,
        hybrid_weight=weight,
    )


def _clear(job_id: str, changes: Changes) -> int:
    row = changes.one(
        "SELECT id FROM documents_files WHERE job_id = ? AND is_ready = 0 LIMIT 1", job_id
    )
    return 0 if row is None else _remove(row[0], changes)


def _duplicate(place: Place, sha256: str, rows: Rows) -> Document | None:
    row = rows.one(
        f"SELECT {_FILE} FROM documents_files f WHERE f.collection_id = ? AND f.generation = ? AND f.content_hash = ? AND f.is_ready = 1",
        place.collection_id,
        place.generation,
        sha256,
    )
    return None if row is None else _read_file(row)


def _begin(
    place: Place,
    job_id: str,
    position: int,
    owner: str,
    source: Source,
    mime_type: str,
    changes: Changes,
) -> str:
    _generation(place, changes)
    stem = "".join(char if char.isalnum() else "-" for char in PurePath(source.name).stem)
    file_id = f"{stem[:STEM_CHARS_MAX] or 'document'}-{uuid4()}"
    if source.document_id is not None and not changes.one(
        "SELECT 1 FROM documents_files WHERE id = ?", source.document_id
    ):
        file_id = source.document_id
    changes.run(
        "INSERT INTO documents_files (id, collection_id, generation, job_id, position, owner, filename, content_hash,"
        " mime_type, file_size, blob_key, metadata, uploaded_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(file_id, place.collection_id, place.generation, job_id, position, owner),
        *(source.name, source.sha256, mime_type, source.size, source.key),
        *(msgspec.json.encode(source.metadata).decode(), changes.now_ms),
    )
    return file_id


def _add_chunks(file_id: str, first: int, chunks: Sequence[Chunk], changes: Changes) -> list[int]:
    changes.run_many(
        "INSERT INTO documents_chunks (file_id, chunk_index, text, page, start_char, end_char) VALUES (?, ?, ?, ?, ?, ?)",
        [
            (file_id, index, chunk.text, chunk.page, chunk.start, chunk.end)
            for index, chunk in enumerate(chunks, start=first)
        ],
    )
    rows = changes.all(
        "SELECT id FROM documents_chunks WHERE file_id = ? AND chunk_index >= ? ORDER BY chunk_index",
        file_id,
        first,
    )
    return [row[0] for row in rows]


def _enrich(details: Sequence[tuple[int, dict[str, Any]]], changes: Changes) -> None:
    changes.run_many(
        "UPDATE documents_chunks SET details = ? WHERE id = ?",
        [(msgspec.json.encode(found).decode(), chunk_id) for chunk_id, found in details],
    )


def _describe(file_id: str, fields: dict[str, Any], changes: Changes) -> None:
    if "keywords" in fields:
        fields = {**fields, "keywords": msgspec.json.encode(fields["keywords"]).decode()}
    columns = ", ".join(f"{name} = ?" for name in fields)
    changes.run(f"UPDATE documents_files SET {columns} WHERE id = ?", *fields.values(), file_id)


def _index(words: Sequence[Indexed], changes: Changes) -> None:
    if changes.engine is Engine.SQLITE:
        changes.run_many(
            "INSERT OR REPLACE INTO documents_words (rowid, stems) VALUES (?, ?)",
            [(one.chunk_id, " ".join(one.stems)) for one in words],
        )
    else:
        changes.run_many(
            "UPDATE documents_chunks SET stems = to_tsvector('simple', ?) WHERE id = ?",
            [(" ".join(one.stems), one.chunk_id) for one in words],
        )


def _finish(
    place: Place,
    files: Sequence[str],
    policy: OnDuplicate,
    model: tuple[str, int] | None,
    fresh: bool,
    replaces: str | None,
    changes: Changes,
) -> Shown:
    duplicates: dict[str, str] = {}
    replaced: list[tuple[str, str | None]] = []
    asked = _generation(place, changes)
    generation = place.generation if fresh else asked
    version = 1 if replaces is None else _replace(replaces, replaced, changes)
    for file_id in files:
        same = _same(place, generation, file_id, changes)
        if same is not None and policy is OnDuplicate.SKIP:
            duplicates[file_id] = same[0]
            _remove(file_id, changes)
            continue
        if same is not None and policy is OnDuplicate.REPLACE:
            version = _replace(same[0], replaced, changes)
        elif same is not None:
            # Kept beside the other: told apart by its own id, so that the index of equal bytes does not refuse it.
            changes.run(
                "UPDATE documents_files SET content_hash = content_hash || ':' || id WHERE id = ?",
                file_id,
            )
        changes.run(
            "UPDATE documents_files SET is_ready = 1, generation = ?, version = ? WHERE id = ?",
            generation,
            version,
            file_id,
        )
    if model is not None:
        _keep_model(place, model, fresh, changes)
    if fresh:
        changes.run(
            "UPDATE documents_collections SET generation = ? WHERE id = ? AND generation < ?",
            place.generation,
            place.collection_id,
            place.generation,
        )
    return Shown(
        duplicates=duplicates,
        gone=[one for one, _ in replaced],
        files=[key for _, key in replaced if key is not None],
    )


def _generation(place: Place, changes: Changes) -> int:
    """
    What is asked now; it may be newer than when the job began.
    """
    row = changes.one(
        "SELECT generation FROM documents_collections WHERE id = ?", place.collection_id
    )
    if row is None:
        raise _removed(place)
    return int(row[0])


def _removed(place: Place) -> Conflict:
    return Conflict(
        f"the collection {place.name} was removed while a document was read into it",
        code="collection_removed",
    )


def _same(place: Place, generation: int, file_id: str, changes: Changes) -> Row | None:
    row = changes.one("SELECT content_hash FROM documents_files WHERE id = ?", file_id)
    if row is None:
        raise _removed(place)
    return changes.one(
        "SELECT id FROM documents_files WHERE collection_id = ? AND generation = ? AND content_hash = ? AND is_ready = 1",
        place.collection_id,
        generation,
        row[0],
    )


def _replace(document_id: str, replaced: list[tuple[str, str | None]], changes: Changes) -> int:
    """
    Remove a document and answer the version of the next.
    """
    row = changes.one("SELECT version, blob_key FROM documents_files WHERE id = ?", document_id)
    if row is None:
        return 1
    replaced.append((document_id, row[1]))
    _remove(document_id, changes)
    return int(row[0]) + 1


def _sweep(collection_id: int, changes: Changes) -> list[tuple[str, str | None]]:
    rows = changes.all(
        "SELECT f.id, f.blob_key FROM documents_files f JOIN documents_collections c ON c.id = f.collection_id"
        " WHERE c.id = ? AND f.is_ready = 1 AND f.generation < c.generation LIMIT 20",
        collection_id,
    )
    for document_id, _ in rows:
        _remove(document_id, changes)
    return [(row[0], row[1]) for row in rows]


def _collection_of(document_id: str, rows: Rows) -> tuple[int, str] | None:
    row = rows.one(
        "SELECT c.id, c.name FROM documents_collections c JOIN documents_files f ON f.collection_id = c.id WHERE f.id = ?",
        document_id,
    )
    return None if row is None else (int(row[0]), str(row[1]))


def _keep_model(place: Place, model: tuple[str, int], fresh: bool, changes: Changes) -> None:
    # Another job may have brought the first vectors of the collection meanwhile, by another model.
    kept = changes.run(
        "UPDATE documents_collections SET embedding_model = ?, dimensions = ?"
        " WHERE id = ? AND (embedding_model IS NULL OR (embedding_model = ? AND dimensions = ?) OR ? = 1)",
        *model,
        place.collection_id,
        *model,
        int(fresh),
    )
    if not kept:
        raise mixed_embeddings(place.name, model)


def mixed_embeddings(collection: str, model: tuple[str, int]) -> Conflict:
    """
    Why vectors of this model do not come into the collection.
    """
    return Conflict(
        f"the collection {collection} has vectors of another model than {model[0]} ({model[1]} numbers);"
        " build it anew with force_recreate",
        code="mixed_embeddings",
        collection=collection,
    )


def _of_job(job_id: str, rows: Rows) -> list[Document]:
    found = rows.all(
        f"SELECT {_FILE} FROM documents_files f WHERE f.job_id = ? AND f.is_ready = 1 ORDER BY f.position",
        job_id,
    )
    return [_read_file(row) for row in found]


def _unreferenced(keys: Sequence[str], rows: Rows) -> list[str]:
    return [
        key
        for key in keys
        if rows.one("SELECT 1 FROM documents_files WHERE blob_key = ? LIMIT 1", key) is None
    ]


def _documents(
    owner: str, wanted: "Wanted", limit: int, offset: int, rows: Rows
) -> tuple[list[Document], int]:
    where = f"c.id = f.collection_id AND f.owner = ? AND {_LIVE}"
    values: list[Any] = [owner]
    for condition, value in (
        ("c.name = ?", wanted.collection),
        ("f.language = ?", wanted.language),
        ("f.mime_type = ?", wanted.mime_type),
        ("f.job_id = ?", wanted.job_id),
        ("f.uploaded_ms >= ?", wanted.since_ms),
        ("f.uploaded_ms < ?", wanted.before_ms),
    ):
        if value is not None:
            where += f" AND {condition}"
            values.append(value)
    if wanted.text:
        where += " AND lower(f.filename) LIKE ? ESCAPE '!'"
        escaped = wanted.text.lower().replace("!", "!!").replace("%", "!%").replace("_", "!_")
        values.append(f"%{escaped}%")
    tables = f"FROM documents_files f, documents_collections c WHERE {where}"
    total = rows.one(f"SELECT count(*) {tables}", *values)
    found = rows.all(
        f"SELECT {_FILE} {tables} ORDER BY f.uploaded_ms DESC, f.id DESC LIMIT ? OFFSET ?",
        *values,
        limit,
        offset,
    )
    return [_read_file(row) for row in found], 0 if total is None else int(total[0])


def _document(document_id: str, rows: Rows) -> Document | None:
    row = rows.one(
        f"SELECT {_FILE} FROM documents_files f WHERE f.id = ? AND f.is_ready = 1", document_id
    )
    return None if row is None else _read_file(row)


def _pieces(document_id: str, rows: Rows) -> list[Piece]:
    found = rows.all(
        "SELECT id, chunk_index, text, page, start_char, end_char, details FROM documents_chunks WHERE file_id = ? ORDER BY chunk_index",
        document_id,
    )
    return [
        Piece(
            id=one,
            index=index,
            text=text,
            page=page,
            start=start,
            end=end,
            details=msgspec.json.decode(details),
        )
        for one, index, text, page, start, end, details in found
    ]


def _remove(file_id: str, changes: Changes) -> int:
    changes.run("DELETE FROM documents_chunks WHERE file_id = ?", file_id)
    return changes.run("DELETE FROM documents_files WHERE id = ?", file_id)


def _ids_of(collection_id: int, rows: Rows) -> list[str]:
    return [
        row[0]
        for row in rows.all("SELECT id FROM documents_files WHERE collection_id = ?", collection_id)
    ]


def _drop(collection_id: int, changes: Changes) -> None:
    # Also what came into it since it was listed.
    for (file_id,) in changes.all(
        "SELECT id FROM documents_files WHERE collection_id = ?", collection_id
    ):
        _remove(file_id, changes)
    changes.run("DELETE FROM documents_collections WHERE id = ?", collection_id)


def _owns(owner: str, collection_id: int, rows: Rows) -> bool:
    row = rows.one("SELECT owner FROM documents_collections WHERE id = ?", collection_id)
    return row is not None and row[0] == owner


def _counts(owner: str, rows: Rows) -> tuple[int, int, int]:
    row = rows.one(
        "SELECT count(DISTINCT c.id), count(f.id), coalesce(sum(f.chunks), 0)"
        " FROM documents_collections c LEFT JOIN documents_files f"
        f" ON f.collection_id = c.id AND {_LIVE} WHERE c.owner = ?",
        owner,
    )
    assert row is not None
    return int(row[0]), int(row[1]), int(row[2])


def _read_file(row: Row) -> Document:
    return Document(
        id=row[0],
        filename=row[1],
        content_hash=row[2],
        mime_type=row[3],
        file_size=row[4],
        chunks=row[5],
        pages=row[6],
        language=row[7],
        title=row[8],
        author=row[9],
        dated=row[10],
        keywords=msgspec.json.decode(row[11]),
        metadata=msgspec.json.decode(row[12]),
        job_id=row[13],
        owner=row[14],
        blob_key=row[15],
        uploaded_ms=row[16],
        version=row[17],
    )
